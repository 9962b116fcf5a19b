/** Running two lines in the user's kernel, and hearing what it said. */
import { NotebookActions } from '@jupyterlab/notebook';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { KernelMessage } from '@jupyterlab/services';
import { missing } from './model';

export const LOAD = '%load_ext jupyter_mlops';
const INSTALL = '%pip install jupyter-mlops';
/** Colours, as pip writes them for a terminal. */
const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');

/** Asked of a kernel, it defines no name there. */
const IS_THERE = "__import__('importlib.util', fromlist=['util']).find_spec('jupyter_mlops') is not None";

/** Whether the kernel has the package, loaded or not. */
export async function installed(panel: NotebookPanel): Promise<boolean> {
  const kernel = panel.sessionContext.session?.kernel;
  const asked = { code: '', silent: true, store_history: false, user_expressions: { there: IS_THERE } };
  const reply = await kernel?.requestExecute(asked).done;
  return reply?.content.status === 'ok' && JSON.stringify(reply.content.user_expressions).includes('"True"');
}

/** Puts the line into a cell above the one that lacked it, so that the notebook has it next time, and runs it. */
export async function insertAndLoad(panel: NotebookPanel): Promise<boolean> {
  const { content: notebook, sessionContext } = panel;
  const cells = notebook.model?.sharedModel.cells ?? [];
  if (cells.some(cell => cell.getSource().includes(LOAD))) {
    return load(panel);
  }
  const at = notebook.widgets.findIndex(cell => missing(cell) !== null);
  const place = at < 0 ? 0 : at;
  notebook.model?.sharedModel.insertCell(place, { cell_type: 'code', source: LOAD });
  const cell = notebook.widgets[place];
  return cell !== undefined && NotebookActions.runCells(notebook, [cell], sessionContext);
}

/** Whether `%mlops` could be loaded. */
export async function load(panel: NotebookPanel): Promise<boolean> {
  return (await say(panel, LOAD)).ok;
}

/** Installs and loads it; the reason when that failed, else empty. */
export async function install(panel: NotebookPanel): Promise<string> {
  const installed = await say(panel, INSTALL);
  if (installed.ok && (await load(panel))) {
    return '';
  }
  return reasonOf(installed.said) || 'the kernel gave no reason';
}

/** What pip calls errors, else its last words. */
function reasonOf(said: string): string {
  const lines = said.replace(COLOURS, '').trim().split('\n');
  const errors = lines.filter(line => line.startsWith('ERROR'));
  return (errors.length > 0 ? errors : lines).slice(-3).join(' ');
}

async function say(panel: NotebookPanel, code: string): Promise<{ ok: boolean; said: string }> {
  const kernel = panel.sessionContext.session?.kernel;
  if (!kernel) {
    return { ok: false, said: 'no kernel is running' };
  }
  let said = '';
  const errors: string[] = [];
  // Silent: the user's own numbering of cells stays as it is.
  const future = kernel.requestExecute({ code, silent: true, store_history: false, stop_on_error: false });
  future.onIOPub = message => {
    if (KernelMessage.isStreamMsg(message)) {
      said += message.content.text;
    } else if (KernelMessage.isErrorMsg(message)) {
      errors.push(message.content.evalue);
      said += message.content.evalue;
    }
  };
  const reply = await future.done;
  return { ok: errors.length === 0 && reply.content.status === 'ok', said };
}
