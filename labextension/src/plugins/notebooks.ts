/** What notebooks gain: a button that runs them as a stage, a parameters cell, and a card when a kernel lacks us. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, NotebookActions } from '@jupyterlab/notebook';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { CommandIDs } from '../commands/ids';
import { CARD, missing, works } from '../kernel-card/model';
import { StageButton } from '../notebooks/stage-button';
import { IMlops } from '../tokens';

const PARAMETERS = 'parameters';

export const notebooks: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-mlops:notebooks',
  description: 'Run a notebook as a stage; offer the package to kernels that lack it.',
  autoStart: true,
  requires: [IMlops, INotebookTracker],
  activate: (app: JupyterFrontEnd, mlops: IMlops, tracker: INotebookTracker): void => {
    addParameters(app, tracker);
    tracker.widgetAdded.connect((_, panel) => addButton(mlops, panel));
    NotebookActions.executed.connect((_, executed) => {
      const panel = tracker.find(one => one.content === executed.notebook);
      if (panel && mlops.settings.kernelCard && !executed.success && missing(executed.cell)) {
        void import('../kernel-card/card').then(({ showCard }) => showCard(panel));
      } else if (panel && executed.success && works(executed.cell)) {
        panel.contentHeader.widgets.find(widget => widget.id === CARD)?.dispose();
      }
    });
  }
};

function addButton(mlops: IMlops, panel: NotebookPanel): void {
  if (!mlops.settings.notebookToolbar) {
    return;
  }
  const button = new StageButton(mlops, panel);
  if (!panel.toolbar.insertBefore('spacer', 'mlops-stage', button)) {
    panel.toolbar.addItem('mlops-stage', button);
  }
}

/** Papermill looks for the tag; the command sets and removes it. */
function addParameters(app: JupyterFrontEnd, tracker: INotebookTracker): void {
  const tags = (): string[] => {
    const found: unknown = tracker.activeCell?.model.getMetadata('tags');
    return Array.isArray(found) ? found.map(String) : [];
  };
  app.commands.addCommand(CommandIDs.markParameters, {
    label: 'Mark as parameters',
    caption: 'Papermill and pipeline stages put their values behind this cell',
    isToggled: () => tags().includes(PARAMETERS),
    isEnabled: () => tracker.activeCell?.model.type === 'code',
    execute: () => {
      const now = tags();
      const next = now.includes(PARAMETERS) ? now.filter(tag => tag !== PARAMETERS) : [...now, PARAMETERS];
      tracker.activeCell?.model.setMetadata('tags', next);
    }
  });
}
