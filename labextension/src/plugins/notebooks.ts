import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
export const notebooks: JupyterFrontEndPlugin<void> = { id: 'jupyter-mlops:notebooks', autoStart: true, activate: () => undefined };
