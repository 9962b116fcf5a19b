/** Everything known about one version, or one run. */
import type { ReactElement } from 'react';
import type { ReadResult } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { Button } from '../parts/button';
import { bytes, moment, scalar } from '../parts/format';
import { useCommand, useMlops } from '../parts/hooks';
import { Provenance, Schema } from '../keeping/provenance';
import { Loaded } from '../parts/loaded';
import { Facts, Heading, Table } from './parts';
import { RunShown } from './run';
import type { IViewSpec } from './spec';
import { brief } from './spec';

export function ShowView(props: { spec: IViewSpec }): ReactElement {
  const { project } = useMlops();
  const execute = useCommand();
  const reference = props.spec.first;
  return (
    <div className="jp-Mlops-sheet">
      <Heading title={brief(reference)} verb="show" args={{ reference }}>
        {!reference.startsWith('run:') && (
          <>
            <Button label="Show lineage" onClick={() => execute(CommandIDs.lineage, { reference })} />
            <Button label="Copy reference" onClick={() => execute(CommandIDs.copyReference, { reference })} />
          </>
        )}
      </Heading>
      <Loaded of={project.reading('show', { reference })}>
        {shown => (shown.run ? <RunShown shown={shown} run={shown.run} /> : <Shown shown={shown} />)}
      </Loaded>
    </div>
  );
}

function Shown(props: { shown: ReadResult<'show'> }): ReactElement {
  const { version, provenance, schema, metrics, tags, producers, consumers } = props.shown;
  const facts = version
    ? ([
        ['Version', version.label],
        ['Data', version.let_go],
        ['Message', version.message],
        ['Author', `${version.author}, ${moment(version.time)}`],
        ['Size', `${bytes(version.bytes)}${version.rows === null ? '' : `, ${version.rows.toLocaleString()} rows`}`],
        ['Digest', <code key="digest">{version.digest}</code>],
        ['Git commit', <code key="commit">{version.git_commit}</code>]
      ] as const)
    : [];
  return (
    <>
      <Facts facts={[...facts, ['Tags', tags.join(', ')]]} />
      <Provenance provenance={provenance} />
      <Facts facts={[['Made by', producers.join(', ')] as const, ['Used by', consumers.join(', ')] as const]} />
      {Object.keys(metrics).length > 0 && (
        <Table
          label="Metrics"
          heads={['Metric', 'Value']}
          rows={Object.entries(metrics).map(([name, value]) => [name, scalar(value)])}
        />
      )}
      <Schema schema={schema} provenance={provenance} />
    </>
  );
}
