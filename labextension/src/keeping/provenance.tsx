/** Where a version comes from, whose it is and what it holds: what people said of it, in their order. */
import type { ReactElement } from 'react';
import type { ReadResult } from '../api/types';
import { scalar } from '../parts/format';
import { Facts, Table } from '../views/parts';

type Shown = ReadResult<'show'>;

const NAMES: readonly (readonly [string, string])[] = [
  ['description', 'Description'],
  ['owner', 'Owner'],
  ['purpose', 'Purpose'],
  ['licence', 'Licence'],
  ['pii', 'Personal data in'],
  ['source', 'Source'],
  ['retain', 'Kept for'],
  ['labels', 'Labels']
];

export function Provenance(props: { provenance: Shown['provenance'] }): ReactElement | null {
  const { provenance } = props;
  const known = NAMES.filter(([key]) => key in provenance);
  const others = Object.keys(provenance).filter(key => !NAMES.some(([name]) => name === key));
  const facts = [...known, ...others.map(key => [key, key] as const)].map(
    ([key, name]) => [name, scalar(provenance[key])] as const
  );
  const told = facts.filter(([, value]) => value !== '–' && value !== '');
  return told.length > 0 ? (
    <>
      <h3>Provenance</h3>
      <Facts facts={told} />
    </>
  ) : null;
}

/** The columns; those that hold personal data say so. */
export function Schema(props: { schema: Shown['schema']; provenance: Shown['provenance'] }): ReactElement | null {
  const { schema, provenance } = props;
  const personal = Array.isArray(provenance.pii) ? provenance.pii : [];
  if (schema.length === 0) {
    return null;
  }
  const rows = schema.map(column => [
    column.name,
    column.type,
    personal.includes(column.name) ? <span className="jp-Mlops-tag">personal data</span> : ''
  ]);
  return (
    <>
      <h3>Columns</h3>
      <Table label="Schema" heads={['Column', 'Type', '']} rows={rows} />
    </>
  );
}
