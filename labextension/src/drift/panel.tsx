/** Drift: how the selected data moved, ranked by the size of the shift. */

import { useState } from 'react';
import type { ReactElement } from 'react';
import type { ColumnDrift, DriftReport } from '../api/types';
import { CommandIDs } from '../commands/ids';
import type { ISelection } from '../model/selection';
import { bare, referenceOf, shortName } from '../model/selection';
import { Button } from '../parts/button';
import { enlargeIcon } from '../parts/enlarge';
import { useCommand, useMlops, useResource, useSelection } from '../parts/hooks';
import { Loaded } from '../parts/loaded';
import { Empty } from '../parts/messages';
import { Row, Tree } from '../parts/tree';
import { Section } from '../shell/section';
import { Effect } from './effect';
import { CALM, comings, figuresOf, verdict } from './model';

/** The largest shifts; the rest is in the main area. */
const FIRST_COLUMNS = 8;

export function DriftSection(): ReactElement {
  const selection = useSelection();
  const execute = useCommand();
  const [chosen, choose] = useState<Readonly<Record<string, string>>>({});
  const data = selection?.kind === 'data' && selection.version ? selection : null;
  const against = (data && chosen[data.reference]) ?? '';
  const open = (): void => execute(CommandIDs.drift, { reference: data?.reference ?? '', against });
  return (
    <Section
      id="drift"
      title="Drift"
      subject={data ? `of ${shortName(data.name)} ${data.version}` : undefined}
      buttons={data && <Button label="Open drift" icon={enlargeIcon} bare onClick={open} />}
    >
      {() =>
        data ? (
          <Moved
            key={data.reference}
            data={data}
            against={against}
            onAgainst={other => choose({ ...chosen, [data.reference]: other })}
          />
        ) : (
          <Empty text={selection ? 'Drift needs a version of data. Select one above.' : 'Select a row above.'} />
        )
      }
    </Section>
  );
}

interface IMoved {
  readonly data: ISelection;
  readonly against: string;
  readonly onAgainst: (reference: string) => void;
}

function Moved(props: IMoved): ReactElement {
  const { project } = useMlops();
  const { value } = useResource(project.versions(props.data.name));
  const others = (value?.items ?? []).filter(one => bare(one.version) !== props.data.version);
  if (value && others.length === 0) {
    return <Empty text="One version only. Drift needs two." />;
  }
  return (
    <>
      <label className="jp-Mlops-against">
        against
        <select value={props.against} onChange={event => props.onAgainst(event.target.value)}>
          <option value="">the version before</option>
          {others.map(one => (
            <option key={one.version} value={referenceOf(one.dataset, one.version)}>
              {[bare(one.version), one.message].join(' ')}
            </option>
          ))}
        </select>
      </label>
      <Loaded of={project.reading('drift', { reference: props.data.reference, against: props.against })} calm={CALM}>
        {report => <Columns report={report} data={props.data} against={props.against} />}
      </Loaded>
    </>
  );
}

function Columns(props: { report: DriftReport; data: ISelection; against: string }): ReactElement {
  const { columns } = props.report;
  return (
    <>
      <p className="jp-Mlops-calm">
        {[verdict(props.report), ...comings(props.report)].map(said => `${said}.`).join(' ')}
      </p>
      <Tree label="Drift">
        {columns.slice(0, FIRST_COLUMNS).map((column, at) => (
          <Column key={column.name} column={column} position={[at + 1, columns.length]} {...props} />
        ))}
      </Tree>
    </>
  );
}

interface IColumn {
  readonly column: ColumnDrift;
  readonly data: ISelection;
  readonly against: string;
  readonly position: [number, number];
}

function Column(props: IColumn): ReactElement {
  const execute = useCommand();
  const { column, data, against } = props;
  const word = column.drifted ? 'drifted' : 'steady';
  return (
    <Row
      id={`drift:${column.name}`}
      level={1}
      position={props.position}
      name={`${column.name}, ${word}, ${figuresOf(column)}`}
      tip={`${column.name}: ${word}\n${figuresOf(column)}`}
      label={<Effect column={column} />}
      onOpen={() => execute(CommandIDs.drift, { reference: data.reference, against, column: column.name })}
    />
  );
}
