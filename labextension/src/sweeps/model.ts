/** Sweeps as rows, and as points of a figure. */
import type { Sweep, SweepTrial } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { plural, scalar } from '../parts/format';
import type { MenuEntry } from '../parts/menu';
import type { Figure } from '../views/plot';

/** `12/20 trials, best 0.83` */
export function summaryOf(sweep: Sweep): string {
  const trials = `${sweep.trials.length}/${plural(sweep.planned, 'trial')}`;
  return sweep.best ? `${trials}, best ${scalar(sweep.best.value)}` : trials;
}

/** What a right click on a sweep offers. */
export function sweepMenu(sweep: Sweep): MenuEntry[] {
  const name = `${sweep.number}`;
  const unfinished = sweep.state === 'interrupted';
  return [
    [CommandIDs.openSweep, { name }],
    ...(sweep.best ? [[CommandIDs.applySweep, { name }] as const] : []),
    ...(unfinished ? [[CommandIDs.resumeSweep, { name }] as const] : []),
    ...(sweep.best ? [[CommandIDs.register, { source: sweep.best.run }] as const] : []),
    null,
    [CommandIDs.copyLine, { line: `%mlops sweeps ${name}` }]
  ];
}

/** Every trial as a line through its parameters and its value; texts get places of their own. */
export function parallel(sweep: Sweep, colours: { text: string; base: string; calm: string }): Figure {
  const trials = sweep.trials.filter(trial => trial.value !== null);
  const values = trials.map(trial => trial.value ?? 0);
  const names = Object.keys(sweep.space);
  return {
    data: [
      {
        type: 'parcoords',
        line: {
          color: values.map(value => (sweep.maximize ? value : -value)),
          colorscale: [
            [0, colours.calm],
            [1, colours.base]
          ]
        },
        dimensions: [
          ...names.map(name =>
            dimension(
              name,
              trials.map(trial => trial.parameters[name] ?? null)
            )
          ),
          { label: sweep.metric, values }
        ]
      }
    ],
    layout: {
      height: 320,
      margin: { l: 60, r: 60, t: 40, b: 30 },
      paper_bgcolor: 'transparent',
      font: { color: colours.text }
    }
  };
}

function dimension(label: string, found: readonly SweepTrial['parameters'][string][]): Figure['data'][number] {
  if (found.every(value => typeof value === 'number')) {
    return { label, values: [...found] };
  }
  const kinds = [...new Set(found.map(scalar))].sort();
  return {
    label,
    values: found.map(value => kinds.indexOf(scalar(value))),
    tickvals: kinds.map((_, at) => at),
    ticktext: kinds
  };
}
