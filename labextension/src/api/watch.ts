/** Listens to the server while somebody looks; silent otherwise. */
import { ISignal, Signal } from '@lumino/signaling';
import type { MlopsClient } from './client';
import type { Topic } from './types';

const FIRST_DELAY_MS = 1_000;
const LAST_DELAY_MS = 30_000;

/** A websocket that comes back by itself, ever more slowly, while it is wanted. */
export class Watch {
  constructor(private readonly _client: MlopsClient) {}

  /** Emits what changed; null when the socket was away and anything may have. */
  get changed(): ISignal<this, readonly Topic[] | null> {
    return this._changed;
  }

  /** Listens to `project`, or to nothing when it is null. */
  listen(project: string | null): void {
    if (project === this._project) {
      return;
    }
    this._project = project;
    this._close();
    this._delay = FIRST_DELAY_MS;
    this._missed = false;
    if (project !== null) {
      this._open(project);
    }
  }

  private _open(project: string): void {
    const socket = this._client.watch(project);
    this._socket = socket;
    socket.onopen = () => {
      this._delay = FIRST_DELAY_MS;
      if (this._missed) {
        this._missed = false;
        this._changed.emit(null);
      }
    };
    socket.onmessage = event => this._changed.emit(topicsOf(event.data));
    socket.onclose = () => this._retry(project);
  }

  private _retry(project: string): void {
    this._missed = true;
    // Spread out, so that many browsers do not meet a restarted server in the same second.
    const wait = this._delay * (0.75 + Math.random() / 2);
    this._delay = Math.min(this._delay * 2, LAST_DELAY_MS);
    this._timer = window.setTimeout(() => this._open(project), wait);
  }

  private _close(): void {
    window.clearTimeout(this._timer);
    if (this._socket) {
      this._socket.onclose = null;
      this._socket.onmessage = null;
      this._socket.close();
      this._socket = null;
    }
  }

  private readonly _changed = new Signal<this, readonly Topic[] | null>(this);
  private _project: string | null = null;
  private _socket: WebSocket | null = null;
  private _delay = FIRST_DELAY_MS;
  private _timer = 0;
  private _missed = false;
}

/** A message we cannot read still says that something changed. */
function topicsOf(data: unknown): readonly Topic[] | null {
  try {
    const message = JSON.parse(String(data)) as { changed?: Topic[] };
    return message.changed ?? null;
  } catch {
    return null;
  }
}
