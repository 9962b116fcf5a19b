/** [▶ Run as stage ▾] in the toolbar of a notebook. */
import { ReactWidget } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { caretDownIcon, runIcon } from '@jupyterlab/ui-components';
import type { MouseEvent, ReactElement } from 'react';
import { CommandIDs } from '../commands/ids';
import { useSignal } from '../parts/hooks';
import type { MenuEntry } from '../parts/menu';
import { openMenu } from '../parts/menu';
import type { IMlops } from '../tokens';

/** Says "save & run" while the notebook has unsaved changes. */
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

function Buttons(props: { mlops: IMlops; panel: NotebookPanel }): ReactElement {
  const { mlops, panel } = props;
  const { context } = panel;
  const dirty = useSignal(context.model.stateChanged, () => context.model.dirty);
  const { commands } = mlops.app;
  const open = (event: MouseEvent): void => {
    const box = event.currentTarget.getBoundingClientRect();
    openMenu(commands, menuOf(mlops, context.path), box.left, box.bottom);
  };
  const label = dirty ? '▲ save & run' : 'Run as stage';
  return (
    <span className="jp-Mlops-stageButton" role="group" aria-label="Run as stage">
      <button
        type="button"
        title={dirty ? 'Save this notebook and run it as a pipeline stage' : 'Run this notebook as a pipeline stage'}
        onClick={() => void commands.execute(CommandIDs.runAsStage)}
      >
        <runIcon.react tag="span" width="14px" height="14px" aria-hidden="true" />
        {label}
      </button>
      <button type="button" aria-label="More about this stage" aria-haspopup="menu" onClick={open}>
        <caretDownIcon.react tag="span" width="14px" height="14px" aria-hidden="true" />
      </button>
    </span>
  );
}

/** A notebook that is a stage offers more than one that is none. */
function menuOf(mlops: IMlops, path: string): MenuEntry[] {
  const { folder, status } = mlops.project;
  const stage = status.value?.stages.find(one => [folder, one.notebook].filter(Boolean).join('/') === path);
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
