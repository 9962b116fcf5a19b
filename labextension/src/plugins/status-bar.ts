import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
export const statusBar: JupyterFrontEndPlugin<void> = { id: 'jupyter-mlops:status-bar', autoStart: true, activate: () => undefined };
