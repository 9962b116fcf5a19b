/** Datasets and versions as rows. */
import type { DatasetState, DatasetVersion } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { ISelection, bare, digestOf, referenceOf, shortName } from '../model/selection';
import type { MenuEntry } from '../parts/menu';

/** A dataset stands for its current version. */
export function selectionOf(dataset: DatasetState): ISelection {
  const version = dataset.version ? bare(dataset.version) : '';
  const reference = referenceOf(dataset.path, dataset.version);
  const digest = digestOf(dataset.version);
  return { kind: 'data', name: dataset.path, version, reference, digest, follows: true };
}

export function versionSelection(version: DatasetVersion): ISelection {
  const reference = referenceOf(version.dataset, version.version);
  const digest = digestOf(version.label);
  return { kind: 'data', name: version.dataset, version: bare(version.version), reference, digest };
}

/** The short name, unless two datasets share it. */
export function nameOf(dataset: DatasetState, all: readonly DatasetState[]): string {
  const file = (one: DatasetState): string => one.path.replace(/^.*\//, '');
  const alone = (called: (one: DatasetState) => string): boolean =>
    all.filter(one => called(one) === called(dataset)).length === 1;
  // What a stage writes keeps its ending: `train.ipynb` and the stage `train` are two things.
  if (dataset.kind === 'data' && alone(one => shortName(one.path))) {
    return shortName(dataset.path);
  }
  return alone(file) ? file(dataset) : dataset.path;
}

/** `+412`: what changed since the last version, in rows when it is a table, else in files. */
export function changeOf(dataset: DatasetState): string {
  if (dataset.rows_changed) {
    const rows = Math.abs(dataset.rows_changed);
    return `${dataset.rows_changed > 0 ? '+' : '−'}${rows.toLocaleString()} ${rows === 1 ? 'row' : 'rows'}`;
  }
  const parts: [string, number][] = [
    ['+', dataset.added],
    ['~', dataset.modified],
    ['−', dataset.removed]
  ];
  return parts.flatMap(([sign, count]) => (count > 0 ? [`${sign}${count}`] : [])).join(' ');
}

/** What a right click on a dataset offers. */
export function datasetMenu(dataset: DatasetState): MenuEntry[] {
  const { path } = dataset;
  const { reference } = selectionOf(dataset);
  const tracked = dataset.kind === 'data';
  return [
    ...(tracked ? [[CommandIDs.commit, { path }] as const] : []),
    [CommandIDs.diff, { before: path, label: 'Diff with the last version' }],
    [CommandIDs.push, { path }],
    [CommandIDs.pull, { path }],
    [CommandIDs.fetch, { path }],
    null,
    [CommandIDs.show, { reference }],
    [CommandIDs.lineage, { reference }],
    [CommandIDs.drift, { reference, label: 'Compare drift with the version before' }],
    null,
    [CommandIDs.retention, { path }],
    [CommandIDs.erase, { path }],
    null,
    [CommandIDs.copyReference, { reference }]
  ];
}

/** Tables, notebooks and pictures: nobody predicts with them. */
const NO_MODEL = /\.(arrow|csv|feather|ipynb|jpe?g|jsonl?|ndjson|parquet|png|tsv|txt|xlsx?)$/i;

/** What concerns all data. */
export const DATA_MENU: readonly MenuEntry[] = [
  [CommandIDs.search],
  null,
  [CommandIDs.importData],
  [CommandIDs.push],
  [CommandIDs.pull],
  [CommandIDs.fetch],
  null,
  [CommandIDs.verify],
  [CommandIDs.repair],
  null,
  [CommandIDs.retention],
  [CommandIDs.collect],
  [CommandIDs.erase]
];

/** What a right click on a version offers. */
export function versionMenu(version: DatasetVersion, previous: DatasetVersion | undefined): MenuEntry[] {
  const reference = referenceOf(version.dataset, version.version);
  const against = previous ? referenceOf(previous.dataset, previous.version) : '';
  const compare: MenuEntry[] = previous
    ? [
        [CommandIDs.diff, { before: against, after: reference }],
        [CommandIDs.drift, { reference, against, label: `Compare drift with ${bare(previous.version)}` }]
      ]
    : [];
  return [
    [CommandIDs.checkout, { reference }],
    ...compare,
    [CommandIDs.diff, { before: reference, label: 'Diff with the workspace' }],
    [CommandIDs.show, { reference }],
    [CommandIDs.lineage, { reference }],
    null,
    [CommandIDs.tag, { reference }],
    ...(NO_MODEL.test(version.dataset)
      ? []
      : [[CommandIDs.register, { path: version.dataset, label: 'Register as a model…' }] as const]),
    null,
    [CommandIDs.copyReference, { reference }],
    [CommandIDs.copyLine, { line: `%mlops checkout ${reference}`, label: 'Copy %mlops line' }]
  ];
}
