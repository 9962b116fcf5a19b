/** Opening things in the main area. */
import { Notification } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { RunSummary } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { OLDEST } from '../pipelines/model';
import { referenceOf } from '../model/selection';
import type { IMlops } from '../tokens';
import type { Args } from './args';
import { flag, text } from './args';

/** What the differences are between a version and the one before, or the workspace. */
export async function diff(mlops: IMlops, args: Args): Promise<void> {
  await open(mlops, 'diff', text(args, 'before'), text(args, 'after'));
}

/** The graph of what made what. */
export async function lineage(mlops: IMlops, args: Args): Promise<void> {
  await open(mlops, 'lineage', text(args, 'reference'));
}

/** How data moved between two versions. */
export async function drift(mlops: IMlops, args: Args): Promise<void> {
  await open(mlops, 'drift', text(args, 'reference'), text(args, 'against'));
}

/** How two runs differ; the run before when only one is named. */
export async function compareRuns(mlops: IMlops, args: Args): Promise<void> {
  const runs = (await mlops.project.runs.refresh())?.items ?? [];
  const number = (id: string): number | undefined => runs.find(run => run.run === id)?.number;
  const last = text(args, 'after') ? number(text(args, 'after')) : runs[0]?.number;
  // Runs are numbered without gaps, so the one before need not be listed.
  const first = text(args, 'before') ? number(text(args, 'before')) : (last ?? 0) - 1;
  // Numbers read better in the line; a run too old to be listed keeps its id.
  const after = last?.toString() ?? text(args, 'after');
  const before = first?.toString() ?? text(args, 'before');
  if (after === '' || Number(before) < 1) {
    Notification.info(OLDEST, { autoClose: 6_000 });
    return;
  }
  await open(mlops, 'compare', before, after);
}

/** Routes, history and a place to try a deployment. */
export async function monitor(mlops: IMlops, args: Args): Promise<void> {
  await open(mlops, 'monitor', text(args, 'name'));
}

/** Everything known about a reference. */
export async function show(mlops: IMlops, args: Args): Promise<void> {
  await open(mlops, 'show', text(args, 'reference'));
}

async function open(mlops: IMlops, kind: string, first: string, second = ''): Promise<void> {
  await mlops.app.commands.execute(CommandIDs.openView, { kind, first, second, project: mlops.project.folder });
}

/** Opens a notebook of the project, at a code cell when one is counted; one that a run wrote, as it is by now. */
export async function openNotebook(mlops: IMlops, args: Args): Promise<void> {
  const path = [mlops.project.folder, text(args, 'path')].filter(Boolean).join('/');
  const known = mlops.documents.findWidget(path);
  const widget = mlops.documents.openOrReveal(path);
  await widget?.context.ready;
  if (known && widget && flag(args, 'executed') && !widget.context.model.dirty) {
    await widget.context.revert();
  }
  const panel = mlops.notebooks?.find(one => one.id === widget?.id);
  const at = panel ? placeOf(panel, Number(text(args, 'cell'))) : -1;
  if (panel && at >= 0) {
    panel.content.activeCellIndex = at;
    await panel.content.scrollToItem(at, 'center');
  }
}

/** Where the `count`th code cell of the user stands, from 0; -1 when there is none. */
function placeOf(panel: NotebookPanel, count: number): number {
  const code = panel.content.widgets.filter(({ model }) => {
    const tags: unknown = model.getMetadata('tags');
    return model.type === 'code' && !(Array.isArray(tags) && tags.includes('injected-parameters'));
  });
  const found = code[count - 1];
  return found ? panel.content.widgets.indexOf(found) : -1;
}

/** Opens the executed notebook of a run, at the cell that failed. */
export async function openRun(mlops: IMlops, args: Args): Promise<void> {
  const named = (one: RunSummary): boolean => one.run === text(args, 'run');
  const run =
    mlops.project.runs.value?.items.find(named) ?? (await mlops.project.runs.refresh())?.items.find(named) ?? null;
  const failed = run?.stages.find(stage => stage.state === 'failed') ?? run?.stages.find(stage => stage.notebook);
  if (failed?.notebook) {
    const cell = failed.cell === null ? '' : String(failed.cell);
    await openNotebook(mlops, { path: failed.notebook, cell, executed: true });
    await sayWhenNewer(mlops, run, failed.notebook);
  } else {
    await compareRuns(mlops, { after: text(args, 'run') });
  }
}

/** The workspace holds one executed notebook a stage: says so when a later run wrote it. */
async function sayWhenNewer(mlops: IMlops, run: RunSummary | null, path: string): Promise<void> {
  const wrote = (one: RunSummary): boolean => path in one.outputs;
  const newest = mlops.project.runs.value?.items.find(wrote);
  if (run && newest && wrote(run) && newest.outputs[path] !== run.outputs[path]) {
    const { Notification } = await import('@jupyterlab/apputils');
    const own = `${path}@${run.outputs[path]}`;
    mlops.showLine(`%mlops checkout ${own}`, { copy: true });
    Notification.warning(
      `This is ${path} as run #${newest.number} wrote it. The line below brings that of #${run.number}.`
    );
  }
}

/** A path the file browser shows, as the project's verbs take it. */
function selected(mlops: IMlops): string {
  const first = mlops.browser?.selectedItems().next();
  const path = first && !first.done ? mlops.documents.services.contents.localPath(first.value.path) : '';
  const folder = mlops.project.folder;
  return folder && path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path;
}

/** Commits the file that was clicked. */
export async function commitFile(mlops: IMlops): Promise<void> {
  await mlops.app.commands.execute(CommandIDs.commit, { path: selected(mlops) });
}

/** Runs the clicked notebook as the stage it is, or makes it one. */
export async function stageFile(mlops: IMlops): Promise<void> {
  await mlops.app.commands.execute(CommandIDs.runAsStage, { notebook: selected(mlops) });
}

/** Compares the clicked file with its version in HEAD. */
export async function diffFile(mlops: IMlops): Promise<void> {
  await open(mlops, 'diff', selected(mlops));
}

/** Shows where the clicked file came from. */
export async function lineageFile(mlops: IMlops): Promise<void> {
  await open(mlops, 'lineage', selected(mlops));
}

/** Points at the clicked file in the sidebar. */
export async function showFile(mlops: IMlops): Promise<void> {
  const name = selected(mlops);
  await mlops.app.commands.execute(CommandIDs.open);
  const status = mlops.project.status.value ?? (await mlops.project.status.refresh());
  const dataset = status?.datasets.find(one => one.path === name);
  const version = dataset?.version?.split('·')[0] ?? '';
  mlops.project.select({ kind: 'data', name, version, reference: referenceOf(name, dataset?.version ?? null) });
}
