/** Everything known about one run: what it did, with what, where, and what it printed. */
import type { ReactElement } from 'react';
import type { ReadResult, RunSummary } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { Button } from '../parts/button';
import { duration, moment, scalar } from '../parts/format';
import { useCommand } from '../parts/hooks';
import { State } from '../parts/state';
import { alone, verdictOf } from '../pipelines/model';
import { Facts, Table } from './parts';

/** As git shortens them. */
const COMMIT = 7;
const DIGEST = 12;

export function RunShown(props: { shown: ReadResult<'show'>; run: RunSummary }): ReactElement {
  const { run, shown } = props;
  return (
    <>
      <Buttons run={run} />
      <Facts facts={factsOf(run)} />
      <Table
        label="Stages"
        heads={['Stage', 'State', 'Took', 'Failed in', 'Why']}
        rows={run.stages.map(stage => [
          stage.name,
          <State key="state" state={stage.state} word />,
          duration(stage.seconds),
          stage.cell === null ? '' : `cell ${stage.cell}`,
          stage.error || stage.reason
        ])}
      />
      <Values label="Parameters" values={run.parameters} />
      <Values label="Metrics" values={run.metrics} />
      <Values label="Seeds" values={run.seeds} />
      <Digests label="Inputs" digests={run.inputs} />
      <Digests label="Outputs" digests={run.outputs} />
      <Text label="Changes besides the commit" text={shown.changes} />
      <Text label="Log" text={shown.log} />
    </>
  );
}

function Buttons(props: { run: RunSummary }): ReactElement {
  const execute = useCommand();
  const { run } = props;
  const stages = run.stages.map(stage => stage.name).join('\n');
  const open = (): void => execute(CommandIDs.openRun, { run: run.run });
  const compare = (): void => execute(CommandIDs.compareRuns, { after: run.run });
  const reproduce = (): void => execute(CommandIDs.reproduce, { number: `${run.number}` });
  return (
    <div className="jp-Mlops-choices">
      <Button label="Open" hint="Open the executed notebook" onClick={open} />
      <Button label="Run again" verb="run" onClick={() => execute(CommandIDs.runAgain, { stages })} />
      <Button label="Reproduce" verb="reproduce" onClick={reproduce} />
      <Button label="Compare" hint="Compare with the run before" idle={alone(run)} onClick={compare} />
      <Button label="Show lineage" onClick={() => execute(CommandIDs.lineage, { reference: run.run })} />
    </div>
  );
}

function factsOf(run: RunSummary): (readonly [string, ReactElement | string])[] {
  const digest = (text: string): ReactElement => (
    <code key={text} title={text}>
      {text.slice(0, DIGEST)}{' '}
    </code>
  );
  return [
    ['State', <State key="state" state={run.state} word />],
    ['Started', `${run.author}, ${moment(run.started)}`],
    ['Took', duration(run.seconds)],
    ['Git commit', run.git_commit ? `${run.git_commit.slice(0, COMMIT)}${run.dirty ? ', with changes' : ''}` : ''],
    ['Environment', run.environments.length > 0 ? <>{run.environments.map(digest)}</> : ''],
    ['Declared', Object.keys(run.declared).join(', ')],
    ['Executed again', verdictOf(run).replace(/^reproduced: /, '')],
    ['Not kept', run.unkept.join(', ')]
  ];
}

function Values(props: { label: string; values: RunSummary['parameters'] }): ReactElement | null {
  const rows = Object.entries(props.values).map(([name, value]) => [name, scalar(value)]);
  return rows.length > 0 ? <Table label={props.label} heads={[props.label, 'Value']} rows={rows} /> : null;
}

function Digests(props: { label: string; digests: Readonly<Record<string, string>> }): ReactElement | null {
  const rows = Object.entries(props.digests).map(([path, digest]) => [
    path,
    <code key="digest" title={digest}>
      {digest.slice(0, DIGEST)}
    </code>
  ]);
  return rows.length > 0 ? <Table label={props.label} heads={[props.label, 'Digest']} rows={rows} /> : null;
}

function Text(props: { label: string; text: string }): ReactElement | null {
  return props.text ? (
    <details className="jp-Mlops-printed">
      <summary>{props.label}</summary>
      <pre>{props.text}</pre>
    </details>
  ) : null;
}
