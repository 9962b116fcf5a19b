/** What the tab shows: header, sections, footer. */
import { ReactWidget } from '@jupyterlab/apputils';
import type { ReactElement } from 'react';
import { DataSection } from '../data/panel';
import { DeploymentsSection } from '../deployments/panel';
import { DriftSection } from '../drift/panel';
import { LineageSection } from '../lineage/panel';
import { ModelsSection } from '../models/panel';
import { MlopsContext, useMlops, useResource, useSignal } from '../parts/hooks';
import { Line } from '../parts/line';
import { Failure, Waiting } from '../parts/messages';
import { PipelinesSection } from '../pipelines/panel';
import { TodoSection } from '../todo/panel';
import type { IMlops } from '../tokens';
import { NoProject } from './empty';
import { FilterContext, useFilterState } from './filter';
import { Header } from './header';

/** The React root of the sidebar. */
export class View extends ReactWidget {
  constructor(private readonly _mlops: IMlops) {
    super();
    this.addClass('jp-Mlops-view');
  }

  protected render(): ReactElement {
    return (
      <MlopsContext.Provider value={this._mlops}>
        <Sidebar />
      </MlopsContext.Provider>
    );
  }
}

function Sidebar(): ReactElement {
  const filter = useFilterState();
  return (
    <FilterContext.Provider value={filter.words}>
      <Header filter={filter} />
      <div className="jp-Mlops-sections">
        <Body />
      </div>
      <Footer />
    </FilterContext.Provider>
  );
}

/** Sections when there is a project; otherwise how to get one. */
function Body(): ReactElement {
  const { project } = useMlops();
  const { value, error } = useResource(project.status);
  if (error?.reference === 'not-a-git-repository') {
    return <NoProject failure={error} />;
  }
  if (error && !value) {
    return <Failure failure={error} onRetry={() => project.refresh()} />;
  }
  if (!value) {
    return <Waiting />;
  }
  return (
    <>
      {error && <Failure failure={error} onRetry={() => project.refresh()} />}
      <TodoSection status={value} />
      <DataSection status={value} />
      <PipelinesSection status={value} />
      <ModelsSection />
      <DeploymentsSection />
      <LineageSection />
      <DriftSection />
    </>
  );
}

function Footer(): ReactElement | null {
  const mlops = useMlops();
  const line = useSignal(mlops.lineChanged, () => mlops.line);
  return line ? (
    <div className="jp-Mlops-footer">
      <Line text={line} />
    </div>
  ) : null;
}
