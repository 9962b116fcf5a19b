/** The sidebar, its commands and its settings. */
import { ILabShell, ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { CommandIDs } from '../commands/ids';
import { registerCommands } from '../commands/register';
import { Mlops } from '../service';
import { Sidebar } from '../shell/sidebar';
import { IMlops } from '../tokens';

const ID = 'jupyter-mlops:plugin';
/** A user who clicks through folders quickly should not make a request for each. */
const SETTLE_MS = 250;
/** How long an address may take to move the file browser. */
const TREE_MS = 3_000;

export const sidebar: JupyterFrontEndPlugin<IMlops> = {
  id: ID,
  description: 'The MLOps sidebar.',
  autoStart: true,
  requires: [IDocumentManager, IRenderMimeRegistry],
  optional: [ICommandPalette, IDefaultFileBrowser, INotebookTracker, ISettingRegistry, ILayoutRestorer, ILabShell],
  provides: IMlops,
  activate: (
    app: JupyterFrontEnd,
    documents: IDocumentManager,
    rendermime: IRenderMimeRegistry,
    palette: ICommandPalette | null,
    browser: IDefaultFileBrowser | null,
    notebooks: INotebookTracker | null,
    registry: ISettingRegistry | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null
  ): IMlops => {
    const mlops = new Mlops({ app, documents, browser, notebooks, rendermime });
    const panel = new Sidebar(mlops);
    app.shell.add(panel, 'left', { rank: 350, type: 'MLOps' });
    restorer?.add(panel, panel.id);
    registerCommands(mlops, palette);
    addOwnCommands(mlops, panel, palette);
    followBrowser(mlops);
    // The shell hides and shows the tab without telling the widget when whole areas collapse.
    labShell?.layoutModified.connect(() => panel.look());
    registry?.load(ID).then(
      stored => mlops.adopt(stored),
      (reason: unknown) => console.warn('jupyter-mlops uses its default settings.', reason)
    );
    return mlops;
  }
};

/** Commands that belong to the panel itself. */
function addOwnCommands(mlops: Mlops, panel: Sidebar, palette: ICommandPalette | null): void {
  const { commands, shell } = mlops.app;
  commands.addCommand(CommandIDs.open, { label: 'Show MLOps', execute: () => shell.activateById(panel.id) });
  commands.addCommand(CommandIDs.refresh, { label: 'Refresh MLOps', execute: () => mlops.project.refresh() });
  commands.addCommand(CommandIDs.pin, {
    label: 'Stay with this project',
    isToggled: () => !mlops.settings.followFileBrowser,
    execute: () => mlops.set('followFileBrowser', !mlops.settings.followFileBrowser)
  });
  [CommandIDs.open, CommandIDs.refresh, CommandIDs.pin].forEach(command =>
    palette?.addItem({ command, category: 'MLOps' })
  );
}

/** The sidebar stands where the file browser stands, unless it is pinned. */
function followBrowser(mlops: Mlops): void {
  const model = mlops.browser?.model;
  if (!model) {
    mlops.project.setFolder('');
    return;
  }
  let timer = 0;
  const begin = (): void => mlops.project.setFolder(mlops.documents.services.contents.localPath(model.path));
  const follow = (): void => {
    if (mlops.settings.followFileBrowser || !mlops.project.placed) {
      begin();
    }
  };
  const settle = (): void => {
    window.clearTimeout(timer);
    timer = window.setTimeout(follow, SETTLE_MS);
  };
  model.pathChanged.connect(settle);
  mlops.settingsChanged.connect(() => mlops.project.placed && settle());
  // Even a pinned sidebar has to begin somewhere. An address that names a folder moves the file browser
  // a moment after it says it is restored; beginning before that would ask about the wrong project.
  const patience = PageConfig.getOption('treePath') ? TREE_MS : SETTLE_MS;
  void model.restored.then(() => window.setTimeout(() => mlops.project.placed || begin(), patience));
}
