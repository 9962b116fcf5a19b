import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
export const views: JupyterFrontEndPlugin<void> = { id: 'jupyter-mlops:views', autoStart: true, activate: () => undefined };
