/** Erasing: what, then everything that would go, then a red button behind a tick. */
import { Notification } from '@jupyterlab/apputils';
import type { ReactElement } from 'react';
import { attempt, complain, perform } from '../actions/perform';
import { MlopsFailure } from '../api/failure';
import type { JobResults, WriteArgs } from '../api/types';
import type { Values } from '../dialogs/form';
import { ask } from '../dialogs/form';
import { message } from '../dialogs/message';
import { bytes, plural } from '../parts/format';
import type { IMlops } from '../tokens';

type Plan = JobResults['erase'];
type Wanted = Omit<WriteArgs<'erase'>, 'dry_run' | 'yes' | 'resume'>;

const ROWS = 'rows';
/** More would make a list that nobody reads. */
const MOST = 12;

/** Asks until the user knows what goes, or goes away. */
export async function erase(mlops: IMlops, dataset: string): Promise<void> {
  let values: Values | null = null;
  for (;;) {
    values = await askWhat(mlops, dataset, values);
    if (!values) {
      return;
    }
    const wanted = wantedOf(values, dataset);
    const plan = await planOf(mlops, wanted);
    if (plan === 'elsewhere') {
      return;
    }
    if (plan && plan.versions.length === 0) {
      Notification.info('No version holds it. Nothing was erased.', { autoClose: 8_000 });
    } else if (plan) {
      return carryOut(mlops, wanted, plan);
    }
  }
}

/** Finishes an erasure that was cut off. */
export async function finish(mlops: IMlops): Promise<void> {
  const values = await ask({
    title: 'Finish the erasure?',
    accept: 'Finish',
    verb: 'erase',
    entry: mlops.project.verb('erase'),
    destructive: true,
    fields: [],
    changes: message('An erasure was cut off. What it had begun is done to the end.'),
    arguments: () => ({ resume: true })
  });
  if (values) {
    await perform(mlops, 'erase', { resume: true }, { said: saidOf });
  }
}

function askWhat(mlops: IMlops, dataset: string, before: Values | null): Promise<Values | null> {
  const where = dataset ? `From every version of ${dataset}` : 'From every version of every dataset';
  return ask({
    title: 'Erase for good',
    accept: 'Look what would go…',
    verb: 'erase',
    entry: mlops.project.verb('erase'),
    changes: message(`${where}, from the cache and from the remote. The next step shows what; nothing changes yet.`),
    fields: [
      {
        name: 'kind',
        label: 'What',
        kind: 'choice',
        value: before?.kind ?? ROWS,
        choices: [
          { value: ROWS, label: "A person's rows" },
          { value: 'path', label: 'A file or folder' }
        ]
      },
      {
        name: 'what',
        label: 'Which',
        kind: 'text',
        required: true,
        value: before?.what,
        placeholder: 'email=omar@example.org, or data/photos/0012.jpg',
        help: 'For rows COLUMN=VALUE; for a file its path in the project.'
      },
      {
        name: 'reason',
        label: 'Reason',
        kind: 'text',
        required: true,
        value: before?.reason,
        placeholder: 'request 2026-118',
        help: 'It is kept for good, so it should name nobody.'
      }
    ],
    arguments: given => ({ ...wantedOf(given, dataset) })
  });
}

function wantedOf(values: Values, dataset: string): Wanted {
  const what = String(values.what).trim();
  const place = values.kind === ROWS ? { subject: what } : { path: what };
  return { datasets: dataset ? [dataset] : [], ...place, reason: String(values.reason).trim() };
}

/** What would go; null when that cannot be told, which the user heard. */
async function planOf(mlops: IMlops, wanted: Wanted): Promise<Plan | 'elsewhere' | null> {
  try {
    return (await attempt(mlops, 'erase', { ...wanted, dry_run: true })).result;
  } catch (reason) {
    const failure = MlopsFailure.of(reason);
    if (failure.reference === 'erasure-cut-off') {
      await finish(mlops);
      return 'elsewhere';
    }
    complain(failure);
    return null;
  }
}

async function carryOut(mlops: IMlops, wanted: Wanted, plan: Plan): Promise<void> {
  const values = await ask({
    title: `Erase from ${plural(plan.versions.length, 'version')}?`,
    accept: 'Erase for good',
    verb: 'erase',
    entry: mlops.project.verb('erase'),
    destructive: true,
    changes: <Consequences plan={plan} />,
    fields: [{ name: 'sure', label: 'I know that there is no way back.', kind: 'check', required: true }],
    arguments: () => ({ ...wanted, yes: true })
  });
  if (values) {
    const line = `%mlops erase ${wanted.path ? '--path …' : '--subject …'} --yes`;
    await perform(mlops, 'erase', { ...wanted, yes: true }, { said: saidOf, line });
  }
}

function saidOf(done: Plan): string {
  const where = done.remote ? `the cache and ${done.remote}` : 'the cache';
  return `${plural(done.objects, 'object')} (${bytes(done.bytes)}) erased from ${where}. Tombstone: ${done.erasure}.`;
}

function Consequences(props: { plan: Plan }): ReactElement {
  const { consumers, unreached } = props.plan;
  const names = new Intl.Collator(undefined, { numeric: true });
  const versions = [...props.plan.versions].sort((one, other) =>
    names.compare(`${one.dataset} ${one.label}`, `${other.dataset} ${other.label}`)
  );
  return (
    <div className="jp-Mlops-consequences">
      <List
        text="These versions are rewritten:"
        items={versions.map(one => `${one.dataset} ${one.label}: ${lost(one)}${one.after ? '' : ', nothing is left'}`)}
      />
      {consumers.length > 0 && (
        <List
          text="Made from it, or remembers it:"
          items={consumers.map(one => `${one.kind} ${one.name}: ${one.fate}`)}
        />
      )}
      {unreached.length > 0 && <List text="What cannot be reached:" items={unreached} warns />}
    </div>
  );
}

function lost(version: Plan['versions'][number]): string {
  const files = plural(version.files, 'file');
  return version.rows > 0 ? `${plural(version.rows, 'row')} in ${files}` : files;
}

function List(props: { text: string; items: readonly string[]; warns?: boolean }): ReactElement {
  const { items } = props;
  const rest = items.length - MOST;
  const shown = rest > 0 ? [...items.slice(0, MOST), `and ${rest.toLocaleString()} more`] : items;
  return <div data-warns={props.warns ?? false}>{message(props.text, shown)}</div>;
}
