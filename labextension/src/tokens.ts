/** What other extensions may use. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import type { ProjectModel } from './model/project';

/** The settings of `schema/plugin.json`. */
export interface ISettings {
  readonly followFileBrowser: boolean;
  readonly copyLines: boolean;
  readonly notebookToolbar: boolean;
  readonly kernelCard: boolean;
}

/** The service behind the sidebar. */
export interface IMlops {
  readonly app: JupyterFrontEnd;
  /** The project the sidebar looks at; its signals tell what changed. */
  readonly project: ProjectModel;
  readonly documents: IDocumentManager;
  readonly browser: IDefaultFileBrowser | null;
  readonly notebooks: INotebookTracker | null;
  readonly rendermime: IRenderMimeRegistry;
  readonly settings: ISettings;
  /** Emits when a setting changed. */
  readonly settingsChanged: ISignal<unknown, ISettings>;
  /** Changes a setting for good. */
  set<K extends keyof ISettings>(name: K, value: ISettings[K]): Promise<void>;
  /** The last `%mlops` line a click ran. */
  readonly line: string;
  readonly lineChanged: ISignal<unknown, string>;
  /** The same service for the project around another folder; tabs of the main area keep their own. */
  at(folder: string): IMlops;
  /** Shows a line in the footer; copies it when it changed something and the user likes that. */
  showLine(line: string, options?: { copy: boolean }): void;
}

/** The extension point: ask for it to read the project or to follow the selection. */
export const IMlops = new Token<IMlops>('jupyter-mlops:IMlops', 'The project the MLOps sidebar looks at.');
