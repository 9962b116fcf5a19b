/** A list of any length with few rows in the page. */
import { useEffect, useRef, useState } from 'react';
import type { ReactElement, ReactNode, UIEvent } from 'react';
import { LONGEST_PAGE } from '../model/pages';

/** As in the style sheet. */
const ROW_PX = 26;
/** Up to this many rows the list simply grows; more get a box of their own to scroll in. */
const BOX_ROWS = 14;
/** Rows drawn beyond the edges, so that fast scrolling and the arrow keys meet no gap. */
const MARGIN_ROWS = 8;

interface IWindowed<T> {
  readonly items: readonly T[];
  /** How many there are that were not loaded yet. */
  readonly more: number;
  readonly onMore: (count: number) => void;
  readonly keyOf: (item: T) => string;
  readonly children: (item: T, at: number) => ReactNode;
  /** The item to be seen; -1 when none is sought. */
  readonly sought?: number;
}

/** Draws what can be seen, and asks for the next page before the end is reached. */
export function Windowed<T>(props: IWindowed<T>): ReactElement {
  const { items, more, onMore } = props;
  const [top, setTop] = useState(0);
  const [asked, setAsked] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const boxed = asked || items.length > BOX_ROWS;
  const first = boxed ? Math.max(0, Math.floor(top / ROW_PX) - MARGIN_ROWS) : 0;
  const last = boxed ? Math.min(items.length, first + BOX_ROWS + 2 * MARGIN_ROWS) : items.length;
  useEffect(() => {
    if (asked && more > 0 && last > items.length - BOX_ROWS) {
      onMore(items.length + LONGEST_PAGE);
    }
  }, [asked, more, last, items.length, onMore]);
  const { sought = -1 } = props;
  useEffect(() => {
    const seen = box.current;
    const px = sought * ROW_PX;
    if (boxed && seen && sought >= 0 && (px < seen.scrollTop || px > seen.scrollTop + (BOX_ROWS - 1) * ROW_PX)) {
      seen.scrollTop = Math.max(0, px - (BOX_ROWS / 2) * ROW_PX);
    }
  }, [boxed, sought]);
  const older = (): void => {
    setAsked(true);
    onMore(items.length + LONGEST_PAGE);
  };
  const scroll = (event: UIEvent<HTMLDivElement>): void => setTop(event.currentTarget.scrollTop);
  const shown = items.slice(first, last);
  return (
    <div role="group">
      <div
        ref={box}
        className={boxed ? 'jp-Mlops-window' : undefined}
        style={boxed ? { maxHeight: BOX_ROWS * ROW_PX } : undefined}
        onScroll={boxed ? scroll : undefined}
        role="presentation"
      >
        <div style={{ height: first * ROW_PX }} role="presentation" />
        {shown.map((item, at) => (
          <div key={props.keyOf(item)} role="presentation">
            {props.children(item, first + at)}
          </div>
        ))}
        <div style={{ height: (items.length - last) * ROW_PX }} role="presentation" />
      </div>
      {more > 0 && !asked && (
        <button type="button" className="jp-Mlops-more" onClick={older}>
          Show older ({more.toLocaleString()})
        </button>
      )}
    </div>
  );
}
