/** The status bar: what waits and what runs; a click opens the sidebar. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ReactWidget } from '@jupyterlab/apputils';
import { IStatusBar } from '@jupyterlab/statusbar';
import type { ReactElement } from 'react';
import { CommandIDs } from '../commands/ids';
import type { ProjectModel } from '../model/project';
import { useSignal } from '../parts/hooks';
import { IMlops } from '../tokens';

export const statusBar: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-mlops:status-bar',
  description: 'What changed, what is stale and what runs, in the status bar.',
  autoStart: true,
  requires: [IMlops],
  optional: [IStatusBar],
  activate: (_: JupyterFrontEnd, mlops: IMlops, bar: IStatusBar | null): void => {
    bar?.registerStatusItem('jupyter-mlops:status', { align: 'left', rank: 20, item: new Item(mlops) });
  }
};

class Item extends ReactWidget {
  constructor(private readonly _mlops: IMlops) {
    super();
    this.addClass('jp-mod-highlighted');
  }

  protected render(): ReactElement {
    return <Summary mlops={this._mlops} />;
  }
}

/** It shows what the sidebar last heard, and asks for nothing itself. */
function Summary(props: { mlops: IMlops }): ReactElement {
  const { app, project } = props.mlops;
  useSignal(project.status.changed, () => project.status.snapshot);
  useSignal(project.jobs.list.changed, () => project.jobs.list.snapshot);
  const told = summaryOf(project);
  return (
    <button
      type="button"
      className="jp-Mlops-status"
      aria-label={`MLOps: ${told.words}`}
      title={`MLOps: ${told.words}`}
      onClick={() => void app.commands.execute(CommandIDs.open)}
    >
      MLOps {told.signs}
    </button>
  );
}

/** `●1 ▲2 ✗1 · ◌train 7/12`, and the same in words. */
export function summaryOf(project: ProjectModel): { signs: string; words: string } {
  const status = project.status.value;
  if (!status) {
    return { signs: '', words: 'open the sidebar' };
  }
  const changed = status.datasets.filter(one => one.state === 'changed').length;
  const stale = status.stages.filter(one => ['stale', 'never-run'].includes(one.state)).length;
  const failed = status.next.filter(step => step.kind === 'failed').length;
  const running = runningOf(project);
  const counts = { '●': changed, '▲': stale, '✗': failed };
  const waiting = Object.entries(counts).filter(([, count]) => count > 0);
  const words = [
    changed && `${changed} changed`,
    stale && `${stale} stale`,
    failed && `${failed} failed`,
    running && `running ${running}`
  ];
  return {
    signs:
      [waiting.map(([mark, count]) => `${mark}${count}`).join(' '), running && `◌${running}`]
        .filter(Boolean)
        .join(' · ') || '✓',
    words: words.filter(Boolean).join(', ') || 'up to date'
  };
}

function runningOf(project: ProjectModel): string {
  const stage = project.status.value?.stages.find(one => one.state === 'running');
  if (stage) {
    return stage.total ? `${stage.name} ${stage.done}/${stage.total}` : stage.name;
  }
  const job = project.jobs.list.value?.find(one => one.state === 'running');
  const progress = job?.progress;
  return job ? (progress?.total ? `${progress.what} ${progress.done}/${progress.total}` : job.verb) : '';
}
