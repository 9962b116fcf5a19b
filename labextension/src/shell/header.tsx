/** The top of the sidebar: which project, which branch, and what concerns all of it. */
import { ellipsesIcon, refreshIcon } from '@jupyterlab/ui-components';
import type { MouseEvent, ReactElement } from 'react';
import { CommandIDs } from '../commands/ids';
import { Button } from '../parts/button';
import { useMlops, useResource, useSignal } from '../parts/hooks';
import type { MenuEntry } from '../parts/menu';
import { openMenu } from '../parts/menu';
import type { IFilter } from './filter';
import { pinIcon } from './pin';

const MORE: readonly MenuEntry[] = [
  [CommandIDs.commit, {}],
  [CommandIDs.importData, {}],
  [CommandIDs.push, {}],
  [CommandIDs.pull, {}],
  [CommandIDs.fetch, {}],
  null,
  [CommandIDs.run, {}],
  [CommandIDs.ci, {}],
  null,
  [CommandIDs.register, {}],
  [CommandIDs.deploy, {}],
  null,
  [CommandIDs.exportView, { what: 'status' }],
  [CommandIDs.doctor, {}],
  [CommandIDs.demo, {}]
];

export function Header(props: { filter: IFilter }): ReactElement {
  const { app, project } = useMlops();
  const { loading } = useResource(project.status);
  const more = (): void => {
    const button = document.querySelector('.jp-Mlops-header [aria-label="More actions"]');
    const box = button?.getBoundingClientRect();
    openMenu(app.commands, MORE, box?.left ?? 0, box?.bottom ?? 0);
  };
  return (
    <header className="jp-Mlops-header">
      <div className="jp-Mlops-title">
        <ProjectName />
        <span className={`jp-Mlops-actions${loading ? ' jp-mod-loading' : ''}`}>
          <Pin />
          <Button label="Refresh" icon={refreshIcon} bare onClick={() => project.refresh()} />
          <Button label="More actions" icon={ellipsesIcon} bare onClick={more} />
        </span>
      </div>
      <input
        type="search"
        className="jp-Mlops-filter"
        placeholder="Filter datasets, runs, models"
        aria-label="Filter datasets, runs, models"
        value={props.filter.text}
        onChange={event => props.filter.set(event.target.value)}
      />
    </header>
  );
}

/** The project and its branch; a click goes to another project seen before. */
function ProjectName(): ReactElement {
  const { app, project } = useMlops();
  const { value, error } = useResource(project.status);
  const folder = useSignal(project.folderChanged, () => project.folder);
  const recent = useSignal(project.status.changed, () => project.recent);
  const name = error && !value ? 'MLOps' : (value?.name ?? 'MLOps');
  const choose = (event: MouseEvent): void => {
    const box = event.currentTarget.getBoundingClientRect();
    const others = recent.filter(one => one.folder !== folder);
    const entries = others.map<MenuEntry>(one => [CommandIDs.goTo, { folder: one.folder, label: one.name }]);
    openMenu(
      app.commands,
      [...entries, ...(entries.length ? [null] : []), [CommandIDs.demo, {}]],
      box.left,
      box.bottom
    );
  };
  return (
    <span className="jp-Mlops-project">
      <button type="button" title={value?.root ?? folder} onClick={choose} aria-haspopup="menu">
        <strong>{name}</strong>
        <span aria-hidden="true"> ▾</span>
      </button>
      {value && (
        <span className="jp-Mlops-branch" title={value.branch ? `Branch ${value.branch}` : 'Detached HEAD'}>
          <span aria-hidden="true">⎇ </span>
          {value.branch ?? `detached ${value.head?.slice(0, 7) ?? ''}`}
        </span>
      )}
    </span>
  );
}

function Pin(): ReactElement {
  const mlops = useMlops();
  const follows = useSignal(mlops.settingsChanged, () => mlops.settings.followFileBrowser);
  const label = follows ? 'Stay with this project' : 'Follow the file browser again';
  const toggle = (): void => void mlops.set('followFileBrowser', !follows);
  return <Button label={label} icon={pinIcon} bare pressed={!follows} onClick={toggle} />;
}
