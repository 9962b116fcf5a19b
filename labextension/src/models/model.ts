/** Models as rows. */
import type { ModelVersion } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { ISelection, bare, referenceOf } from '../model/selection';
import { scalar } from '../parts/format';
import type { MenuEntry } from '../parts/menu';

export function modelSelection(version: ModelVersion): ISelection {
  const reference = referenceOf(version.model, version.version);
  return { kind: 'model', name: version.model, version: bare(version.version), reference };
}

/** `auc 0.83`: the first metrics, as far as a row has room. */
export function metricsOf(version: ModelVersion, count: number): string {
  const some = Object.entries(version.metrics).slice(0, count);
  return some.map(([name, value]) => `${name} ${scalar(value)}`).join(', ');
}

/** What a right click on a model version offers. */
export function modelMenu(version: ModelVersion, previous: ModelVersion | undefined): MenuEntry[] {
  const { reference } = modelSelection(version);
  const both = version.run && previous?.run;
  return [
    [CommandIDs.deploy, { reference }],
    [CommandIDs.alias, { name: version.model, version: bare(version.version) }],
    ...(both ? [[CommandIDs.compareRuns, { before: previous.run ?? '', after: version.run ?? '' }] as const] : []),
    null,
    [CommandIDs.show, { reference }],
    [CommandIDs.lineage, { reference }],
    null,
    [CommandIDs.copyReference, { reference }],
    [CommandIDs.copyLine, { line: `%mlops deploy ${reference}` }]
  ];
}
