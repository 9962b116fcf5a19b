/** Diff: what differs between two versions, by schema, rows, columns and files. */
import { useEffect, useId, useMemo, useState } from 'react';
import type { FormEvent, KeyboardEvent, ReactElement } from 'react';
import type { Difference } from '../api/types';
import { Button } from '../parts/button';
import { useMlops } from '../parts/hooks';
import { Loaded } from '../parts/loaded';
import { Heading, Table } from '../views/parts';
import type { IViewSpec } from '../views/spec';
import { brief } from '../views/spec';
import { Columns } from './columns';
import { Files } from './files';
import { keyOf } from './model';
import type { IPair } from './model';
import { Rows } from './rows';

const TABS = ['Schema', 'Rows', 'Columns', 'Files'] as const;
type Tab = (typeof TABS)[number];

export function DiffView(props: { spec: IViewSpec }): ReactElement {
  const { project } = useMlops();
  const { first, second } = props.spec;
  const [typed, type] = useState('');
  const pair = useMemo<IPair>(() => ({ before: first, after: second, key: keyOf(typed) }), [first, second, typed]);
  return (
    <div className="jp-Mlops-sheet jp-mod-wide">
      <Heading title={`${brief(first)} → ${second ? brief(second) : 'workspace'}`} verb="diff" args={{ ...pair }}>
        <KeyForm value={typed} onChange={type} />
      </Heading>
      <Loaded of={project.reading('diff', { ...pair, rows: 0, limit: 1 })}>
        {difference => <Tabs difference={difference} pair={pair} onKey={type} />}
      </Loaded>
    </div>
  );
}

/** The columns that name a row; taken over by Enter or on leaving the field. */
function KeyForm(props: { value: string; onChange: (key: string) => void }): ReactElement {
  const [text, setText] = useState(props.value);
  useEffect(() => setText(props.value), [props.value]);
  const take = (event: FormEvent): void => {
    event.preventDefault();
    props.onChange(text.trim());
  };
  return (
    <form className="jp-Mlops-key" onSubmit={take}>
      <label>
        Rows are named by{' '}
        <input
          className="jp-mod-styled"
          value={text}
          placeholder="nothing: by content"
          title="Columns that name a row, such as id or state, id"
          spellCheck={false}
          onChange={event => setText(event.target.value)}
          onBlur={take}
        />
      </label>
    </form>
  );
}

function Tabs(props: { difference: Difference; pair: IPair; onKey: (key: string) => void }): ReactElement {
  const { difference, onKey } = props;
  const [chosen, choose] = useState<Tab | null>(null);
  const panel = useId();
  const counts = countsOf(difference);
  const tab = chosen ?? TABS.find(one => counts[one] > 0) ?? 'Files';
  const walk = (event: KeyboardEvent<HTMLElement>): void => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    const next = step && TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length];
    if (next) {
      choose(next);
      event.currentTarget.querySelectorAll<HTMLElement>('[role=tab]')[TABS.indexOf(next)]?.focus();
    }
  };
  return (
    <>
      {difference.note && (
        <p className="jp-Mlops-note">
          {difference.note}
          {difference.likely_key && (
            <Button label={`Pair rows by ${difference.likely_key}`} onClick={() => onKey(difference.likely_key)} />
          )}
        </p>
      )}
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
            {one} <span className="jp-Mlops-count">{counts[one].toLocaleString()}</span>
          </button>
        ))}
      </div>
      <div role="tabpanel" id={panel} aria-label={tab}>
        <Content tab={tab} difference={difference} pair={props.pair} />
      </div>
    </>
  );
}

function countsOf({ schema, rows, columns, files }: Difference): Record<Tab, number> {
  return {
    Schema: schema.length,
    Rows: rows ? rows.added + rows.removed + rows.modified : 0,
    Columns: Object.keys(columns).length,
    Files: files.added.length + files.removed.length + files.modified.length
  };
}

function Content(props: { tab: Tab; difference: Difference; pair: IPair }): ReactElement {
  const { difference, pair } = props;
  switch (props.tab) {
    case 'Schema':
      return <Schema schema={difference.schema} />;
    case 'Rows':
      return difference.rows ? (
        <Rows difference={difference} pair={pair} />
      ) : (
        <p className="jp-Mlops-note">No rows to compare.</p>
      );
    case 'Columns':
      return <Columns difference={difference} pair={pair} />;
    case 'Files':
      return <Files difference={difference} pair={pair} />;
  }
}

function Schema(props: { schema: Difference['schema'] }): ReactElement {
  if (props.schema.length === 0) {
    return <p className="jp-Mlops-note">The columns and their types are the same.</p>;
  }
  const rows = props.schema.map(one => [one.column, one.before ?? 'absent', one.after ?? 'removed']);
  return <Table label="Schema" heads={['Column', 'Before', 'After']} rows={rows} />;
}
