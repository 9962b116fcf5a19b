/** Run compare: parameters, metrics, inputs and packages that two runs do not share. */
import type { ReactElement } from 'react';
import type { RunSummary, Runs } from '../api/types';
import { age, scalar } from '../parts/format';
import { useMinute, useMlops } from '../parts/hooks';
import { Loaded } from '../parts/loaded';
import { Empty } from '../parts/messages';
import { State } from '../parts/state';
import { Heading, Table } from './parts';
import type { IViewSpec } from './spec';

export function CompareView(props: { spec: IViewSpec }): ReactElement {
  const { project } = useMlops();
  const { first, second } = props.spec;
  if (!first || !second) {
    return <Empty text="One run only. A comparison needs two." />;
  }
  const args = { compare: [first, second] };
  return (
    <div className="jp-Mlops-sheet">
      <Heading title="Compare runs" verb="runs" args={args} />
      <Loaded of={project.reading('runs', args)}>{found => <Contrasts found={found} spec={props.spec} />}</Loaded>
    </div>
  );
}

function Contrasts(props: { found: Runs; spec: IViewSpec }): ReactElement {
  const now = useMinute();
  const { runs, compared } = props.found;
  const named = (id: string): RunSummary | undefined =>
    runs.find(run => run.run === id || `${run.number}` === id.replace('#', ''));
  const before = named(props.spec.first);
  const after = named(props.spec.second);
  const head = (run: RunSummary | undefined, id: string): string =>
    run ? `#${run.number} (${age(run.started, now)} ago)` : id;
  return (
    <>
      <p className="jp-Mlops-note">
        {[before, after].map(run => run && <State key={run.run} state={run.state} word />)}
      </p>
      {compared.length > 0 ? (
        <Table
          label="Differences"
          heads={['Kind', 'Name', head(before, props.spec.first), head(after, props.spec.second)]}
          rows={compared.map(one => [one.kind, one.name, scalar(one.before), scalar(one.after)])}
        />
      ) : (
        <p className="jp-Mlops-note">The runs share all parameters, metrics, inputs and packages.</p>
      )}
    </>
  );
}
