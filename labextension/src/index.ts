/** The plugins of jupyter-mlops. */
import { sidebar } from './plugins/sidebar';
import { notebooks } from './plugins/notebooks';
import { statusBar } from './plugins/status-bar';
import { views } from './plugins/views';

export * from './tokens';
export { CommandIDs } from './commands/ids';

export default [sidebar, views, notebooks, statusBar];
