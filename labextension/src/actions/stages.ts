/** What makes a notebook a stage, and changes what a stage is. */
import { lineOf } from '../api/line';
import type { WriteArgs } from '../api/types';
import { ask } from '../dialogs/form';
import type { IField, Values } from '../dialogs/form';
import { message } from '../dialogs/message';
import type { IMlops } from '../tokens';
import type { Args } from './args';
import { text } from './args';
import { linesOf, pairsOf } from './lines';
import { perform, rehearse } from './perform';
import { editStage } from './stage-edit';

/** Changes the stage that the notebook is, or makes it one. */
export async function addStage(mlops: IMlops, args: Args): Promise<void> {
  const notebook = notebookOf(mlops, args);
  const known = await mlops.project.client.read('stage list', mlops.project.folder, {});
  const named = text(args, 'name');
  const stage = known.stages.find(one => (named ? one.name === named : one.notebook === notebook));
  await (stage ? editStage(mlops, stage) : makeStage(mlops, notebook));
}

/** Asks for a name, and takes what the stage reads and writes from one run of it, or from the user. */
async function makeStage(mlops: IMlops, notebook: string): Promise<void> {
  const line = (given: Values): string =>
    given.capture
      ? lineOf(mlops.project.verb('run'), 'run', captureOf(given))
      : lineOf(mlops.project.verb('stage add'), 'stage add', requestOf(given));
  const values = await ask({
    title: 'Run as stage',
    accept: 'Run',
    verb: 'stage add',
    entry: mlops.project.verb('stage add'),
    fields: fieldsOf(notebook),
    line,
    arguments: requestOf
  });
  if (!values) {
    return;
  }
  if (values.capture) {
    await capture(mlops, values);
    return;
  }
  const name = String(values.name);
  const added = await perform(mlops, 'stage add', requestOf(values), { said: () => `Stage ${name} saved.` });
  if (added) {
    await perform(mlops, 'run', { targets: [name] }, { said: () => `${name} ran.` });
  }
}

/** Runs the notebook once; the stage is what it did. */
async function capture(mlops: IMlops, values: Values): Promise<void> {
  await perform(mlops, 'run', captureOf(values), {
    said: ({ proposal }) =>
      proposal
        ? [
            `Stage ${proposal.name} reads ${listed(proposal.deps)}`,
            ` and writes ${listed([...proposal.outs, ...proposal.metrics])}.`,
            ...proposal.notes.map(note => `\n${note}`)
          ].join('')
        : 'It ran, and is no stage.',
    undo: ({ proposal }) =>
      proposal?.is_made
        ? () =>
            perform(mlops, 'stage remove', { name: proposal.name }, { said: () => `Stage ${proposal.name} removed.` })
        : null
  });
}

function listed(paths: readonly string[]): string {
  return paths.join(', ') || 'nothing';
}

function fieldsOf(notebook: string): IField[] {
  const name = notebook
    .replace(/^.*\//, '')
    .replace(/\.ipynb$/, '')
    .replace(/\W+/g, '-');
  const help = 'One a line, relative to the project.';
  const fields: IField[] = [
    { name: 'dep', label: 'It reads', kind: 'lines', placeholder: 'data/raw.csv', help },
    { name: 'out', label: 'It writes', kind: 'lines', placeholder: 'models/model.skops', help },
    { name: 'metrics', label: 'Metrics file', kind: 'text', placeholder: 'metrics.json' },
    {
      name: 'parameters',
      label: 'Parameters',
      kind: 'lines',
      placeholder: 'max_depth=4',
      help: 'key=value, one a line.'
    }
  ];
  return [
    { name: 'name', label: 'Name', kind: 'text', required: true, value: name },
    { name: 'notebook', label: 'Notebook', kind: 'text', required: true, value: notebook },
    { name: 'capture', label: 'Find what it reads and writes by running it', kind: 'check', value: true },
    ...fields.map(field => ({ ...field, when: (values: Values) => values.capture !== true }))
  ];
}

function captureOf(values: Values): WriteArgs<'run'> {
  return { targets: [String(values.notebook)], stage: String(values.name) };
}

function requestOf(values: Values): WriteArgs<'stage add'> {
  return {
    name: String(values.name),
    notebook: String(values.notebook),
    dep: linesOf(values.dep),
    out: linesOf(values.out),
    metrics: linesOf(values.metrics),
    parameters: pairsOf(values.parameters)
  };
}

/** The notebook named, or the one in front, relative to the project's folder. */
export function notebookOf(mlops: IMlops, args: Args): string {
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
