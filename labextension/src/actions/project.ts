/** What a click on the project as a whole does. */
import { Clipboard, Notification } from '@jupyterlab/apputils';
import { MlopsFailure } from '../api/failure';
import { ask } from '../dialogs/form';
import { message } from '../dialogs/message';
import type { IMlops } from '../tokens';
import type { Args } from './args';
import { text } from './args';
import { complain, perform } from './perform';

/** Makes the folder a project; asks first, because it creates a git repository. */
export async function init(mlops: IMlops): Promise<void> {
  const folder = mlops.project.folder || 'the root of the server';
  const values = await ask({
    title: 'Create a project here?',
    accept: 'Create project',
    verb: 'init',
    entry: mlops.project.verb('init'),
    destructive: true,
    changes: message(`In ${folder}:`, ['a git repository is created when there is none', 'DVC is set up in it']),
    fields: [
      { name: 'remote', label: 'Remote for data', kind: 'text', placeholder: 'optional: a folder, s3://…, ssh://…' },
      {
        name: 'ci',
        label: 'Check in CI',
        kind: 'choice',
        value: '',
        choices: ['', 'github', 'gitlab', 'shell'].map(value => ({ value, label: value || 'not now' }))
      }
    ],
    arguments: given => ({ remote: given.remote, ci: given.ci, yes: true })
  });
  if (values) {
    const wanted = { remote: String(values.remote), ci: String(values.ci), yes: true };
    await perform(mlops, 'init', wanted, { said: done => `Project created: ${done.files.join(', ')}.` });
    mlops.project.refresh();
  }
}

/** Asks where the project's data is kept beside this machine; whether that is known now. */
export async function setRemote(mlops: IMlops): Promise<boolean> {
  const values = await ask({
    title: 'Set up a remote…',
    accept: 'Set up',
    verb: 'init',
    entry: mlops.project.verb('init'),
    changes: message('This project has no remote yet. Its data is on this machine only; a remote keeps a copy.'),
    fields: [
      {
        name: 'remote',
        label: 'Address',
        kind: 'text',
        required: true,
        placeholder: 's3://bucket/path, ssh://host/path or a folder'
      }
    ],
    arguments: given => ({ remote: given.remote })
  });
  if (!values) {
    return false;
  }
  const remote = String(values.remote);
  return (await perform(mlops, 'init', { remote, yes: true }, { said: () => `The remote is ${remote}.` })) !== null;
}

/** Builds the example project beside and goes there. */
export async function demo(mlops: IMlops): Promise<void> {
  const values = await ask({
    title: 'Open the demo',
    accept: 'Build the demo',
    verb: 'demo',
    entry: mlops.project.verb('demo'),
    changes: message(
      'An example project on real data is built in a new folder: four years of data, a pipeline, a model.'
    ),
    fields: [{ name: 'dir', label: 'Folder', kind: 'text', required: true, value: 'mlops-demo' }],
    arguments: given => ({ dir: given.dir, lab: false })
  });
  if (!values) {
    return;
  }
  const from = mlops.project.folder;
  const built = await perform(
    mlops,
    'demo',
    { dir: String(values.dir), lab: false },
    { said: () => 'The demo is built.' }
  );
  if (built) {
    await goTo(mlops, { folder: [from, String(values.dir)].filter(Boolean).join('/') });
  }
}

/** Shows another folder in the file browser, and so in the sidebar. */
export async function goTo(mlops: IMlops, args: Args): Promise<void> {
  const folder = text(args, 'folder');
  await mlops.browser?.model.cd(`/${folder}`);
  mlops.project.setFolder(folder);
}

/** Checks the installation. */
export async function doctor(mlops: IMlops): Promise<void> {
  mlops.showLine('%mlops doctor');
  try {
    const found = await mlops.project.client.read('doctor', mlops.project.folder, {});
    const bad = found.checks.filter(check => check.state !== 'ok');
    const lines = bad.map(check => [check.message, check.hint].filter(Boolean).join(' '));
    const count = `${found.checks.length} checks`;
    if (bad.length === 0) {
      Notification.success(`${count}: all is well.`, { autoClose: 6_000 });
    } else {
      Notification.warning([`${bad.length} of ${count}:`, ...lines].join('\n'), { autoClose: false });
    }
  } catch (reason) {
    complain(MlopsFailure.of(reason));
  }
}

/** Copies what stands for a thing: `employment@v4`. */
export function copyReference(_: IMlops, args: Args): void {
  Clipboard.copyToSystem(text(args, 'reference'));
  Notification.info(`Copied ${text(args, 'reference')}`, { autoClose: 3_000 });
}

/** Copies a line to type. */
export function copyLine(mlops: IMlops, args: Args): void {
  mlops.showLine(text(args, 'line'), { copy: false });
  Clipboard.copyToSystem(text(args, 'line'));
  Notification.info(`Copied ${text(args, 'line')}`, { autoClose: 3_000 });
}

/** Writes a view as one HTML file and opens it. */
export async function exportView(mlops: IMlops, args: Args): Promise<void> {
  const what = WHATS.find(one => one === text(args, 'what')) ?? 'status';
  const wanted = { what, reference: text(args, 'reference'), second: text(args, 'second') };
  await perform(mlops, 'view', wanted, { said: done => `Written: ${done.file}` });
}

const WHATS = ['status', 'diff', 'lineage', 'drift', 'runs', 'deployments'] as const;
