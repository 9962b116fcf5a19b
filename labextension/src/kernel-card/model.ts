/** How a cell says that its kernel lacks us. */
import type { Cell } from '@jupyterlab/cells';
import { isCodeCellModel } from '@jupyterlab/cells';

/** The id of the card above a notebook. */
export const CARD = 'jp-mlops-kernel-card';
const LACKS_PACKAGE = /No module named '?jupyter_mlops/;
const LACKS_MAGIC = /magic function `%{1,2}mlops` not found/;

/** `package` when it is not installed, `magic` when it was only not loaded, null when it is something else. */
export function missing(cell: Cell): 'package' | 'magic' | null {
  if (!isCodeCellModel(cell.model)) {
    return null;
  }
  const said = JSON.stringify(cell.model.outputs.toJSON());
  return LACKS_PACKAGE.test(said) ? 'package' : LACKS_MAGIC.test(said) ? 'magic' : null;
}

/** Whether a cell that ran well shows that `%mlops` works. */
export function works(cell: Cell): boolean {
  return /^\s*%{1,2}mlops\b/m.test(cell.model.sharedModel.getSource());
}
