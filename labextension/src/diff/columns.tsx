/** How the changed cells of each column moved: counts, two distributions, the most frequent replacements. */
import type { ReactElement } from 'react';
import type { Difference } from '../api/types';
import { scalar } from '../parts/format';
import { useMlops } from '../parts/hooks';
import { Loaded } from '../parts/loaded';
import { Table } from '../views/parts';
import type { ColumnMovement, IPair } from './model';

export function Columns(props: { difference: Difference; pair: IPair }): ReactElement {
  const { project } = useMlops();
  if (Object.keys(props.difference.columns).length === 0) {
    const keyed = props.difference.key.length > 0;
    const said = keyed ? 'No cell changed.' : 'Which cells changed is known once columns name the rows.';
    return <p className="jp-Mlops-note">{said}</p>;
  }
  return (
    <Loaded of={project.reading('diff', { ...props.pair, rows: 0, limit: 1, stats: true })}>
      {({ movements }) => (
        <>
          {[...movements]
            .sort((one, other) => other.changed - one.changed)
            .map(one => (
              <Movement key={one.column} moved={one} />
            ))}
        </>
      )}
    </Loaded>
  );
}

function Movement(props: { moved: ColumnMovement }): ReactElement {
  const { moved } = props;
  const facts = [
    `${moved.changed.toLocaleString()} changed`,
    moved.emptied ? `${moved.emptied.toLocaleString()} became null` : '',
    moved.filled ? `${moved.filled.toLocaleString()} were null` : '',
    moved.mean_change === null ? '' : `by ${scalar(moved.mean_change)} on average`
  ];
  return (
    <section className="jp-Mlops-movement" aria-label={moved.column}>
      <h3>{moved.column}</h3>
      <p className="jp-Mlops-note">{facts.filter(Boolean).join(', ')}</p>
      {moved.edges.length > 1 && <Distributions moved={moved} />}
      {moved.common.length > 0 && (
        <Table
          label={`Most frequent in ${moved.column}`}
          heads={['Before', 'After', 'Cells']}
          rows={moved.common.map(one => [scalar(one.before), scalar(one.after), one.cells])}
        />
      )}
    </section>
  );
}

const WIDE = 480;
const HIGH = 72;

/** Both sides over the same bins: before filled, after outlined. */
function Distributions(props: { moved: ColumnMovement }): ReactElement {
  const { before, after, edges, column } = props.moved;
  const tallest = Math.max(...before, ...after, 1);
  const step = WIDE / before.length;
  const bars = (cells: readonly number[], side: string): ReactElement[] =>
    cells.map((count, at) => {
      const height = (HIGH * count) / tallest;
      return (
        <rect key={at} data-side={side} x={at * step} y={HIGH - height} width={step - 1} height={height}>
          <title>{`${scalar(edges[at])} to ${scalar(edges[at + 1])}: ${count.toLocaleString()} ${side}`}</title>
        </rect>
      );
    });
  return (
    <figure className="jp-Mlops-distribution">
      <svg viewBox={`0 0 ${WIDE} ${HIGH}`} role="img" aria-label={`Changed cells of ${column}, before and after`}>
        {bars(before, 'before')}
        {bars(after, 'after')}
      </svg>
      <figcaption>
        <span>{scalar(edges[0])}</span>
        <span>before filled, after outlined</span>
        <span>{scalar(edges.at(-1))}</span>
      </figcaption>
    </figure>
  );
}
