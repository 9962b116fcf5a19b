/** The service behind the sidebar: what every section needs, held in one place. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Clipboard } from '@jupyterlab/apputils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ISignal, Signal } from '@lumino/signaling';
import { MlopsClient } from './api/client';
import { ProjectModel } from './model/project';
import type { IMlops, ISettings } from './tokens';

export const DEFAULTS: ISettings = {
  followFileBrowser: true,
  copyLines: true,
  notebookToolbar: true,
  kernelCard: true
};

/** What Lab gives us. */
export interface IParts {
  readonly app: JupyterFrontEnd;
  readonly documents: IDocumentManager;
  readonly browser: IDefaultFileBrowser | null;
  readonly notebooks: INotebookTracker | null;
  readonly rendermime: IRenderMimeRegistry;
}

/** @see IMlops */
export class Mlops implements IMlops {
  constructor(parts: IParts) {
    this.app = parts.app;
    this.documents = parts.documents;
    this.browser = parts.browser;
    this.notebooks = parts.notebooks;
    this.rendermime = parts.rendermime;
    this.project = new ProjectModel(new MlopsClient(parts.app.serviceManager.serverSettings));
  }

  readonly app: JupyterFrontEnd;
  readonly documents: IDocumentManager;
  readonly browser: IDefaultFileBrowser | null;
  readonly notebooks: INotebookTracker | null;
  readonly rendermime: IRenderMimeRegistry;
  readonly project: ProjectModel;

  get settings(): ISettings {
    return this._settings;
  }

  get settingsChanged(): ISignal<this, ISettings> {
    return this._settingsChanged;
  }

  get line(): string {
    return this._line;
  }

  get lineChanged(): ISignal<this, string> {
    return this._lineChanged;
  }

  at(folder: string): IMlops {
    if (folder === this.project.folder) {
      return this;
    }
    const project = new ProjectModel(this.project.client);
    project.setFolder(folder);
    return within(this, project);
  }

  showLine(line: string, options = { copy: false }): void {
    this._line = line;
    if (options.copy && this._settings.copyLines) {
      Clipboard.copyToSystem(line);
    }
    this._lineChanged.emit(line);
  }

  /** Takes the user's settings over and follows them. */
  adopt(stored: ISettingRegistry.ISettings): void {
    this._stored = stored;
    const read = (): void => {
      this._settings = { ...DEFAULTS, ...(stored.composite as Partial<ISettings>) };
      this._settingsChanged.emit(this._settings);
    };
    stored.changed.connect(read);
    read();
  }

  async set<K extends keyof ISettings>(name: K, value: ISettings[K]): Promise<void> {
    this._settings = { ...this._settings, [name]: value };
    this._settingsChanged.emit(this._settings);
    await this._stored?.set(name, value);
  }

  private _settings = DEFAULTS;
  private _stored: ISettingRegistry.ISettings | null = null;
  private _line = '';
  private readonly _settingsChanged = new Signal<this, ISettings>(this);
  private readonly _lineChanged = new Signal<this, string>(this);
}

/** `mlops`, looking at another project. */
export function within(mlops: IMlops, project: ProjectModel): IMlops {
  const { app, documents, browser, notebooks, rendermime, settingsChanged, lineChanged } = mlops;
  return {
    ...{ app, documents, browser, notebooks, rendermime, settingsChanged, lineChanged, project },
    get settings() {
      return mlops.settings;
    },
    get line() {
      return mlops.line;
    },
    at: folder => mlops.at(folder),
    set: (name, value) => mlops.set(name, value),
    showLine: (line, options) => mlops.showLine(line, options)
  };
}
