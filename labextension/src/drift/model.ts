/** What the words and numbers of drift are: the same in the sidebar, the tab, its chart, and a cell. */
import type { ColumnDrift, DriftReport } from '../api/types';
import { scalar } from '../parts/format';

/** Nothing is wrong with data that has no columns. */
export const CALM = { 'not-a-table': 'Drift needs a table; this is none.' };

/** `3 of 12 columns drifted`. */
export function verdict({ columns }: DriftReport): string {
  const drifted = columns.filter(column => column.drifted).length;
  return drifted > 0 ? `${drifted} of ${columns.length} columns drifted` : 'Nothing drifted';
}

/** Columns that only one of the two has. */
export function comings({ missing, new: added }: DriftReport): string[] {
  return [...missing.map(name => `${name} is gone`), ...added.map(name => `${name} is new`)];
}

/** `wasserstein/sd 0.31, threshold 0.1, p < 0.001`. */
export function figuresOf(column: ColumnDrift): string {
  return `${column.measure} ${scalar(column.effect)}, threshold ${scalar(column.threshold)}, p ${chance(column)}`;
}

const LEAST = 0.001;

/** `< 0.001`, `0.012`: nobody needs the exponent. */
export function chance(column: ColumnDrift): string {
  const { p_adjusted: p } = column;
  return p < LEAST ? `< ${LEAST}` : String(Number(p.toPrecision(2)));
}
