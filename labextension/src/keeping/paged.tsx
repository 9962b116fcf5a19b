/** A table of which few rows are in the page until more are wanted. */
import { useState } from 'react';
import type { ReactElement, ReactNode } from 'react';
import { Button } from '../parts/button';
import { Table } from '../views/parts';

const PAGE = 50;

interface IPaged<T> {
  readonly label: string;
  readonly heads: readonly string[];
  readonly items: readonly T[];
  readonly cells: (item: T) => readonly ReactNode[];
}

export function Paged<T>(props: IPaged<T>): ReactElement {
  const [count, setCount] = useState(PAGE);
  const rest = props.items.length - count;
  return (
    <>
      <Table label={props.label} heads={props.heads} rows={props.items.slice(0, count).map(props.cells)} />
      {rest > 0 && (
        <div className="jp-Mlops-choices">
          <Button label={`Show more (${rest.toLocaleString()})`} onClick={() => setCount(count + PAGE)} />
        </div>
      )}
    </>
  );
}
