/** What was run, newest first. */
import type { ReactElement } from 'react';
import type { RunSummary } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { same } from '../model/selection';
import { Button } from '../parts/button';
import { age, duration, moment, plural, scalar } from '../parts/format';
import { useCommand, useMinute, useMlops, useResource, useSelection } from '../parts/hooks';
import { Loaded } from '../parts/loaded';
import { openMenu } from '../parts/menu';
import { State, lookOf } from '../parts/state';
import { Row, Tree } from '../parts/tree';
import { When } from '../parts/when';
import { Windowed } from '../parts/windowed';
import { useFilter } from '../shell/filter';
import { alone, labelOf, liveOf, placeOf, runMenu, runSelection, titleOf, verdictOf, wordsOf } from './model';

export function Runs(): ReactElement {
  const { project } = useMlops();
  const matches = useFilter();
  return (
    <Loaded of={project.runs}>
      {page => {
        const found = page.items.filter(run => matches(...wordsOf(run)));
        // Runs are numbered without gaps, so the oldest shown says how many are left.
        const more = page.next === null ? 0 : Math.max(1, (page.items.at(-1)?.number ?? 1) - 1);
        return found.length > 0 ? (
          <>
            <h4 className="jp-Mlops-sub">Runs</h4>
            <Tree label="Runs">
              <Windowed items={found} more={more} onMore={count => project.runs.more(count)} keyOf={run => run.run}>
                {(run, at) => <RunRow run={run} position={[at + 1, found.length + more]} />}
              </Windowed>
            </Tree>
          </>
        ) : null;
      }}
    </Loaded>
  );
}

function RunRow(props: { run: RunSummary; position: [number, number] }): ReactElement {
  const { app, project } = useMlops();
  const execute = useCommand();
  const selected = useSelection();
  const now = useMinute();
  const { run } = props;
  const mine = runSelection(run);
  const stages = useResource(project.status).value?.stages ?? [];
  const place = run.state === 'running' ? liveOf(run, stages) : placeOf(run);
  const open = (): void => execute(CommandIDs.openRun, { run: run.run });
  const compare = (): void => execute(CommandIDs.compareRuns, { after: run.run });
  return (
    <Row
      id={`run:${run.run}`}
      level={1}
      position={props.position}
      name={[`run ${run.number || ''}`.trim(), titleOf(run), lookOf(run.state).word, place, age(run.started, now)].join(
        ', '
      )}
      tip={tipOf(run)}
      selected={same(selected, mine)}
      label={
        <>
          <State state={run.state} />
          {run.number > 0 && <span className="jp-Mlops-version jp-mod-whole">{labelOf(run)}</span>}
          <span className="jp-Mlops-name">{titleOf(run)}</span>
          <span className="jp-Mlops-text">{place}</span>
        </>
      }
      detail={<When author={run.author} time={run.started} />}
      buttons={
        run.state === 'running' ? (
          <Button label="Stop" verb="cancel" onClick={() => execute(CommandIDs.cancelRun, { run: run.run })} />
        ) : (
          <>
            <Button label="Open" hint="Open the executed notebook" onClick={open} />
            <Button label="Compare" hint="Compare with the run before" idle={alone(run)} onClick={compare} />
          </>
        )
      }
      onSelect={() => project.select(mine)}
      onOpen={run.state === 'running' ? undefined : open}
      onMenu={(x, y) => openMenu(app.commands, runMenu(run), x, y)}
    />
  );
}

function tipOf(run: RunSummary): string {
  const failed = run.stages.find(stage => stage.state === 'failed');
  const metrics = Object.entries(run.metrics).map(([name, value]) => `${name} ${scalar(value)}`);
  return [
    `${labelOf(run)} ${lookOf(run.state).word}, ${plural(run.stages.length, 'stage')} in ${duration(run.seconds)}`,
    failed?.error ?? '',
    metrics.join(', '),
    `${run.author}, ${moment(run.started)}`,
    run.dirty ? 'with changes that were not committed' : '',
    verdictOf(run)
  ]
    .filter(Boolean)
    .join('\n');
}
