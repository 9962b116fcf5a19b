/** Rows that work with mouse, keyboard and screen reader alike. */
import type { KeyboardEvent, MouseEvent, ReactElement, ReactNode } from 'react';

interface IRow {
  readonly id: string;
  readonly level: number;
  readonly label: ReactNode;
  /** What a screen reader says. */
  readonly name: string;
  readonly detail?: ReactNode;
  readonly buttons?: ReactNode;
  readonly tip?: string;
  readonly selected?: boolean;
  readonly expanded?: boolean;
  readonly position?: readonly [number, number];
  /** Buttons stay visible without hovering. */
  readonly urgent?: boolean;
  readonly onToggle?: () => void;
  readonly onSelect?: () => void;
  readonly onOpen?: () => void;
  readonly onMenu?: (x: number, y: number) => void;
}

/** A list of rows; the arrows walk through it. */
export function Tree(props: { label: string; children: ReactNode }): ReactElement {
  return (
    <div role="tree" tabIndex={-1} aria-label={props.label} className="jp-Mlops-tree" onKeyDown={walk}>
      {props.children}
    </div>
  );
}

/** One row: click selects, Enter or a double click opens, the Menu key shows what else there is. */
export function Row(props: IRow): ReactElement {
  const expandable = props.expanded !== undefined;
  const key = (event: KeyboardEvent<HTMLElement>): void => pressed(event, props);
  const menu = (event: MouseEvent<HTMLElement>): void => {
    if (props.onMenu) {
      event.preventDefault();
      event.stopPropagation();
      const box = event.currentTarget.getBoundingClientRect();
      // The Menu key gives no useful position.
      props.onMenu(event.clientX || box.left + 24, event.clientY || box.bottom);
    }
  };
  return (
    <div
      role="treeitem"
      tabIndex={0}
      data-row={props.id}
      className={`jp-Mlops-row${props.urgent ? ' jp-mod-urgent' : ''}`}
      style={{ paddingLeft: `${8 + (props.level - 1) * 16}px` }}
      aria-level={props.level}
      aria-expanded={expandable ? props.expanded : undefined}
      aria-selected={props.selected ?? false}
      aria-posinset={props.position?.[0]}
      aria-setsize={props.position?.[1]}
      aria-label={props.name}
      title={props.tip}
      onClick={() => (props.onSelect ?? props.onToggle)?.()}
      onDoubleClick={() => (props.onOpen ?? props.onToggle)?.()}
      onContextMenu={menu}
      onKeyDown={key}
    >
      <Twist expanded={props.expanded} onToggle={props.onToggle} />
      <span className="jp-Mlops-label">{props.label}</span>
      {props.detail !== undefined && <span className="jp-Mlops-detail">{props.detail}</span>}
      {props.buttons && <span className="jp-Mlops-buttons">{props.buttons}</span>}
    </div>
  );
}

function Twist(props: { expanded?: boolean; onToggle?: () => void }): ReactElement {
  const toggle = (event: MouseEvent): void => {
    event.stopPropagation();
    props.onToggle?.();
  };
  return (
    <span className="jp-Mlops-twist" aria-hidden="true" onClick={props.onToggle ? toggle : undefined}>
      {props.expanded === undefined ? '' : props.expanded ? '▾' : '▸'}
    </span>
  );
}

function pressed(event: KeyboardEvent<HTMLElement>, row: IRow): void {
  if (event.target !== event.currentTarget) {
    return; // a button inside the row has the focus
  }
  const acts: Record<string, (() => void) | undefined> = {
    Enter: row.onOpen ?? row.onToggle,
    ' ': row.onSelect ?? row.onToggle,
    ArrowRight: row.expanded === false ? row.onToggle : undefined,
    ArrowLeft: row.expanded === true ? row.onToggle : undefined
  };
  const act = acts[event.key];
  if (act) {
    event.preventDefault();
    event.stopPropagation();
    act();
  }
}

const STEPS: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };

/** Moves the focus between the rows of all sections, so that one Tab stop is no prison. */
function walk(event: KeyboardEvent<HTMLElement>): void {
  const row = event.target instanceof HTMLElement ? event.target.closest('[role=treeitem]') : null;
  const root = event.currentTarget.closest('.jp-Mlops') ?? event.currentTarget;
  const rows = [...root.querySelectorAll<HTMLElement>('[role=treeitem]')];
  const at = rows.findIndex(one => one === row);
  if (event.key === 'ArrowLeft' && row) {
    event.preventDefault();
    parentOf(rows, at)?.focus();
    return;
  }
  if (event.key === 'ArrowRight' && row) {
    event.preventDefault();
    firstBelow(rows, at)?.focus();
    return;
  }
  const step = STEPS[event.key];
  if (step !== undefined && at >= 0) {
    event.preventDefault();
    rows[Math.max(0, Math.min(rows.length - 1, at + step))]?.focus();
  }
}

function parentOf(rows: readonly HTMLElement[], at: number): HTMLElement | undefined {
  const level = Number(rows[at]?.getAttribute('aria-level'));
  return rows.slice(0, at).findLast(row => Number(row.getAttribute('aria-level')) < level);
}

function firstBelow(rows: readonly HTMLElement[], at: number): HTMLElement | undefined {
  const [row, next] = rows.slice(at, at + 2).map(one => Number(one.getAttribute('aria-level')));
  return row !== undefined && next !== undefined && next > row ? rows[at + 1] : undefined;
}
