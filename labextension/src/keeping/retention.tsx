/** Retention: what the rules say of each version, and letting go of those whose time is over. */
import { useMemo, useState } from 'react';
import type { ReactElement } from 'react';
import type { Retained, RetainedVersion } from '../api/types';
import { Resource } from '../model/resource';
import { Button } from '../parts/button';
import { age, bytes, plural } from '../parts/format';
import { useMinute, useMlops, useResource } from '../parts/hooks';
import { Loaded } from '../parts/loaded';
import { Empty } from '../parts/messages';
import { State } from '../parts/state';
import { Heading } from '../views/parts';
import type { IViewSpec } from '../views/spec';
import { brief } from '../views/spec';
import { letGo } from './let-go';
import { Paged } from './paged';

const STATES = ['expired', 'kept', 'gone'] as const;
type Word = (typeof STATES)[number];

export default function RetentionView(props: { spec: IViewSpec }): ReactElement {
  const { project } = useMlops();
  const path = props.spec.first;
  const [alone, beAlone] = useState(false);
  const args = useMemo(() => ({ paths: path ? [path] : [], alone }), [path, alone]);
  const plan = useMemo(
    () => new Resource(async () => (await project.jobs.run('retain', { ...args, dry_run: true })).result, project),
    [project, args]
  );
  const { value, error, loading } = useResource(plan);
  const isShared = error?.reference === 'shared-cache';
  return (
    <div className="jp-Mlops-sheet">
      <Heading
        title={path ? `Retention of ${brief(path)}` : 'Retention'}
        verb="retain"
        args={{ ...args, dry_run: true }}
      >
        <LetGo plan={value} args={args} onDone={() => void plan.refresh()} />
        <Button label={loading ? 'Looking…' : 'Look again'} onClick={() => void plan.refresh()} />
      </Heading>
      {isShared && <Button label="No other project uses this cache" onClick={() => beAlone(true)} />}
      <Loaded of={plan}>{found => <Judged plan={found} />}</Loaded>
    </div>
  );
}

function LetGo(props: {
  plan: Retained | null;
  args: { paths: string[]; alone: boolean };
  onDone: () => void;
}): ReactElement {
  const mlops = useMlops();
  const expired = props.plan?.versions.filter(one => one.state === 'expired') ?? [];
  const label = expired.length > 0 ? `Let ${plural(expired.length, 'version')} go…` : 'Let versions go…';
  const act = async (): Promise<void> => {
    if (props.plan && (await letGo(mlops, props.plan, props.args))) {
      props.onDone();
    }
  };
  const nothing = props.plan ? 'No version has expired.' : 'It is not known yet what would go.';
  const idle = expired.length > 0 ? '' : nothing;
  return <Button label={label} verb="retain" primary={!idle} idle={idle} onClick={() => void act()} />;
}

function Judged(props: { plan: Retained }): ReactElement {
  const { plan } = props;
  const counts = (state: Word): number => plan.versions.filter(one => one.state === state).length;
  const [chosen, choose] = useState<Word | null>(null);
  if (plan.versions.length === 0) {
    return <Empty text="No versions yet." />;
  }
  const shown = plan.versions.filter(one => chosen === null || one.state === chosen);
  return (
    <>
      {plan.note && <p className="jp-Mlops-note">{plan.note}</p>}
      <p className="jp-Mlops-verdict" role="status">
        {plan.objects > 0
          ? `${plural(counts('expired'), 'version')} expired: ${plural(plan.objects, 'object')}, ${bytes(plan.freed_bytes)} would go from the cache.`
          : 'Nothing would go.'}
      </p>
      <div className="jp-Mlops-choices">
        <Button label={`All ${plan.versions.length}`} pressed={chosen === null} onClick={() => choose(null)} />
        {STATES.map(state => (
          <Button
            key={state}
            label={`${state} ${counts(state)}`}
            pressed={chosen === state}
            onClick={() => choose(state)}
          />
        ))}
      </div>
      <Verdicts key={chosen ?? ''} versions={shown} />
    </>
  );
}

function Verdicts(props: { versions: readonly RetainedVersion[] }): ReactElement {
  const now = useMinute();
  return (
    <Paged
      label="Versions"
      heads={['Dataset', 'Version', 'State', 'Why', 'Age', 'Size']}
      items={props.versions}
      cells={one => [
        one.dataset,
        one.label,
        <State key="state" state={one.state} word />,
        one.reason,
        age(one.time, now),
        bytes(one.bytes)
      ]}
    />
  );
}
