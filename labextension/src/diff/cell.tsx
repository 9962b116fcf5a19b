/** A cell of data as it is: no digit is rounded away, and nothing is not the same as an empty text. */
import type { ReactElement } from 'react';
import type { Scalar } from '../api/types';

export function Cell(props: { value: Scalar | undefined }): ReactElement {
  const { value } = props;
  return value === null || value === undefined ? <em className="jp-Mlops-null">null</em> : <>{spelled(value)}</>;
}

/** A cell that changed: what it was beside what it is. */
export function Changed(props: { before: Scalar; after: Scalar | undefined }): ReactElement {
  return (
    <>
      <del>
        <Cell value={props.before} />
      </del>{' '}
      <ins>
        <Cell value={props.after} />
      </ins>
    </>
  );
}

function spelled(value: string | number | boolean): string {
  return value === '' ? '""' : String(value);
}
