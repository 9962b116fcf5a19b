/** The tab in the left area: it wakes when it is shown, and asks for nothing while it is not. */
import { Spinner } from '@jupyterlab/apputils';
import { LabIcon } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Panel } from '@lumino/widgets';
import type { IMlops } from '../tokens';
import mlopsSvg from './icon';

export const mlopsIcon = new LabIcon({ name: 'jupyter-mlops:tab', svgstr: mlopsSvg });

/** Light: what it draws is loaded when it is first shown. */
export class Sidebar extends Panel {
  constructor(private readonly _mlops: IMlops) {
    super();
    this.id = 'jupyter-mlops';
    this.title.icon = mlopsIcon;
    this.title.caption = 'MLOps';
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'MLOps');
    this.addClass('jp-Mlops');
    document.addEventListener('visibilitychange', this.look);
  }

  override dispose(): void {
    document.removeEventListener('visibilitychange', this.look);
    super.dispose();
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.look();
    void this._draw();
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.look();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) {
      this.onAfterShow(message);
    }
  }

  /** Tells the project whether anybody can see the panel. */
  readonly look = (): void => {
    this._mlops.project.setActive(this.isVisible && document.visibilityState === 'visible');
  };

  private async _draw(): Promise<void> {
    if (this._drawn) {
      return;
    }
    this._drawn = true;
    const spinner = new Spinner();
    this.node.appendChild(spinner.node);
    const { View } = await import('./view');
    this.addWidget(new View(this._mlops));
    spinner.node.remove();
    spinner.dispose();
  }

  private _drawn = false;
}
