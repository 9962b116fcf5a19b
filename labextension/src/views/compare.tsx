/** Run compare: parameters, metrics, inputs and packages that two runs do not share. */
import { useEffect, useState } from 'react';
import type { ReactElement } from 'react';
import type { History, RunSummary, Runs } from '../api/types';
import { ago, scalar } from '../parts/format';
import { useMinute, useMlops } from '../parts/hooks';
import { Loaded } from '../parts/loaded';
import { Empty } from '../parts/messages';
import { State } from '../parts/state';
import { Heading, Table } from './parts';
import type { IViewSpec } from './spec';
import { titleOf } from './spec';

type Contrast = Runs['compared'][number];
type Labels = ReadonlyMap<string, string>;

/** What DVC and git call content: 32 or 40 digits, which nobody compares by eye. */
const DIGEST = /^[0-9a-f]{32,40}(\.dir)?$/;
const SHORT = 4;
/** As git shortens them. */
const COMMIT = 7;
/** Older versions are called by their digest. */
const VERSIONS = 200;

export function CompareView(props: { spec: IViewSpec }): ReactElement {
  const { project } = useMlops();
  const { first, second } = props.spec;
  if (!first || !second) {
    return <Empty text="One run only. A comparison needs two." />;
  }
  const args = { compare: [first, second] };
  return (
    <div className="jp-Mlops-sheet">
      <Heading title={titleOf(props.spec)} verb="runs" args={args} />
      <Loaded of={project.reading('runs', args)}>{found => <Contrasts found={found} spec={props.spec} />}</Loaded>
    </div>
  );
}

function Contrasts(props: { found: Runs; spec: IViewSpec }): ReactElement {
  const now = useMinute();
  const labels = useLabels(props.found.compared);
  const { runs, compared } = props.found;
  const named = (id: string): RunSummary | undefined =>
    runs.find(run => run.run === id || `${run.number}` === id.replace('#', ''));
  const before = named(props.spec.first);
  const after = named(props.spec.second);
  const head = (run: RunSummary | undefined, id: string): string =>
    run ? `#${run.number} (${ago(run.started, now)})` : id;
  return (
    <>
      <p className="jp-Mlops-note">
        {[before, after].map(run => run && <State key={run.run} state={run.state} word />)}
      </p>
      {compared.length > 0 ? (
        <Table
          label="Differences"
          heads={['Kind', 'Name', head(before, props.spec.first), head(after, props.spec.second), 'Difference']}
          rows={compared.map(one => [one.kind, one.name, ...sides(one, labels), difference(one)])}
        />
      ) : (
        <p className="jp-Mlops-note">The runs share all parameters, metrics, inputs and packages.</p>
      )}
    </>
  );
}

function sides({ kind, name, before, after }: Contrast, labels: Labels): ReactElement[] {
  return [before, after].map((value, at) => {
    const whole = scalar(value);
    return (
      <span key={at} title={DIGEST.test(whole) ? whole : undefined}>
        {DIGEST.test(whole)
          ? (labels.get(`${name} ${whole}`) ?? whole.slice(0, kind === 'commit' ? COMMIT : SHORT))
          : whole}
      </span>
    );
  });
}

/** `+0.02`: only metrics have one that means something. */
function difference({ kind, before, after }: Contrast): string {
  if (kind !== 'metric' || typeof before !== 'number' || typeof after !== 'number') {
    return '';
  }
  const value = after - before;
  return `${value > 0 ? '+' : value < 0 ? '−' : ''}${scalar(Math.abs(value))}`;
}

/** `v4·7f3a` by dataset and digest, for the inputs that are datasets. */
function useLabels(compared: readonly Contrast[]): Labels {
  const { project } = useMlops();
  const [labels, set] = useState<Labels>(new Map());
  useEffect(() => {
    const names = compared.filter(one => one.kind === 'data').map(one => one.name);
    const histories = names.map(name => project.client.read('log', project.folder, { name, limit: VERSIONS }));
    // What is no dataset has no versions; its digest stands for it.
    void Promise.allSettled(histories).then(answers => set(new Map(answers.flatMap(labelsOf))));
  }, [project, compared]);
  return labels;
}

function labelsOf(answer: PromiseSettledResult<History>): [string, string][] {
  const versions = answer.status === 'fulfilled' ? answer.value.versions : [];
  return versions.map(one => [`${one.dataset} ${one.digest}`, one.label]);
}
