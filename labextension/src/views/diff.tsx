/** Diff: what differs between two versions, by schema, rows, columns and files. */
import { useId, useState } from 'react';
import type { KeyboardEvent, ReactElement } from 'react';
import type { Difference } from '../api/types';
import { scalar } from '../parts/format';
import { useMlops } from '../parts/hooks';
import { Loaded } from '../parts/loaded';
import { Heading, Table } from './parts';
import type { IViewSpec } from './spec';
import { brief } from './spec';

/** Changed cells to list. */
const CELLS = 200;
const TABS = ['Schema', 'Rows', 'Columns', 'Files'] as const;
type Tab = (typeof TABS)[number];

export function DiffView(props: { spec: IViewSpec }): ReactElement {
  const { project } = useMlops();
  const { first, second } = props.spec;
  const args = { before: first, after: second };
  return (
    <div className="jp-Mlops-sheet">
      <Heading title={`${brief(first)} → ${second ? brief(second) : 'workspace'}`} verb="diff" args={args} />
      <Loaded of={project.reading('diff', { ...args, rows: CELLS })}>
        {difference => <Tabs difference={difference} />}
      </Loaded>
    </div>
  );
}

function Tabs(props: { difference: Difference }): ReactElement {
  const { difference } = props;
  const [tab, choose] = useState<Tab>(firstOf(difference));
  const panel = useId();
  const counts = countsOf(difference);
  const walk = (event: KeyboardEvent<HTMLElement>): void => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    const next = step && TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length];
    if (next) {
      choose(next);
      const at = TABS.indexOf(next);
      event.currentTarget.querySelectorAll<HTMLElement>('[role=tab]')[at]?.focus();
    }
  };
  return (
    <>
      {difference.note && <p className="jp-Mlops-note">{difference.note}</p>}
      <div role="tablist" tabIndex={-1} aria-label="What differs" className="jp-Mlops-tabs" onKeyDown={walk}>
        {TABS.map(one => (
          <button
            key={one}
            type="button"
            role="tab"
            aria-selected={one === tab}
            aria-controls={panel}
            tabIndex={one === tab ? 0 : -1}
            onClick={() => choose(one)}
          >
            {one} <span className="jp-Mlops-count">{counts[one]}</span>
          </button>
        ))}
      </div>
      <div role="tabpanel" id={panel} aria-label={tab}>
        <Content tab={tab} difference={difference} />
      </div>
    </>
  );
}

function countsOf({ schema, rows, columns, files }: Difference): Record<Tab, number> {
  return {
    Schema: schema.length,
    Rows: rows ? rows.added + rows.removed + rows.modified : 0,
    Columns: Object.values(columns).filter(count => count > 0).length,
    Files: files.added.length + files.removed.length + files.modified.length
  };
}

/** The first tab that has something to say. */
function firstOf(difference: Difference): Tab {
  const counts = countsOf(difference);
  return TABS.find(tab => counts[tab] > 0) ?? 'Files';
}

function Content(props: { tab: Tab; difference: Difference }): ReactElement {
  const { schema, columns, files } = props.difference;
  switch (props.tab) {
    case 'Schema':
      return schema.length > 0 ? (
        <Table
          label="Schema"
          heads={['Column', 'Before', 'After']}
          rows={schema.map(one => [one.column, one.before ?? 'absent', one.after ?? 'removed'])}
        />
      ) : (
        <p className="jp-Mlops-note">The columns and their types are the same.</p>
      );
    case 'Rows':
      return <Rows difference={props.difference} />;
    case 'Columns':
      return (
        <Table
          label="Columns"
          heads={['Column', 'Changed cells']}
          rows={Object.entries(columns).sort(([, one], [, other]) => other - one)}
        />
      );
    case 'Files':
      return (
        <Table
          label="Files"
          heads={['Change', 'File']}
          rows={[
            ...files.added.map(name => ['added', name]),
            ...files.removed.map(name => ['removed', name]),
            ...files.modified.map(name => ['modified', name])
          ]}
        />
      );
  }
}

function Rows(props: { difference: Difference }): ReactElement {
  const { rows, cells } = props.difference;
  if (!rows) {
    return <p className="jp-Mlops-note">The content is no table.</p>;
  }
  const said = `${rows.added.toLocaleString()} added, ${rows.removed.toLocaleString()} removed, ${rows.modified.toLocaleString()} modified.`;
  return (
    <>
      <p className="jp-Mlops-note">{said}</p>
      {cells.length > 0 && (
        <Table
          label="Changed cells"
          heads={['Row', 'Column', 'Before', 'After']}
          rows={cells.map(cell => [cell.key, cell.column, scalar(cell.before), scalar(cell.after)])}
        />
      )}
    </>
  );
}
