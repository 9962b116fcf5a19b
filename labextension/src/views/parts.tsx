/** What the tabs have in common. */
import type { ReactElement, ReactNode } from 'react';
import { lineOf } from '../api/line';
import { useMlops, useResource } from '../parts/hooks';
import { Line } from '../parts/line';

/** A heading, and the line that shows the same in a notebook. */
export function Heading(props: {
  title: string;
  verb: string;
  args: Readonly<Record<string, unknown>>;
  children?: ReactNode;
}): ReactElement {
  const { project } = useMlops();
  useResource(project.catalogue);
  return (
    <header className="jp-Mlops-pageHead">
      <h2>{props.title}</h2>
      <Line text={lineOf(project.verb(props.verb), props.verb, props.args)} />
      {props.children && <div className="jp-Mlops-choices">{props.children}</div>}
    </header>
  );
}

/** A table with headings; numbers stand to the right. */
export function Table(props: {
  heads: readonly string[];
  rows: readonly (readonly ReactNode[])[];
  label: string;
}): ReactElement {
  return (
    <div className="jp-Mlops-tableBox">
      <table className="jp-Mlops-table" aria-label={props.label}>
        <thead>
          <tr>
            {props.heads.map(head => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((cells, row) => (
            <tr key={row}>
              {cells.map((cell, at) => (
                <td key={at} data-number={typeof cell === 'number'}>
                  {typeof cell === 'number' ? cell.toLocaleString() : cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A value and what it is called. */
export function Facts(props: { facts: readonly (readonly [string, ReactNode])[] }): ReactElement {
  return (
    <dl className="jp-Mlops-facts">
      {props.facts
        .filter(([, value]) => value !== '' && value !== null && value !== undefined)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
