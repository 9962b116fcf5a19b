/** What changes when a stage is edited. */
import type { ReadResult, WriteArgs } from '../api/types';
import { ask } from '../dialogs/form';
import type { IField, Values } from '../dialogs/form';
import type { IMlops } from '../tokens';
import { linesOf } from './lines';
import { perform } from './perform';

type Stage = ReadResult<'stage list'>['stages'][number];
type Limit = keyof Stage['limits'];

/** Each limit, and what an empty field means. */
const LIMITS: readonly (IField & { readonly name: Limit; readonly none: number })[] = [
  { name: 'retries', label: 'Retries', kind: 'number', none: 0, help: 'How often it is run again after a failure.' },
  {
    name: 'timeout',
    label: 'Timeout (s)',
    kind: 'number',
    none: 0,
    help: 'What one attempt may take; empty: no limit.'
  },
  { name: 'cpus', label: 'Processors', kind: 'number', none: 1, help: 'How many it keeps busy.' },
  { name: 'memory', label: 'Memory (GB)', kind: 'number', none: 0, help: 'What it needs; empty when nobody knows.' }
];

/** Asks how the stage shall be; what the user leaves alone stays as it is in `dvc.yaml`. */
export async function editStage(mlops: IMlops, stage: Stage): Promise<void> {
  const values = await ask({
    title: `Edit stage ${stage.name}`,
    accept: 'Save',
    verb: 'stage edit',
    entry: mlops.project.verb('stage edit'),
    fields: fieldsOf(stage),
    arguments: given => changesOf(stage, given)
  });
  if (values) {
    await perform(mlops, 'stage edit', changesOf(stage, values), { said: () => `Stage ${stage.name} saved.` });
  }
}

function fieldsOf(stage: Stage): IField[] {
  const help = 'One a line, relative to the project.';
  const list = (name: string, label: string, paths: readonly string[]): IField => ({
    name,
    label,
    kind: 'lines',
    help,
    value: paths.join('\n')
  });
  return [
    list('dep', 'It reads', read(stage)),
    list('out', 'It writes', written(stage)),
    list('metrics', 'Metrics files', stage.metrics),
    ...LIMITS.map(field => ({ ...field, value: String(stage.limits[field.name] ?? '') }))
  ];
}

/** Besides its notebook, which it is. */
function read(stage: Stage): string[] {
  return stage.deps.filter(path => path !== stage.notebook);
}

/** Besides the executed notebook, which its command names. */
function written(stage: Stage): string[] {
  return stage.outs.filter(path => !(stage.notebook && stage.command.split(/\s+/).includes(path)));
}

function changesOf(stage: Stage, values: Values): WriteArgs<'stage edit'> {
  const now = { dep: linesOf(values.dep), out: linesOf(values.out), metrics: linesOf(values.metrics) };
  const before = { dep: read(stage), out: written(stage), metrics: stage.metrics };
  const kept = Object.values(now).flat();
  const limit = (name: Limit): number | null => limitOf(stage, name, String(values[name] ?? ''));
  return {
    name: stage.name,
    dep: now.dep.filter(path => !before.dep.includes(path)),
    out: now.out.filter(path => !before.out.includes(path)),
    metrics: now.metrics.filter(path => !before.metrics.includes(path)),
    without: Object.values(before)
      .flat()
      .filter(path => !kept.includes(path)),
    retries: limit('retries'),
    timeout: limit('timeout'),
    cpus: limit('cpus'),
    memory: limit('memory')
  };
}

/** Null when it stays. */
function limitOf(stage: Stage, name: Limit, given: string): number | null {
  const none = LIMITS.find(one => one.name === name)?.none ?? 0;
  const value = given === '' ? none : Number(given);
  return value === (stage.limits[name] ?? none) ? null : value;
}
