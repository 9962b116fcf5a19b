/** What a click on a sweep does. */
import { CommandIDs } from '../commands/ids';
import { ask } from '../dialogs/form';
import { message } from '../dialogs/message';
import type { Values } from '../dialogs/form';
import { plural, scalar } from '../parts/format';
import type { IMlops } from '../tokens';
import type { Args } from './args';
import { text } from './args';
import { pairsOf } from './lines';
import { perform } from './perform';

const SAMPLERS = [
  { value: 'tpe', label: 'tpe: learns from earlier trials' },
  { value: 'random', label: 'random' },
  { value: 'grid', label: 'grid: every point' }
];

/** Asks for the space of a stage, and searches it. */
export async function sweep(mlops: IMlops, args: Args): Promise<void> {
  const stage = text(args, 'name');
  const values = await ask({
    title: `Sweep ${stage}`,
    accept: 'Search',
    verb: 'sweep',
    entry: mlops.project.verb('sweep'),
    fields: [
      {
        name: 'space',
        label: 'Parameters and their ranges',
        kind: 'lines',
        required: true,
        placeholder: 'C=log(1e-3,10)\ndepth=int(2,9)\nkind=choice(a,b)',
        help: 'One a line: log, float, int, choice, or [0.1,0.2].'
      },
      { name: 'metric', label: 'Metric', kind: 'text', placeholder: 'auc', help: 'May be left out when there is one.' },
      { name: 'maximize', label: 'The greatest is best', kind: 'check', value: true },
      { name: 'trials', label: 'Trials', kind: 'text', value: '20' },
      { name: 'sampler', label: 'Sampler', kind: 'choice', value: 'tpe', choices: SAMPLERS },
      { name: 'prune', label: 'End trials that lag behind', kind: 'check' }
    ],
    arguments: given => requestOf(stage, given)
  });
  if (values) {
    await perform(mlops, 'sweep', requestOf(stage, values), {
      said: done =>
        done.best
          ? `${plural(done.trials.length, 'trial')}: best ${done.metric} ${scalar(done.best.value)}.`
          : `${plural(done.trials.length, 'trial')}, none ended well.`
    });
  }
}

function requestOf(stage: string, values: Values): Parameters<typeof perform<'sweep'>>[2] {
  const trials = Number(values.trials);
  return {
    stage,
    space: pairsOf(values.space),
    metric: String(values.metric ?? ''),
    maximize: values.maximize === true,
    trials: Number.isInteger(trials) && trials > 0 ? trials : null,
    sampler: SAMPLERS.map(one => one.value as 'tpe' | 'random' | 'grid').find(one => one === values.sampler) ?? 'tpe',
    prune: values.prune === true
  };
}

/** Goes on with a sweep that was cut off. */
export async function resumeSweep(mlops: IMlops, args: Args): Promise<void> {
  await perform(
    mlops,
    'sweep',
    { resume: text(args, 'name') },
    { said: done => `${plural(done.trials.length, 'trial')}.` }
  );
}

/** Makes the best parameters those of the workspace: nothing has to run for it. */
export async function applySweep(mlops: IMlops, args: Args): Promise<void> {
  const name = text(args, 'name');
  const found = await mlops.project.client.read('sweeps', mlops.project.folder, { name });
  const best = found.sweeps[0]?.best;
  const lines = Object.entries(best?.parameters ?? {}).map(([key, value]) => `${key} = ${scalar(value)}`);
  const values = await ask({
    title: `Apply the best of sweep #${name}?`,
    accept: 'Apply',
    verb: 'sweep apply',
    entry: mlops.project.verb('sweep apply'),
    destructive: true,
    loses: false,
    fields: [],
    changes: message('This writes into params.yaml, and restores what the trial made:', lines),
    arguments: () => ({ name })
  });
  if (values) {
    await perform(mlops, 'sweep apply', { name }, { said: () => `The best of sweep #${name} is applied.` });
  }
}

/** Opens the board of a sweep. */
export async function openSweep(mlops: IMlops, args: Args): Promise<void> {
  const spec = { kind: 'sweep', first: text(args, 'name'), second: '', project: mlops.project.folder };
  await mlops.app.commands.execute(CommandIDs.openView, spec);
}
