/** The REST face, typed by the description that the server derives from the verbs. */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { MlopsFailure } from './failure';
import type { Catalogue, Job, ReadArgs, ReadResult, ReadingVerb, WriteArgs, WritingVerb } from './types';

const JSON_BODY = { 'Content-Type': 'application/json' };

/** Talks to `/mlops/v1` of the server that serves Lab. */
export class MlopsClient {
  constructor(readonly settings: ServerConnection.ISettings = ServerConnection.makeSettings()) {}

  /** Asks a reading verb; it changes nothing and answers at once. */
  read<V extends ReadingVerb>(verb: V, project: string, args: ReadArgs<V>): Promise<ReadResult<V>> {
    return this._send<ReadResult<V>>(verb.split(' '), query({ project, ...args }));
  }

  /** Starts a writing verb as a job and returns the job's id. */
  async start<V extends WritingVerb>(verb: V, project: string, args: WriteArgs<V>): Promise<string> {
    const body = JSON.stringify({ project, ...args });
    const started = await this._send<{ job: string }>(verb.split(' '), '', {
      method: 'POST',
      body,
      headers: JSON_BODY
    });
    return started.job;
  }

  /** The verbs, their arguments, and whether this user may use them. */
  catalogue(project: string): Promise<Catalogue> {
    return this._send<Catalogue>(['verbs'], query({ project }));
  }

  /** The jobs of a project, newest first, without their results. */
  async jobs(project: string): Promise<Job[]> {
    return (await this._send<{ jobs: Job[] }>(['jobs'], query({ project }))).jobs;
  }

  /** One job, with its result. */
  job(project: string, job: string): Promise<Job> {
    return this._send<Job>(['jobs', job], query({ project }));
  }

  /** Stops a job and whatever it started. */
  cancel(project: string, job: string): Promise<Job> {
    return this._send<Job>(['jobs', job], query({ project }), { method: 'DELETE' });
  }

  /** Opens the socket that tells when something changed. */
  watch(project: string): WebSocket {
    const { wsUrl, token, appendToken } = this.settings;
    const secret: Record<string, string> = appendToken && token ? { token } : {};
    const url = URLExt.join(wsUrl, 'mlops/v1/watch') + query({ project, ...secret });
    return new this.settings.WebSocket(url);
  }

  private async _send<R>(words: string[], search: string, init: RequestInit = {}): Promise<R> {
    const url = URLExt.join(this.settings.baseUrl, 'mlops', 'v1', ...words.map(encodeURIComponent)) + search;
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this.settings);
    } catch (reason) {
      throw MlopsFailure.unreachable(reason);
    }
    const text = await response.text();
    if (!response.ok) {
      throw MlopsFailure.from(text, response.status);
    }
    // The server validates what it sends against the same description these types come from.
    return JSON.parse(text) as R;
  }
}

/** `?a=1&b=2&b=3`; what is undefined or empty is left out, so that the server's defaults hold. */
function query(args: Readonly<Record<string, unknown>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(args)) {
    const many: readonly unknown[] = Array.isArray(value) ? value : [value];
    many.filter(one => one !== undefined && one !== '').forEach(one => search.append(name, String(one)));
  }
  const text = search.toString();
  return text ? `?${text}` : '';
}
