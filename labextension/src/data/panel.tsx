/** Data: datasets, their state, and their versions. */
import { addIcon, ellipsesIcon, fileUploadIcon } from '@jupyterlab/ui-components';
import { useEffect, useState } from 'react';
import type { ReactElement } from 'react';
import type { DatasetState, Status } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { bare, same } from '../model/selection';
import { Button } from '../parts/button';
import { bytes, plural } from '../parts/format';
import { useCommand, useMlops, useSelection } from '../parts/hooks';
import { openMenu } from '../parts/menu';
import { Empty } from '../parts/messages';
import { State, lookOf } from '../parts/state';
import { Row, Tree } from '../parts/tree';
import { useFilter } from '../shell/filter';
import { NoMatch } from '../shell/no-match';
import { RunningJobs } from '../shell/jobs';
import { Section } from '../shell/section';
import { DATA_MENU, changeOf, datasetMenu, nameOf, selectionOf } from './model';
import { Versions } from './versions';

const VERBS = [
  'commit',
  'checkout',
  'push',
  'pull',
  'fetch',
  'import',
  'tag',
  'init',
  'verify',
  'gc',
  'retain',
  'erase'
];
const MORE = 'More about data';

export function DataSection(props: { status: Status }): ReactElement {
  const { app } = useMlops();
  const execute = useCommand();
  const more = (): void => {
    const box = document.querySelector(`[data-section=data] [aria-label="${MORE}"]`)?.getBoundingClientRect();
    openMenu(app.commands, DATA_MENU, box?.left ?? 0, box?.bottom ?? 0);
  };
  const buttons = (
    <>
      <Button label="Commit version…" icon={addIcon} bare verb="commit" onClick={() => execute(CommandIDs.commit)} />
      <Button label="Push" icon={fileUploadIcon} bare verb="push" onClick={() => execute(CommandIDs.push)} />
      <Button label={MORE} icon={ellipsesIcon} bare onClick={more} />
    </>
  );
  return (
    <Section id="data" title="Data" buttons={buttons}>
      {() => (
        <>
          <RunningJobs verbs={VERBS} />
          {props.status.note && <p className="jp-Mlops-calm">{props.status.note}</p>}
          {props.status.datasets.length > 0 ? <Datasets datasets={props.status.datasets} /> : <NoData />}
        </>
      )}
    </Section>
  );
}

function NoData(): ReactElement {
  const execute = useCommand();
  return (
    <Empty text="No datasets yet. Right-click a file or folder and choose Commit version.">
      <Button label="Choose…" onClick={() => execute('filebrowser:activate')} />
      <Button label="Import…" verb="import" onClick={() => execute(CommandIDs.importData)} />
    </Empty>
  );
}

/** What people committed first, then what stages write. */
function Datasets(props: { datasets: readonly DatasetState[] }): ReactElement {
  const matches = useFilter();
  const shown = props.datasets.filter(one => matches(one.path, one.state, one.version));
  const groups = [shown.filter(one => one.kind === 'data'), shown.filter(one => one.kind !== 'data')];
  if (shown.length === 0) {
    return <NoMatch />;
  }
  return (
    <>
      {groups.map((group, at) =>
        group.length > 0 ? (
          <div key={at}>
            {at > 0 && <h4 className="jp-Mlops-sub">Written by stages</h4>}
            <Tree label={at > 0 ? 'Written by stages' : 'Datasets'}>
              {group.map((dataset, index) => (
                <Dataset
                  key={dataset.path}
                  dataset={dataset}
                  name={nameOf(dataset, props.datasets)}
                  position={[index + 1, group.length]}
                />
              ))}
            </Tree>
          </div>
        ) : null
      )}
    </>
  );
}

function Dataset(props: { dataset: DatasetState; name: string; position: [number, number] }): ReactElement {
  const { app, project } = useMlops();
  const execute = useCommand();
  const selected = useSelection();
  const [open, setOpen] = useState(false);
  const { dataset } = props;
  const mine = selectionOf(dataset);
  const isBehind = selected?.follows === true && selected.name === mine.name && !same(selected, mine);
  useEffect(() => {
    if (isBehind) {
      project.select(mine);
    }
  });
  useEffect(() => {
    if (selected?.kind === 'data' && selected.name === mine.name && !selected.follows) {
      setOpen(true); // a version that something leads to can be seen
    }
  }, [selected, mine.name]);
  const changed = dataset.state === 'changed';
  const commit = (): void => execute(CommandIDs.commit, { path: dataset.path });
  const spoken = [dataset.path, lookOf(dataset.state).word, changeOf(dataset), dataset.version ?? 'no version'];
  return (
    <>
      <Row
        id={`data:${dataset.path}`}
        level={1}
        position={props.position}
        name={spoken.filter(Boolean).join(', ')}
        tip={tipOf(dataset)}
        expanded={open}
        // Unfolded, the row of the version below shows it.
        selected={!open && same(selected, mine)}
        label={<Name dataset={dataset} name={props.name} />}
        detail={changed ? changeOf(dataset) || 'changed' : bytes(dataset.bytes)}
        buttons={
          changed && dataset.kind === 'data' ? <Button label="Commit…" verb="commit" onClick={commit} /> : undefined
        }
        onSelect={() => project.select(mine)}
        onToggle={() => setOpen(!open)}
        onMenu={(x, y) => openMenu(app.commands, datasetMenu(dataset), x, y)}
      />
      {open && <Versions dataset={dataset} />}
    </>
  );
}

function Name(props: { dataset: DatasetState; name: string }): ReactElement {
  const { state, version } = props.dataset;
  return (
    <>
      <span className="jp-Mlops-name">{props.name}</span>
      {state !== 'up-to-date' && <State state={state} word={state !== 'changed'} />}
      {version && <span className="jp-Mlops-version">{version}</span>}
    </>
  );
}

function tipOf(dataset: DatasetState): string {
  const { path, head_version: head, version, state } = dataset;
  const at =
    version && head && bare(version) !== bare(head) ? `at ${version}, HEAD ${head}` : (version ?? 'no version yet');
  const size = `${plural(dataset.files, 'file')}, ${bytes(dataset.bytes)}`;
  return [path, `${lookOf(state).word}: ${at}`, size, dataset.kind === 'stage' ? 'output of a stage' : '']
    .join('\n')
    .trim();
}
