/** A tab of the main area: it asks only while it can be seen. */
import { ReactWidget } from '@jupyterlab/apputils';
import type { Message } from '@lumino/messaging';
import { Suspense, lazy } from 'react';
import type { ComponentType, ReactElement } from 'react';
import { ProjectModel } from '../model/project';
import { MlopsContext } from '../parts/hooks';
import { Waiting } from '../parts/messages';
import { within } from '../service';
import type { IMlops } from '../tokens';
import { CompareView } from './compare';
import { DiffView } from '../diff/view';
import { DriftView } from './drift';
import { MonitorView } from './monitor';
import { ShowView } from './show';
import type { IViewSpec, ViewKind } from './spec';

// The graph library is larger than all the rest together.
const LineageView = lazy(() => import('./lineage'));
const SearchView = lazy(() => import('../keeping/search'));
const VerifiedView = lazy(() => import('../keeping/verified'));
const BoardView = lazy(() => import('../sweeps/board'));
const RetentionView = lazy(() => import('../keeping/retention'));

const VIEWS: Readonly<Record<ViewKind, ComponentType<{ spec: IViewSpec }>>> = {
  diff: DiffView,
  lineage: LineageView,
  drift: DriftView,
  compare: CompareView,
  monitor: MonitorView,
  show: ShowView,
  search: SearchView,
  verified: VerifiedView,
  retention: RetentionView,
  sweep: BoardView
};

/** It keeps its project, wherever the sidebar goes. */
export class Page extends ReactWidget {
  constructor(
    mlops: IMlops,
    private readonly _spec: IViewSpec
  ) {
    super();
    this._project = new ProjectModel(mlops.project.client);
    this._project.setFolder(_spec.project);
    this._mlops = within(mlops, this._project);
    this.addClass('jp-Mlops-page');
    this.node.tabIndex = -1;
    document.addEventListener('visibilitychange', this._look);
  }

  override dispose(): void {
    document.removeEventListener('visibilitychange', this._look);
    this._project.setActive(false);
    super.dispose();
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._look();
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this._look();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this._look();
  }

  protected render(): ReactElement {
    const View = VIEWS[this._spec.kind];
    return (
      <MlopsContext.Provider value={this._mlops}>
        <Suspense fallback={<Waiting />}>
          <View spec={this._spec} />
        </Suspense>
      </MlopsContext.Provider>
    );
  }

  private readonly _look = (): void => {
    this._project.setActive(this.isVisible && document.visibilityState === 'visible');
  };

  private readonly _project: ProjectModel;
  private readonly _mlops: IMlops;
}
