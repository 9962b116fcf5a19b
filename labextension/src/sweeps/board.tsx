/** The board of a sweep: its trials, the best first, and how parameters and metric hang together. */
import { useMemo, useRef } from 'react';
import type { ReactElement } from 'react';
import type { Sweep, SweepTrial } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { Button } from '../parts/button';
import { duration, plural, scalar } from '../parts/format';
import { useCommand, useMlops } from '../parts/hooks';
import { Loaded } from '../parts/loaded';
import { Empty } from '../parts/messages';
import { State } from '../parts/state';
import { paletteOf } from '../views/figures';
import { Facts, Heading, Table } from '../views/parts';
import { PLOTLY, Plot } from '../views/plot';
import type { IViewSpec } from '../views/spec';
import { parallel, summaryOf } from './model';

const FEW = 2;

export default function BoardView(props: { spec: IViewSpec }): ReactElement {
  const { project } = useMlops();
  const execute = useCommand();
  const name = props.spec.first;
  const args = { name };
  return (
    <div className="jp-Mlops-sheet">
      <Heading title={`Sweep #${name}`} verb="sweeps" args={args}>
        <Button label="Apply the best…" verb="sweep apply" onClick={() => execute(CommandIDs.applySweep, { name })} />
      </Heading>
      <Loaded of={project.reading('sweeps', args)}>
        {found => (found.sweeps[0] ? <Board sweep={found.sweeps[0]} /> : <Empty text="There is no such sweep." />)}
      </Loaded>
    </div>
  );
}

function Board(props: { sweep: Sweep }): ReactElement {
  const { sweep } = props;
  const { rendermime } = useMlops();
  const drawable = rendermime.mimeTypes.includes(PLOTLY) && sweep.trials.length >= FEW;
  const names = Object.keys(sweep.space);
  const weights = names.map(name => [name, share(sweep.importance[name])] as const).filter(([, text]) => text);
  return (
    <>
      <p className="jp-Mlops-note">
        <State state={sweep.state} word /> {sweep.stage}: {summaryOf(sweep)}
      </p>
      {sweep.notes.map(note => (
        <p key={note} className="jp-Mlops-note">
          {note}
        </p>
      ))}
      <Facts
        facts={[
          ['Metric', `${sweep.metric}, the ${sweep.maximize ? 'greatest' : 'least'} is best`],
          ['Sampler', `${sweep.sampler}, seed ${sweep.seed}`],
          ['Importance', weights.map(pair => pair.join(' ')).join(', ')]
        ]}
      />
      {drawable && <Lines sweep={sweep} />}
      {sweep.trials.length > 0 ? (
        <Table
          label="Trials, the best first"
          heads={['Trial', 'State', sweep.metric, ...names, 'Took', 'Run']}
          rows={sweep.trials.map(trial => cells(trial, names))}
        />
      ) : (
        <Empty text="No trial has ended yet." />
      )}
    </>
  );
}

function Lines(props: { sweep: Sweep }): ReactElement {
  const node = useRef<HTMLDivElement>(null);
  const { sweep } = props;
  const figure = useMemo(() => parallel(sweep, paletteOf(node.current ?? document.body)), [sweep]);
  return (
    <div ref={node}>
      <Plot figure={figure} label={`${plural(sweep.trials.length, 'trial')}; the table below says the same`} />
    </div>
  );
}

function cells(trial: SweepTrial, names: readonly string[]): (ReactElement | string | number)[] {
  return [
    trial.trial,
    <span key="state" title={trial.error}>
      <State state={trial.state} word />
    </span>,
    scalar(trial.value),
    ...names.map(name => scalar(trial.parameters[name] ?? null)),
    duration(trial.seconds),
    trial.number > 0 ? `#${trial.number}` : ''
  ];
}

function share(value: number | undefined): string {
  return value === undefined ? '' : `${Math.round(value * 100)} %`;
}
