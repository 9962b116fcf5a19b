/** Verify: how far the newest look at the data is, and what it found. */
import { useMemo } from 'react';
import type { ReactElement } from 'react';
import { MlopsFailure } from '../api/failure';
import type { Job, JobResults, Trouble } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { Resource } from '../model/resource';
import { Button } from '../parts/button';
import { age, bytes, duration, moment, plural } from '../parts/format';
import { useCommand, useMinute, useMlops } from '../parts/hooks';
import { Loaded } from '../parts/loaded';
import { Empty, Failure } from '../parts/messages';
import { State } from '../parts/state';
import { RunningJobs } from '../shell/jobs';
import { Heading } from '../views/parts';
import { Paged } from './paged';

type Found = JobResults['verify'];

export default function VerifiedView(): ReactElement {
  const { project } = useMlops();
  const execute = useCommand();
  return (
    <div className="jp-Mlops-sheet">
      <Heading title="Verify data" verb="verify" args={{ all_versions: true }}>
        <Button label="Verify data" verb="verify" onClick={() => execute(CommandIDs.verify)} />
        <Button label="Verify and repair" verb="verify" onClick={() => execute(CommandIDs.repair)} />
      </Heading>
      <RunningJobs verbs={['verify']} />
      <Loaded of={project.jobs.list}>
        {jobs => {
          const newest = jobs.find(job => job.verb === 'verify');
          if (!newest) {
            return <Empty text="Nobody has looked yet. Verifying reads every byte and compares it with its name." />;
          }
          return newest.state === 'running' ? null : <Ended key={newest.job} job={newest.job} />;
        }}
      </Loaded>
    </div>
  );
}

/** The list of jobs has no results, so the one is asked for. */
function Ended(props: { job: string }): ReactElement {
  const { project } = useMlops();
  const whole = useMemo(
    () => new Resource(() => project.client.job(project.folder, props.job), project),
    [project, props.job]
  );
  return <Loaded of={whole}>{job => <Outcome job={job} />}</Loaded>;
}

function Outcome(props: { job: Job }): ReactElement {
  const execute = useCommand();
  const now = useMinute();
  const { job } = props;
  const told = age(job.started, now);
  const when = (
    <p className="jp-Mlops-note" title={moment(job.started)}>
      {[`%mlops ${job.line}`, told === 'now' ? 'just now' : `${told} ago`, `took ${duration(job.seconds)}`].join(', ')}
    </p>
  );
  if (job.state === 'cancelled') {
    return (
      <>
        <Empty text="It was stopped before the end." />
        {when}
      </>
    );
  }
  if (job.error) {
    return <Failure failure={new MlopsFailure(job.error, 200)} onRetry={() => execute(CommandIDs.verify)} />;
  }
  return (
    <>
      <Findings found={job.result as Found} />
      {when}
    </>
  );
}

function Findings(props: { found: Found }): ReactElement {
  const { found } = props;
  const troubles = [...found.corrupt, ...found.missing];
  return (
    <>
      {troubles.length === 0 ? (
        <p className="jp-Mlops-verdict">
          <State state="sound" word /> {plural(found.objects, 'object')} ({bytes(found.bytes)}) read, every byte is what
          was saved.
        </p>
      ) : (
        <>
          <p className="jp-Mlops-verdict" role="alert">
            <State state="damaged" /> {found.corrupt.length.toLocaleString()} damaged,{' '}
            {found.missing.length.toLocaleString()} missing of {plural(found.objects, 'object')}.
          </p>
          {found.hint && <p className="jp-Mlops-note">{found.hint}</p>}
          <Troubles label="Damaged and missing" troubles={troubles} />
        </>
      )}
      {found.set_aside > 0 && (
        <p className="jp-Mlops-note">{plural(found.set_aside, 'damaged object')} set aside; nothing uses them.</p>
      )}
      {found.repaired.length > 0 && (
        <>
          <h3>Fetched again</h3>
          <Troubles label="Fetched again" troubles={found.repaired} />
        </>
      )}
    </>
  );
}

function Troubles(props: { label: string; troubles: readonly Trouble[] }): ReactElement {
  return (
    <Paged
      label={props.label}
      heads={['State', 'Version', 'File', 'Digest']}
      items={props.troubles}
      cells={one => [
        <State key="state" state={one.kind} word />,
        one.dataset ? `${one.dataset} ${one.version}` : 'no version needs it',
        one.path,
        <code key="digest">{one.digest}</code>
      ]}
    />
  );
}
