/** The jobs of a project: seen while they run, awaited by whoever started one. */
import type { MlopsClient } from '../api/client';
import { MlopsFailure } from '../api/failure';
import type { Job, JobResults, WriteArgs, WritingVerb } from '../api/types';
import type { Resource } from './resource';

/** The socket tells when a job moved; this is how long we wait before asking all the same. */
const PATIENCE_MS = 2_000;

/** What became of a job that went well. */
export interface IOutcome<R> {
  readonly result: R;
  readonly gate: string | null;
  readonly line: string;
}

/** Starts jobs and follows them to their end. */
export class Jobs {
  constructor(
    private readonly _client: MlopsClient,
    private readonly _project: () => string,
    readonly list: Resource<Job[]>,
    private readonly _busy: (following: number) => void
  ) {}

  /**
   * Runs `verb` and waits for its end.
   *
   * A red gate is an outcome too: it comes with its result.
   *
   * @throws MlopsFailure when it fails or is cancelled.
   */
  async run<V extends WritingVerb & keyof JobResults>(verb: V, args: WriteArgs<V>): Promise<IOutcome<JobResults[V]>> {
    const id = await this._client.start(verb, this._project(), args);
    const job = await this._follow(id);
    const red = job.gate !== null && job.error === null;
    if (job.state !== 'succeeded' && !red) {
      throw new MlopsFailure(job.error ?? stopped(job), 200);
    }
    return { result: job.result as JobResults[V], gate: job.gate, line: job.line };
  }

  /** Stops a job and whatever it started. */
  async cancel(job: string): Promise<void> {
    await this._client.cancel(this._project(), job);
    this.list.invalidate();
  }

  private async _follow(id: string): Promise<Job> {
    this._busy(1);
    try {
      for (;;) {
        await this.list.refresh();
        const job = this.list.value?.find(one => one.job === id);
        if (job && job.state !== 'running') {
          return await this._client.job(this._project(), id);
        }
        if (this.list.snapshot.error?.status === 403) {
          throw this.list.snapshot.error;
        }
        await this._news();
      }
    } finally {
      this._busy(-1);
    }
  }

  private _news(): Promise<void> {
    return new Promise(resolve => {
      const done = (): void => {
        window.clearTimeout(timer);
        this.list.changed.disconnect(done);
        resolve();
      };
      const timer = window.setTimeout(done, PATIENCE_MS);
      this.list.changed.connect(done);
    });
  }
}

function stopped(job: Job): { reference: string; message: string; context: string; hint: string; link: string } {
  return {
    reference: 'cancelled',
    message: `Stopped: ${job.verb}.`,
    context: '',
    hint: `%mlops ${job.line}`,
    link: ''
  };
}
