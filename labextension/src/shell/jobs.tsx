/** Jobs while they run: how far, how long still, and a way to stop them. */
import { stopIcon } from '@jupyterlab/ui-components';
import type { ReactElement } from 'react';
import type { Job } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { Button } from '../parts/button';
import { bytes, duration } from '../parts/format';
import { useCommand, useMlops, useResource } from '../parts/hooks';
import { State } from '../parts/state';

/** The running jobs of some verbs, each as one row. */
export function RunningJobs(props: { verbs: readonly string[] }): ReactElement | null {
  const { project } = useMlops();
  const { value } = useResource(project.jobs.list);
  const running = (value ?? []).filter(job => job.state === 'running' && props.verbs.includes(job.verb));
  return running.length > 0 ? (
    <div className="jp-Mlops-jobs" role="status">
      {running.map(job => (
        <JobRow key={job.job} job={job} />
      ))}
    </div>
  ) : null;
}

function JobRow(props: { job: Job }): ReactElement {
  const execute = useCommand();
  const { job } = props;
  const share = shareOf(job);
  const counted = countedOf(job);
  return (
    <div className="jp-Mlops-job" title={`%mlops ${job.line.replace(/^%mlops /, '')}`}>
      <State state="running" />
      <span className="jp-Mlops-label">{job.progress?.what ?? job.verb}</span>
      <span className="jp-Mlops-detail">{[counted, remaining(job, share)].filter(Boolean).join(' ')}</span>
      <Button
        label={`Stop ${job.verb}`}
        icon={stopIcon}
        bare
        onClick={() => execute(CommandIDs.stop, { job: job.job })}
      />
      <progress max={1} value={share ?? undefined} aria-label={`Progress of ${job.verb}`} />
    </div>
  );
}

/** `3/12 files`, `1.2 GB/34 GB`. */
function countedOf({ progress }: Job): string {
  if (!progress?.total) {
    return '';
  }
  const { done, total, unit } = progress;
  return unit === 'bytes' ? `${bytes(done)}/${bytes(total)}` : `${done}/${total} ${unit}`;
}

function shareOf(job: Job): number | null {
  return job.progress?.total ? job.progress.done / job.progress.total : null;
}

/** Only once enough is done for the guess to mean something. */
function remaining(job: Job, share: number | null): string {
  return share && share > 0.05 && job.seconds > 2 ? `~${duration((job.seconds * (1 - share)) / share)}` : '';
}
