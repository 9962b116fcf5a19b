/** Changed rows: filtered, read page by page, only those in sight drawn, old beside new. */
import { useEffect, useMemo, useState } from 'react';
import type { ReactElement } from 'react';
import type { Difference } from '../api/types';
import { plural } from '../parts/format';
import { useMlops, useResource } from '../parts/hooks';
import { Failure, Waiting } from '../parts/messages';
import { Table } from '../views/parts';
import { Cell } from './cell';
import { Grid } from './grid';
import { ChangedRows } from './model';
import type { IFilter, IPair, Kind, RowChange } from './model';

const KINDS: readonly (readonly [Kind, string])[] = [
  ['any', 'All changes'],
  ['added', 'Added'],
  ['modified', 'Modified'],
  ['removed', 'Removed']
];

export function Rows(props: { difference: Difference; pair: IPair }): ReactElement {
  const { difference, pair } = props;
  const { project } = useMlops();
  const [filter, setFilter] = useState<IFilter>({ column: '', kind: 'any' });
  const [whole, setWhole] = useState(false);
  const rows = useMemo(() => new ChangedRows(project, pair, filter), [project, pair, filter]);
  // The summary is told when the data changed; then the rows may have, too.
  useEffect(() => rows.invalidate(), [rows, difference]);
  const changed = Object.keys(difference.columns);
  const columns = whole || changed.length === 0 ? difference.compared : changed;
  const { added, removed, modified } = difference.rows ?? { added: 0, removed: 0, modified: 0 };
  return (
    <>
      <p className="jp-Mlops-note">
        {`${added.toLocaleString()} added, ${removed.toLocaleString()} removed, ${modified.toLocaleString()} modified.`}
      </p>
      <div className="jp-Mlops-filters">
        <Choice
          label="Changes in"
          value={filter.column}
          options={[
            ['', 'any column'],
            ...changed.map(name => [name, `${name} (${difference.columns[name]})`] as const)
          ]}
          onChange={column => setFilter({ ...filter, column })}
        />
        <Choice
          label="Show"
          value={filter.kind}
          options={KINDS}
          onChange={kind => setFilter({ ...filter, kind: KINDS.find(([one]) => one === kind)?.[0] ?? 'any' })}
        />
        {changed.length > 0 && changed.length < difference.compared.length && (
          <label>
            <input type="checkbox" checked={whole} onChange={event => setWhole(event.target.checked)} /> All columns
          </label>
        )}
      </div>
      <Found rows={rows} columns={columns} />
    </>
  );
}

function Choice(props: {
  label: string;
  value: string;
  options: readonly (readonly [string, string])[];
  onChange: (value: string) => void;
}): ReactElement {
  return (
    <label>
      {props.label}{' '}
      <select className="jp-mod-styled" value={props.value} onChange={event => props.onChange(event.target.value)}>
        {props.options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function Found(props: { rows: ChangedRows; columns: readonly string[] }): ReactElement {
  const { rows, columns } = props;
  const { value, error } = useResource(rows);
  const [opened, open] = useState<RowChange | null>(null);
  useEffect(() => open(null), [rows]);
  return (
    <>
      {error && <Failure failure={error} onRetry={() => void rows.refresh()} />}
      {!value && !error && <Waiting />}
      {value?.items.length === 0 && <p className="jp-Mlops-note">No row fits.</p>}
      {value && value.items.length > 0 && (
        <>
          <Grid
            items={value.items}
            total={rows.matching}
            columns={columns}
            onMore={count => rows.more(count)}
            onOpen={open}
          />
          <p className="jp-Mlops-note" aria-live="polite">
            {plural(rows.matching, 'row')}, {value.items.length.toLocaleString()} read. Enter shows a whole row.
          </p>
        </>
      )}
      {opened && <WholeRow row={opened} />}
    </>
  );
}

/** One row in full, a line for each column. */
function WholeRow(props: { row: RowChange }): ReactElement {
  const { row } = props;
  const lines = Object.entries(row.values).map(([name, value]) => {
    const was = row.kind === 'added' ? '' : <Cell value={row.before[name] ?? (name in row.before ? null : value)} />;
    const is = row.kind === 'removed' ? '' : <Cell value={value} />;
    return [name in row.before ? <strong key={name}>{name}</strong> : name, was, is];
  });
  return (
    <section aria-label={`Row ${row.key}`}>
      <h3>
        {row.key}, {row.kind}
      </h3>
      <Table label={`Row ${row.key}`} heads={['Column', 'Before', 'After']} rows={lines} />
    </section>
  );
}
