/** What the user points at; Lineage and Drift follow it. */

export type ThingKind = 'data' | 'stage' | 'run' | 'model' | 'deployment';

/** A row of the sidebar that stands for something with a reference. */
export interface ISelection {
  readonly kind: ThingKind;
  /** `employment`, `train`, `credit`. */
  readonly name: string;
  /** `v4`, without the digest; empty where the thing has none. */
  readonly version: string;
  /** What the verbs take: `employment@v4`, a run's id, a deployment's name. */
  readonly reference: string;
  /** The first characters of its content's digest, where it has content. */
  readonly digest?: string;
  /** Whether it stands for whatever version is current, so that a new one takes its place. */
  readonly follows?: boolean;
}

/** The same thing? Two objects may say so. */
export function same(one: ISelection | null, other: ISelection | null): boolean {
  return one?.kind === other?.kind && one?.reference === other?.reference;
}

/** `data@v4` for a dataset and a version; the bare name when it has none yet. */
export function referenceOf(name: string, version: string | null): string {
  return version ? `${name}@${bare(version)}` : name;
}

/** `v4` for the label `v4·7f3a`. */
export function bare(label: string): string {
  return label.split('·')[0] ?? label;
}

/** `7f3a` of the label `v4·7f3a`; empty when it has none. */
export function digestOf(label: string | null): string {
  return label?.split('·')[1] ?? '';
}

/** `employment` of `data/employment.parquet`: what people call it. */
export function shortName(path: string): string {
  return path.replace(/^.*\//, '').replace(/(.)\.[^.]*$/, '$1');
}
