/** What a tab of the main area shows; enough to open it again after a reload. */
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { bare, shortName } from '../model/selection';

const KINDS = [
  'diff',
  'lineage',
  'drift',
  'compare',
  'monitor',
  'show',
  'search',
  'verified',
  'retention',
  'sweep'
] as const;
export type ViewKind = (typeof KINDS)[number];

export interface IViewSpec {
  readonly kind: ViewKind;
  readonly project: string;
  readonly first: string;
  readonly second: string;
}

/** Reads a spec from a command's arguments. */
export function specOf(args: ReadonlyPartialJSONObject): IViewSpec {
  const text = (name: string): string => {
    const value = args[name];
    return typeof value === 'string' ? value : '';
  };
  const kind = KINDS.find(one => one === args.kind) ?? 'lineage';
  return { kind, project: text('project'), first: text('first'), second: text('second') };
}

/** Two specs with one key are one tab. */
export function keyOf(spec: IViewSpec): string {
  return [spec.kind, spec.project, spec.first, spec.second].join('|');
}

/** `employment@v4`, without folder and extension; `Run #18`. */
export function brief(reference: string): string {
  if (reference.startsWith('run:')) {
    return `Run ${numbered(reference.slice(4))}`;
  }
  const [name = '', version] = reference.split('@');
  return version === undefined ? shortName(name) : `${shortName(name)} ${bare(version)}`;
}

/** `#19` for the number of a run; an id as it is. */
export function numbered(run: string): string {
  return /^\d+$/.test(run) ? `#${run}` : run;
}

/** The label of the tab. */
export function titleOf(spec: IViewSpec): string {
  const { first, second } = spec;
  const titles: Readonly<Record<ViewKind, string>> = {
    diff: `Diff: ${brief(first)} → ${second ? brief(second) : 'workspace'}`,
    lineage: first ? `Lineage: ${brief(first)}` : 'Lineage',
    drift: `Drift: ${brief(first)}`,
    compare: first && second ? `Runs ${numbered(first)} → ${numbered(second)}` : 'Compare runs',
    monitor: `Deployment: ${first}`,
    show: brief(first),
    search: 'Search data',
    verified: 'Verify data',
    sweep: `Sweep #${first}`,
    retention: first ? `Retention: ${brief(first)}` : 'Retention'
  };
  return titles[spec.kind];
}
