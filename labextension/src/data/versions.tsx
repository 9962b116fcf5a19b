/** The versions of one dataset: a handful at first, then as many as there are, a screenful in the page. */
import type { ReactElement } from 'react';
import type { DatasetState, DatasetVersion } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { bare, referenceOf, same } from '../model/selection';
import { Button } from '../parts/button';
import { age, bytes, moment, plural } from '../parts/format';
import { useCommand, useMinute, useMlops, useSelection } from '../parts/hooks';
import { Loaded } from '../parts/loaded';
import { openMenu } from '../parts/menu';
import { State } from '../parts/state';
import { Row } from '../parts/tree';
import { When } from '../parts/when';
import { Windowed } from '../parts/windowed';
import { useFilter } from '../shell/filter';
import { useReach } from '../keeping/reach';
import { versionMenu, versionSelection } from './model';

export function Versions(props: { dataset: DatasetState }): ReactElement {
  const { project } = useMlops();
  const matches = useFilter();
  const { dataset } = props;
  const pages = project.versions(dataset.path);
  const reached = useReach(pages, dataset);
  return (
    <Loaded of={pages}>
      {page => {
        const total = Math.max(dataset.versions, page.items.length);
        // A filter that names the dataset itself should not empty its history.
        const found = page.items.filter(one =>
          matches(dataset.path, one.version, one.message, one.author, ...one.tags)
        );
        return (
          <Windowed
            items={found}
            more={page.next === null ? 0 : total - page.items.length}
            onMore={count => pages.more(count)}
            sought={found.findIndex(one => one.version === reached)}
            keyOf={version => version.git_commit + version.version}
          >
            {(version, at) => (
              <Version
                version={version}
                previous={page.items[page.items.indexOf(version) + 1]}
                position={[at + 1, total]}
              />
            )}
          </Windowed>
        );
      }}
    </Loaded>
  );
}

interface IVersion {
  readonly version: DatasetVersion;
  readonly previous: DatasetVersion | undefined;
  readonly position: [number, number];
}

function Version(props: IVersion): ReactElement {
  const { app, project } = useMlops();
  const execute = useCommand();
  const selected = useSelection();
  const now = useMinute();
  const { version, previous } = props;
  const mine = versionSelection(version);
  const before = previous ? referenceOf(previous.dataset, previous.version) : '';
  const diff = (): void =>
    execute(CommandIDs.diff, { before: before || mine.reference, after: before && mine.reference });
  const checkout = (): void => execute(CommandIDs.checkout, { reference: mine.reference });
  return (
    <Row
      id={`version:${mine.reference}`}
      level={2}
      position={props.position}
      name={[
        bare(version.version),
        version.let_go,
        version.message,
        version.author,
        age(version.time, now),
        ...version.tags
      ]
        .filter(Boolean)
        .join(', ')}
      tip={tipOf(version)}
      selected={same(selected, mine)}
      label={<Label version={version} />}
      detail={<When author={version.author} time={version.time} />}
      buttons={
        <>
          <Button label="Diff" hint="Diff with previous" onClick={diff} />
          {!version.current && !version.let_go.startsWith('retired') && (
            <Button label="Check out…" verb="checkout" onClick={checkout} />
          )}
        </>
      }
      onSelect={() => project.select(mine)}
      onOpen={diff}
      onMenu={(x, y) => openMenu(app.commands, versionMenu(version, previous), x, y)}
    />
  );
}

function Label(props: { version: DatasetVersion }): ReactElement {
  const { version } = props;
  return (
    <>
      <span className="jp-Mlops-version" data-current={version.current}>
        {bare(version.version)}
      </span>
      {version.let_go && <State state={version.let_go.split(' ')[0] ?? ''} word />}
      {version.tags.map(tag => (
        <span key={tag} className="jp-Mlops-tag">
          {tag}
        </span>
      ))}
      <span className="jp-Mlops-text">{version.message}</span>
    </>
  );
}

function tipOf(version: DatasetVersion): string {
  const rows = version.rows === null ? '' : `, ${plural(version.rows, 'row')}`;
  return [
    `${version.label}${version.current ? ' (in the workspace)' : ''}`,
    version.message,
    `${version.author}, ${moment(version.time)}`,
    `${plural(version.files, 'file')}, ${bytes(version.bytes)}${rows}`,
    `commit ${version.git_commit.slice(0, 10)}`,
    letGo(version.let_go)
  ]
    .join('\n')
    .trim();
}

/** `retired 2026-11-24` in words. */
function letGo(told: string): string {
  const [kind, day] = told.split(' ');
  if (!day) {
    return '';
  }
  return kind === 'erased' ? `Erased on ${day}: what is left stands in its place.` : `Its data was let go on ${day}.`;
}
