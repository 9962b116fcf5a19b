/** The commands: light at start-up, their work is loaded when first used. */
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { IMlops } from '../tokens';
import { CommandIDs } from './ids';

type Actions = typeof import('../actions');

interface ICommand {
  readonly id: string;
  readonly label: string;
  readonly act: keyof Actions;
  /** The verb whose permission it needs. */
  readonly verb?: string;
  /** Makes sense without being told what about. */
  readonly palette?: boolean;
}

const COMMANDS: readonly ICommand[] = [
  { id: CommandIDs.init, label: 'Create project…', act: 'init', verb: 'init', palette: true },
  { id: CommandIDs.demo, label: 'Open the demo…', act: 'demo', verb: 'demo', palette: true },
  { id: CommandIDs.doctor, label: 'Check the installation', act: 'doctor', palette: true },
  { id: CommandIDs.goTo, label: 'Go to project', act: 'goTo' },
  { id: CommandIDs.commit, label: 'Commit version…', act: 'commit', verb: 'commit', palette: true },
  { id: CommandIDs.checkout, label: 'Check out…', act: 'checkout', verb: 'checkout' },
  { id: CommandIDs.tag, label: 'Tag…', act: 'tag', verb: 'tag' },
  { id: CommandIDs.push, label: 'Push', act: 'push', verb: 'push', palette: true },
  { id: CommandIDs.setRemote, label: 'Set up a remote…', act: 'setRemote', verb: 'init', palette: true },
  { id: CommandIDs.pull, label: 'Pull', act: 'pull', verb: 'pull', palette: true },
  { id: CommandIDs.importData, label: 'Import data…', act: 'importData', verb: 'import', palette: true },
  { id: CommandIDs.fetch, label: 'Fetch', act: 'fetchData', verb: 'fetch', palette: true },
  { id: CommandIDs.search, label: 'Search data…', act: 'search', palette: true },
  { id: CommandIDs.reveal, label: 'Show in MLOps', act: 'reveal' },
  { id: CommandIDs.verify, label: 'Verify data', act: 'verify', verb: 'verify', palette: true },
  { id: CommandIDs.repair, label: 'Verify and repair', act: 'repair', verb: 'verify', palette: true },
  { id: CommandIDs.collect, label: 'Clean up the cache…', act: 'collect', verb: 'gc', palette: true },
  { id: CommandIDs.retention, label: 'Retention…', act: 'retention', palette: true },
  { id: CommandIDs.erase, label: 'Erase…', act: 'erase', verb: 'erase', palette: true },
  { id: CommandIDs.diff, label: 'Diff with previous', act: 'diff' },
  { id: CommandIDs.show, label: 'Show details', act: 'show' },
  { id: CommandIDs.copyReference, label: 'Copy reference', act: 'copyReference' },
  { id: CommandIDs.copyLine, label: 'Copy %mlops line', act: 'copyLine' },
  { id: CommandIDs.run, label: 'Run stale stages', act: 'run', verb: 'run', palette: true },
  { id: CommandIDs.runAsStage, label: 'Run as stage', act: 'runAsStage', verb: 'run', palette: true },
  { id: CommandIDs.addStage, label: 'Edit stage…', act: 'addStage', verb: 'stage add', palette: true },
  { id: CommandIDs.removeStage, label: 'Remove stage…', act: 'removeStage', verb: 'stage remove' },
  { id: CommandIDs.why, label: 'Why stale?', act: 'why' },
  { id: CommandIDs.openNotebook, label: 'Open notebook', act: 'openNotebook' },
  { id: CommandIDs.openRun, label: 'Open executed notebook', act: 'openRun' },
  { id: CommandIDs.compareRuns, label: 'Compare with the run before', act: 'compareRuns', palette: true },
  { id: CommandIDs.ci, label: 'Run the CI check', act: 'ci', verb: 'ci', palette: true },
  { id: CommandIDs.reproduce, label: 'Reproduce', act: 'reproduce', verb: 'reproduce' },
  { id: CommandIDs.cancelRun, label: 'Stop', act: 'cancelRun', verb: 'cancel' },
  { id: CommandIDs.runAgain, label: 'Run again', act: 'runAgain', verb: 'run' },
  {
    id: CommandIDs.exportPipeline,
    label: 'Export the pipeline…',
    act: 'exportPipeline',
    verb: 'export',
    palette: true
  },
  { id: CommandIDs.sweep, label: 'Sweep…', act: 'sweep', verb: 'sweep' },
  { id: CommandIDs.openSweep, label: 'Open the board', act: 'openSweep' },
  { id: CommandIDs.applySweep, label: 'Apply the best…', act: 'applySweep', verb: 'sweep apply' },
  { id: CommandIDs.resumeSweep, label: 'Go on searching', act: 'resumeSweep', verb: 'sweep' },
  { id: CommandIDs.stageFile, label: 'Run as stage…', act: 'stageFile', verb: 'run' },
  { id: CommandIDs.stop, label: 'Stop', act: 'stop' },
  { id: CommandIDs.register, label: 'Register a model…', act: 'register', verb: 'register', palette: true },
  { id: CommandIDs.alias, label: 'Set alias…', act: 'alias', verb: 'alias' },
  { id: CommandIDs.deploy, label: 'Deploy…', act: 'deploy', verb: 'deploy', palette: true },
  { id: CommandIDs.rollback, label: 'Roll back…', act: 'rollback', verb: 'rollback' },
  { id: CommandIDs.undeploy, label: 'Undeploy…', act: 'undeploy', verb: 'undeploy' },
  { id: CommandIDs.monitor, label: 'Open monitor', act: 'monitor' },
  { id: CommandIDs.copyUrl, label: 'Copy URL', act: 'copyUrl' },
  { id: CommandIDs.lineage, label: 'Show lineage', act: 'lineage', palette: true },
  { id: CommandIDs.drift, label: 'Compare drift', act: 'drift' },
  { id: CommandIDs.exportView, label: 'Write as one HTML file', act: 'exportView', verb: 'view' },
  { id: CommandIDs.commitFile, label: 'Commit version…', act: 'commitFile', verb: 'commit' },
  { id: CommandIDs.diffFile, label: 'Diff with previous', act: 'diffFile' },
  { id: CommandIDs.lineageFile, label: 'Lineage', act: 'lineageFile' },
  { id: CommandIDs.showFile, label: 'Show in MLOps', act: 'showFile' }
];

const CATEGORY = 'MLOps';

/** Adds all commands, and those that stand alone to the palette. */
export function registerCommands(mlops: IMlops, palette: ICommandPalette | null): void {
  const { commands } = mlops.app;
  for (const command of COMMANDS) {
    const denied = (args: ReadonlyPartialJSONObject): string =>
      (command.verb ? mlops.project.denied(command.verb) : '') || (named(args.idle) ?? '');
    commands.addCommand(command.id, {
      // A grey menu entry has no tooltip, so the reason stands in its label.
      label: args => [named(args.label) ?? command.label, denied(args)].filter(Boolean).join(': '),
      caption: denied,
      isEnabled: args => denied(args) === '',
      describedBy: { args: { type: 'object', properties: {}, additionalProperties: true } },
      execute: async args => {
        const actions = await import('../actions');
        const where = typeof args.project === 'string' ? mlops.at(args.project) : mlops;
        await actions[command.act](where, args);
      }
    });
    if (command.palette) {
      palette?.addItem({ command: command.id, category: CATEGORY });
    }
  }
}

/** A menu may call a command by a word that fits its row. */
function named(label: unknown): string | null {
  return typeof label === 'string' && label !== '' ? label : null;
}
