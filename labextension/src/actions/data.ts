/** What a click on data does. */
import { Notification } from '@jupyterlab/apputils';
import type { JobResults } from '../api/types';
import { ask } from '../dialogs/form';
import { message } from '../dialogs/message';
import { bare, referenceOf } from '../model/selection';
import { bytes, plural } from '../parts/format';
import type { IMlops } from '../tokens';
import { perform, rehearse } from './perform';
import { setRemote } from './project';
import type { Args } from './args';
import { text } from './args';

/** Saves a version of changed data, or of a file that is no dataset yet. */
export async function commit(mlops: IMlops, args: Args): Promise<void> {
  const path = text(args, 'path');
  const paths = path ? [path] : [];
  const plan = await rehearse(mlops, 'commit', { paths });
  if (!plan) {
    return;
  }
  const news = plan.versions.filter(version => !version.unchanged);
  if (news.length === 0) {
    Notification.info(`Nothing changed${path ? ` in ${path}` : ''} since the last version.`, { autoClose: 6_000 });
    return;
  }
  const items = news.map(one => `${one.dataset}: ${changes(one)}, ${plural(one.files, 'file')}, ${bytes(one.bytes)}`);
  const values = await ask({
    title: 'Commit version',
    accept: 'Commit version',
    verb: 'commit',
    entry: mlops.project.verb('commit'),
    changes: message('These become new versions:', items),
    fields: [
      {
        name: 'message',
        label: 'What changed',
        kind: 'text',
        placeholder: plan.message || 'written for you when empty'
      },
      { name: 'tag', label: 'Tag', kind: 'text', placeholder: 'optional, such as 2026-q1' }
    ],
    arguments: given => ({ paths, message: given.message, tag: given.tag })
  });
  if (values) {
    await perform(
      mlops,
      'commit',
      { paths, message: String(values.message), tag: String(values.tag) },
      {
        said: done => `${done.versions.map(one => `${one.dataset} ${one.version}`).join(', ') || 'Nothing'} committed.`
      }
    );
  }
}

function changes(one: { added: number; modified: number; removed: number; rows_added?: number | null }): string {
  if (one.rows_added) {
    return `${one.rows_added > 0 ? '+' : ''}${one.rows_added.toLocaleString()} rows`;
  }
  return `+${one.added} ~${one.modified} −${one.removed}`;
}

/** Puts a version back, after it said what it would overwrite. */
export async function checkout(mlops: IMlops, args: Args): Promise<void> {
  const reference = text(args, 'reference');
  const plan = await rehearse(mlops, 'checkout', { reference });
  if (!plan) {
    return;
  }
  const now = mlops.project.status.value?.datasets.find(one => one.path === plan.dataset);
  const values = await ask({
    title: `Check out ${reference}?`,
    accept: 'Check out',
    verb: 'checkout',
    entry: mlops.project.verb('checkout'),
    destructive: true,
    // The verb refuses to touch changes that no version holds.
    loses: false,
    fields: [],
    changes: message(`In ${plan.dataset}, this changes:`, [
      `${plural(plan.written, 'file')} written`,
      ...(plan.removed > 0 ? [`${plural(plan.removed, 'file')} removed`] : []),
      'nothing is lost: every version stays in the cache'
    ]),
    arguments: () => ({ reference })
  });
  if (!values) {
    return;
  }
  const before = now?.version ?? null;
  const said = (done: JobResults['checkout']): string => `${done.dataset} is at ${done.version}.`;
  const undo = (done: JobResults['checkout']): (() => Promise<unknown>) | null => {
    const back = before && bare(before) !== bare(done.version) ? referenceOf(done.dataset, before) : null;
    return back ? () => perform(mlops, 'checkout', { reference: back }, { said }) : null;
  };
  await perform(mlops, 'checkout', { reference }, { said, undo });
}

/** Names a version. */
export async function tag(mlops: IMlops, args: Args): Promise<void> {
  const reference = text(args, 'reference');
  const values = await ask({
    title: `Tag ${reference}`,
    accept: 'Tag',
    verb: 'tag',
    entry: mlops.project.verb('tag'),
    fields: [{ name: 'name', label: 'Name', kind: 'text', required: true, placeholder: 'published' }],
    arguments: given => ({ reference, name: given.name })
  });
  if (values) {
    const name = String(values.name);
    await perform(
      mlops,
      'tag',
      { reference, name },
      {
        said: done => `${done.dataset} ${done.version} is now ${done.dataset}@${done.tag}.`,
        undo: () => () => perform(mlops, 'tag', { reference, name, remove: true })
      }
    );
  }
}

/** Sends data to the remote; a project without one is asked for its address first. */
export async function push(mlops: IMlops, args: Args): Promise<void> {
  await transfer(mlops, 'push', args, 'pushed to');
}

/** Fetches data from the remote. */
export async function pull(mlops: IMlops, args: Args): Promise<void> {
  await transfer(mlops, 'pull', args, 'pulled from');
}

async function transfer(mlops: IMlops, verb: 'push' | 'pull', args: Args, done: string): Promise<void> {
  const path = text(args, 'path');
  await perform(
    mlops,
    verb,
    { paths: path ? [path] : [] },
    {
      said: ({ files, bytes: size, remote }) =>
        `${plural(files, 'file')} (${bytes(size)}) ${done} ${remote || 'the remote'}.`,
      remedy: {
        'no-remote': async () => {
          if (await setRemote(mlops)) {
            await transfer(mlops, verb, args, done);
          }
        }
      }
    }
  );
}

/** Brings data in from outside the project. */
export async function importData(mlops: IMlops, args: Args): Promise<void> {
  const values = await ask({
    title: 'Import data',
    accept: 'Import',
    verb: 'import',
    entry: mlops.project.verb('import'),
    changes: message('A copy becomes a dataset of this project, and its source is recorded.'),
    fields: [
      {
        name: 'url',
        label: 'From',
        kind: 'text',
        required: true,
        value: text(args, 'url'),
        placeholder: 'https://… or a path'
      },
      { name: 'path', label: 'To', kind: 'text', placeholder: 'data/… (its own name when empty)' },
      { name: 'message', label: 'What it is', kind: 'text' }
    ],
    arguments: given => ({ url: given.url, path: given.path, message: given.message })
  });
  if (values) {
    const wanted = { url: String(values.url), path: String(values.path), message: String(values.message) };
    await perform(mlops, 'import', wanted, { said: done => `${done.dataset} ${done.version} imported.` });
  }
}
