/** Pipelines: stages and their state, and what was run. */
import { addIcon, runIcon } from '@jupyterlab/ui-components';
import type { ReactElement } from 'react';
import type { StageState, Status } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { same } from '../model/selection';
import { Button } from '../parts/button';
import { useCommand, useMlops, useResource, useSelection } from '../parts/hooks';
import { openMenu } from '../parts/menu';
import { Empty } from '../parts/messages';
import { State, lookOf } from '../parts/state';
import { Row, Tree } from '../parts/tree';
import { useFilter } from '../shell/filter';
import { NoMatch } from '../shell/no-match';
import { RunningJobs } from '../shell/jobs';
import { Section } from '../shell/section';
import { progressOf, stageMenu, stageSelection, wordsOf } from './model';
import { Sweeps } from '../sweeps/panel';
import { Runs } from './runs';

const VERBS = ['run', 'ci', 'stage add', 'stage edit', 'stage remove', 'sweep', 'sweep apply', 'reproduce', 'export'];

export function PipelinesSection(props: { status: Status }): ReactElement {
  const execute = useCommand();
  const buttons = (
    <>
      <Button label="Add a stage…" icon={addIcon} bare verb="stage add" onClick={() => execute(CommandIDs.addStage)} />
      <Button label="Run stale stages" icon={runIcon} bare verb="run" onClick={() => execute(CommandIDs.run)} />
    </>
  );
  return (
    <Section id="pipelines" title="Pipelines" buttons={buttons}>
      {() => (
        <>
          <RunningJobs verbs={VERBS} />
          {props.status.stages.length > 0 ? (
            <Stages stages={props.status.stages} />
          ) : (
            <Empty text="No stages. Open a notebook and press Run as stage." />
          )}
          <Sweeps />
          <Runs />
        </>
      )}
    </Section>
  );
}

function Stages(props: { stages: readonly StageState[] }): ReactElement | null {
  const matches = useFilter();
  const { project } = useMlops();
  const runs = useResource(project.runs).value?.items ?? [];
  const shown = props.stages.filter(stage => matches(stage.name, stage.state, stage.notebook));
  if (shown.length === 0) {
    return runs.some(run => matches(...wordsOf(run))) ? null : <NoMatch />;
  }
  return (
    <Tree label="Stages">
      {shown.map((stage, at) => (
        <StageRow key={stage.name} stage={stage} position={[at + 1, shown.length]} />
      ))}
    </Tree>
  );
}

function StageRow(props: { stage: StageState; position: [number, number] }): ReactElement {
  const { app, project } = useMlops();
  const execute = useCommand();
  const selected = useSelection();
  const { stage } = props;
  const mine = stageSelection(stage);
  const stale = stage.state !== 'up-to-date' && stage.state !== 'running';
  const open = (): void => execute(CommandIDs.openNotebook, { path: stage.notebook ?? '' });
  const run = (): void => execute(CommandIDs.run, { name: stage.name });
  return (
    <Row
      id={`stage:${stage.name}`}
      level={1}
      position={props.position}
      name={[stage.name, lookOf(stage.state).word, progressOf(stage)].filter(Boolean).join(', ')}
      tip={[
        stage.name,
        `${lookOf(stage.state).word}${stage.reason ? `: ${stage.reason}` : ''}`,
        stage.notebook ?? ''
      ].join('\n')}
      selected={same(selected, mine)}
      urgent={stale}
      label={
        <>
          <State state={stage.state} />
          <span className="jp-Mlops-name">{stage.name}</span>
          <span className="jp-Mlops-text">
            {stage.state === 'running' ? progressOf(stage) : lookOf(stage.state).word}
          </span>
        </>
      }
      buttons={stage.state === 'running' ? undefined : <Button label="Run" verb="run" onClick={run} />}
      onSelect={() => project.select(mine)}
      onOpen={stage.notebook ? open : undefined}
      onMenu={(x, y) => openMenu(app.commands, stageMenu(stage), x, y)}
    />
  );
}
