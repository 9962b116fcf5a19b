/** [▶ Run stage train ▾] or [▶ Run as stage… ▾] in the toolbar of a notebook. */
import { ReactWidget } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { caretDownIcon, runIcon } from '@jupyterlab/ui-components';
import type { MouseEvent, ReactElement } from 'react';
import type { StageState } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { useSignal } from '../parts/hooks';
import type { MenuEntry } from '../parts/menu';
import { openMenu } from '../parts/menu';
import type { IMlops } from '../tokens';

/** Says what a press does: run the stage it is, or ask what stage it shall be. */
export class StageButton extends ReactWidget {
  constructor(
    private readonly _mlops: IMlops,
    private readonly _panel: NotebookPanel
  ) {
    super();
    this.addClass('jp-Mlops-toolbarItem');
  }

  protected render(): ReactElement {
    return <Buttons mlops={this._mlops} panel={this._panel} />;
  }
}

function Buttons(props: { mlops: IMlops; panel: NotebookPanel }): ReactElement | null {
  const { mlops, panel } = props;
  const { context } = panel;
  const path = useSignal(context.pathChanged, () => context.path);
  useSignal(mlops.project.status.changed, () => mlops.project.status.snapshot);
  const stage = stageOf(mlops, path);
  const { commands } = mlops.app;
  const open = (event: MouseEvent): void => {
    const box = event.currentTarget.getBoundingClientRect();
    openMenu(commands, menuOf(stage), box.left, box.bottom);
  };
  if (isExecuted(mlops, path)) {
    return null;
  }
  return (
    <span className="jp-Mlops-stageButton" role="group" aria-label="Run as stage">
      <button
        type="button"
        title={
          stage
            ? `Save this notebook and run it as the pipeline stage ${stage.name}`
            : 'Save this notebook, make it a pipeline stage and run it'
        }
        onClick={() => void commands.execute(CommandIDs.runAsStage)}
      >
        <runIcon.react tag="span" width="14px" height="14px" aria-hidden="true" />
        {stage ? `Run stage ${stage.name}` : 'Run as stage…'}
      </button>
      <button type="button" aria-label="More about this stage" aria-haspopup="menu" onClick={open}>
        <caretDownIcon.react tag="span" width="14px" height="14px" aria-hidden="true" />
      </button>
    </span>
  );
}

function stageOf(mlops: IMlops, path: string): StageState | undefined {
  const { folder, status } = mlops.project;
  return status.value?.stages.find(one => one.notebook !== null && inside(folder, one.notebook) === path);
}

/** Whether a stage or a run wrote it: running what came of a run makes no sense. */
function isExecuted(mlops: IMlops, path: string): boolean {
  const { folder, status } = mlops.project;
  const written = status.value?.datasets.some(one => one.kind === 'stage' && inside(folder, one.path) === path);
  return written === true || /(^|\/)executed\//.test(path);
}

/** A path of the project as the server knows it. */
function inside(folder: string, path: string): string {
  return [folder, path].filter(Boolean).join('/');
}

/** A notebook that is a stage offers more than one that is none. */
function menuOf(stage: StageState | undefined): MenuEntry[] {
  const name = stage?.name ?? '';
  const edit: MenuEntry = [CommandIDs.addStage, { label: stage ? 'Edit stage…' : 'Make it a stage…' }];
  return stage
    ? [
        [CommandIDs.run, { name, label: `Run ${name}` }],
        [CommandIDs.run, { name, downstream: true, label: 'Run from here' }],
        [CommandIDs.why, { name }],
        null,
        edit
      ]
    : [edit];
}
