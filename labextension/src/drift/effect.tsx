/** One column's shift as a bar, with a line where drift begins. */
import type { ReactElement } from 'react';
import type { ColumnDrift } from '../api/types';
import { scalar } from '../parts/format';

/** The threshold stands at two fifths, so that columns of different measures can be compared. */
const THRESHOLD_SHARE = 0.4;

export function Effect(props: { column: ColumnDrift }): ReactElement {
  const { name, effect, threshold, drifted } = props.column;
  const share = threshold > 0 ? Math.min(1, (effect / threshold) * THRESHOLD_SHARE) : Math.min(1, effect);
  return (
    <span className="jp-Mlops-effect">
      <span title={name}>{name}</span>
      <span className="jp-Mlops-bar" data-drifted={drifted} aria-hidden="true">
        <span style={{ width: `${share * 100}%` }} />
        <i style={{ left: `${THRESHOLD_SHARE * 100}%` }} />
      </span>
      <span>{scalar(effect)}</span>
    </span>
  );
}
