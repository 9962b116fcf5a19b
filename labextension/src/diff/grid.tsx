/** A table of any length: the rows in sight are in the page, the next ones are asked for in time. */
import { useEffect, useId, useState } from 'react';
import type { KeyboardEvent, ReactElement, UIEvent } from 'react';
import { LONGEST_PAGE } from '../model/pages';
import { Cell, Changed } from './cell';
import type { RowChange } from './model';

/** As in the style sheet. */
const ROW_PX = 28;
const BOX_ROWS = 18;
const MARGIN_ROWS = 6;
const MARKS = { added: '+', modified: '~', removed: '−' } as const;

interface IGrid {
  readonly items: readonly RowChange[];
  readonly total: number;
  readonly columns: readonly string[];
  readonly onMore: (count: number) => void;
  readonly onOpen: (row: RowChange) => void;
}

export function Grid(props: IGrid): ReactElement {
  const { items, total, columns, onMore } = props;
  const [top, setTop] = useState(0);
  const [active, setActive] = useState(0);
  const id = useId();
  const first = Math.max(0, Math.floor(top / ROW_PX) - MARGIN_ROWS);
  const last = Math.min(items.length, first + BOX_ROWS + 2 * MARGIN_ROWS);
  useEffect(() => {
    if (items.length < total && last > items.length - 2 * BOX_ROWS) {
      onMore(items.length + LONGEST_PAGE);
    }
  }, [items.length, total, last, onMore]);
  const walk = (event: KeyboardEvent<HTMLElement>): void => {
    const next = stepped(event.key, active, items.length);
    const row = items[active];
    if (next !== null) {
      event.preventDefault();
      setActive(next);
      show(event.currentTarget, next);
    } else if (event.key === 'Enter' && row) {
      event.preventDefault();
      props.onOpen(row);
    }
  };
  return (
    <div
      role="grid"
      tabIndex={0}
      aria-label="Changed rows"
      aria-rowcount={total + 1}
      aria-colcount={columns.length + 2}
      aria-activedescendant={`${id}-${active}`}
      className="jp-Mlops-grid"
      style={{ maxHeight: (BOX_ROWS + 1) * ROW_PX }}
      onScroll={(event: UIEvent<HTMLElement>) => setTop(event.currentTarget.scrollTop)}
      onKeyDown={walk}
    >
      <table role="presentation">
        <thead>
          <tr role="row" aria-rowindex={1}>
            <th role="columnheader" aria-label="Change" />
            <th role="columnheader">Row</th>
            {columns.map(name => (
              <th role="columnheader" key={name} title={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Gap rows={first} />
          {items.slice(first, last).map((row, at) => (
            <Row
              key={first + at}
              id={`${id}-${first + at}`}
              at={first + at}
              row={row}
              columns={columns}
              active={first + at === active}
              onPoint={() => setActive(first + at)}
              onOpen={() => props.onOpen(row)}
            />
          ))}
          <Gap rows={items.length - last} />
        </tbody>
      </table>
    </div>
  );
}

/** The height of rows that are not drawn. */
function Gap(props: { rows: number }): ReactElement | null {
  return props.rows > 0 ? (
    <tr role="presentation" aria-hidden="true">
      <td style={{ height: props.rows * ROW_PX, padding: 0, border: 0 }} />
    </tr>
  ) : null;
}

function Row(props: {
  id: string;
  at: number;
  row: RowChange;
  columns: readonly string[];
  active: boolean;
  onPoint: () => void;
  onOpen: () => void;
}): ReactElement {
  const { row } = props;
  return (
    <tr
      id={props.id}
      role="row"
      aria-rowindex={props.at + 2}
      aria-selected={props.active}
      data-kind={row.kind}
      onClick={props.onPoint}
      onDoubleClick={props.onOpen}
    >
      <td role="gridcell" title={row.kind} aria-label={row.kind}>
        {MARKS[row.kind as keyof typeof MARKS]}
      </td>
      <th role="rowheader" scope="row" title={row.key}>
        {row.key}
      </th>
      {props.columns.map(name => (
        <td key={name} role="gridcell" data-changed={name in row.before} title={tip(row, name)}>
          {name in row.before ? (
            <Changed before={row.before[name] ?? null} after={row.values[name]} />
          ) : (
            name in row.values && <Cell value={row.values[name]} />
          )}
        </td>
      ))}
    </tr>
  );
}

function tip(row: RowChange, name: string): string {
  const value = String(row.values[name] ?? 'null');
  return name in row.before ? `${String(row.before[name] ?? 'null')} → ${value}` : value;
}

/** Where a key leads from row `at` of `count`; null when it leads nowhere. */
function stepped(key: string, at: number, count: number): number | null {
  const steps: Readonly<Record<string, number>> = {
    ArrowDown: 1,
    ArrowUp: -1,
    PageDown: BOX_ROWS - 1,
    PageUp: 1 - BOX_ROWS,
    Home: -count,
    End: count
  };
  const step = steps[key];
  return step === undefined ? null : Math.max(0, Math.min(count - 1, at + step));
}

/** Scrolls so far that row `at` is in sight below the headings. */
function show(box: HTMLElement, at: number): void {
  const above = at * ROW_PX;
  const below = above + 2 * ROW_PX - box.clientHeight;
  box.scrollTop = Math.max(below, Math.min(above, box.scrollTop));
}
