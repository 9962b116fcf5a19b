/** What a click on a stage or a run does. */
import { ask } from '../dialogs/form';
import { message } from '../dialogs/message';
import { duration } from '../parts/format';
import type { IMlops } from '../tokens';
import { saveNotebooks, perform, rehearse } from './perform';
import type { Args } from './args';
import { flag, text } from './args';

/** Runs a stage, everything from it on, or all that is stale. */
export async function run(mlops: IMlops, args: Args): Promise<void> {
  const name = text(args, 'name');
  const wanted = { targets: name ? [name] : [], downstream: flag(args, 'downstream'), force: flag(args, 'force') };
  await perform(mlops, 'run', wanted, {
    said: done => {
      const ran = done.stages.filter(stage => stage.state === 'ran');
      const spent = ran.reduce((sum, stage) => sum + stage.seconds, 0);
      return ran.length ? `${ran.map(stage => stage.name).join(', ')} ran in ${duration(spent)}.` : 'All up to date.';
    }
  });
}

/** Runs the open notebook as the stage it is, or makes it one. */
export async function runAsStage(mlops: IMlops, args: Args): Promise<void> {
  await saveNotebooks(mlops);
  await mlops.project.status.refresh();
  const notebook = notebookOf(mlops, args);
  const stage = mlops.project.status.value?.stages.find(one => one.notebook === notebook);
  if (stage) {
    await run(mlops, { name: stage.name });
  } else {
    await addStage(mlops, { ...args, notebook });
  }
}

/** Asks what the stage reads and writes, adds it, and runs it when wished. */
export async function addStage(mlops: IMlops, args: Args): Promise<void> {
  const notebook = notebookOf(mlops, args);
  const known = await mlops.project.client.read('stage list', mlops.project.folder, {});
  const stage = known.stages.find(one => one.name === text(args, 'name') || one.notebook === notebook);
  const values = await ask({
    title: stage ? `Edit stage ${stage.name}` : 'Run as stage',
    accept: stage ? 'Save' : 'Add and run',
    verb: 'stage add',
    entry: mlops.project.verb('stage add'),
    fields: fieldsOf(notebook, stage),
    arguments: given => requestOf(given, stage !== undefined)
  });
  if (!values) {
    return;
  }
  const wanted = requestOf(values, stage !== undefined);
  const added = await perform(mlops, 'stage add', wanted, { said: () => `Stage ${wanted.name} saved.` });
  if (added && !stage) {
    await run(mlops, { name: wanted.name });
  }
}

interface IKnown {
  readonly name: string;
  readonly notebook: string | null;
  readonly deps: readonly string[];
  readonly outs: readonly string[];
  readonly metrics: readonly string[];
}

function fieldsOf(notebook: string, stage: IKnown | undefined): Parameters<typeof ask>[0]['fields'] {
  const name =
    stage?.name ??
    notebook
      .replace(/^.*\//, '')
      .replace(/\.ipynb$/, '')
      .replace(/\W+/g, '-');
  const list = (some: readonly string[] | undefined): string => (some ?? []).filter(one => one !== notebook).join('\n');
  const help = 'One a line, relative to the project.';
  return [
    { name: 'name', label: 'Name', kind: 'text', required: true, value: name },
    { name: 'notebook', label: 'Notebook', kind: 'text', required: true, value: stage?.notebook ?? notebook },
    { name: 'dep', label: 'It reads', kind: 'lines', value: list(stage?.deps), placeholder: 'data/raw.csv', help },
    {
      name: 'out',
      label: 'It writes',
      kind: 'lines',
      value: list(stage?.outs),
      placeholder: 'models/model.skops',
      help
    },
    {
      name: 'metrics',
      label: 'Metrics file',
      kind: 'text',
      value: stage?.metrics[0] ?? '',
      placeholder: 'metrics.json'
    },
    {
      name: 'parameters',
      label: 'Parameters',
      kind: 'lines',
      placeholder: 'max_depth=4',
      help: 'key=value, one a line.'
    }
  ];
}

type StageRequest = {
  name: string;
  notebook: string;
  dep: string[];
  out: string[];
  metrics: string[];
  parameters: Record<string, string>;
  force: boolean;
};

function requestOf(values: Readonly<Record<string, string | boolean>>, force: boolean): StageRequest {
  const lines = (name: string): string[] =>
    String(values[name] ?? '')
      .split('\n')
      .map(line => line.trim())
      .filter(line => line !== '');
  const pairs = lines('parameters').map(line => [line.split('=')[0]?.trim() ?? '', line.replace(/^[^=]*=\s*/, '')]);
  return {
    name: String(values.name),
    notebook: String(values.notebook),
    dep: lines('dep'),
    out: lines('out'),
    metrics: lines('metrics'),
    parameters: Object.fromEntries(pairs) as Record<string, string>,
    force
  };
}

/** The notebook named, or the one in front, relative to the project's folder. */
function notebookOf(mlops: IMlops, args: Args): string {
  const named = text(args, 'notebook');
  const path = mlops.notebooks?.currentWidget?.context.path ?? '';
  const folder = mlops.project.folder;
  return named || (folder && path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path);
}

/** Takes a stage out of `dvc.yaml`. */
export async function removeStage(mlops: IMlops, args: Args): Promise<void> {
  const name = text(args, 'name');
  const plan = await rehearse(mlops, 'stage remove', { name });
  const values =
    plan &&
    (await ask({
      title: `Remove stage ${name}?`,
      accept: 'Remove',
      verb: 'stage remove',
      entry: mlops.project.verb('stage remove'),
      destructive: true,
      fields: [],
      changes: message('This takes it out of dvc.yaml.', ['Its notebook and its outputs stay where they are.']),
      arguments: () => ({ name })
    }));
  if (values) {
    await perform(mlops, 'stage remove', { name }, { said: () => `Stage ${name} removed.` });
  }
}

/** Says why a stage is stale. */
export async function why(mlops: IMlops, args: Args): Promise<void> {
  const name = text(args, 'name');
  await mlops.project.status.refresh();
  const stage = mlops.project.status.value?.stages.find(one => one.name === name);
  mlops.showLine(`%mlops status`);
  const { Notification } = await import('@jupyterlab/apputils');
  Notification.info(`${name}: ${stage?.reason || stage?.state || 'unknown'}`, { autoClose: 8_000 });
}

/** Stops a running job. */
export async function stop(mlops: IMlops, args: Args): Promise<void> {
  await mlops.project.jobs.cancel(text(args, 'job'));
}

/** Runs the check that CI makes. */
export async function ci(mlops: IMlops): Promise<void> {
  await perform(mlops, 'ci', {}, { said: done => `The check is green: ${done.summary_file}` });
}
