/** One answer of the server that stays fresh while somebody looks at it. */
import { DisposableDelegate, IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';
import { MlopsFailure } from '../api/failure';

/** What a view draws: the last good value stays while a new one loads or fails. */
export interface ISnapshot<T> {
  readonly value: T | null;
  readonly error: MlopsFailure | null;
  readonly loading: boolean;
}

/** Whether anybody can see the sidebar at all. */
export interface IGate {
  readonly open: boolean;
  readonly opened: ISignal<IGate, void>;
}

const EMPTY = { value: null, error: null, loading: false } as const;

/**
 * Loads when it is stale, leased by a view, and the gate is open; never twice at once.
 *
 * However many changes arrive while it loads, one more load follows.
 */
export class Resource<T> {
  constructor(
    private readonly _load: () => Promise<T>,
    private readonly _gate: IGate
  ) {
    _gate.opened.connect(() => void this._pump());
  }

  /** Emits whenever the snapshot was replaced. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get snapshot(): ISnapshot<T> {
    return this._snapshot;
  }

  get value(): T | null {
    return this._snapshot.value;
  }

  /** Keeps it fresh until the lease is disposed. */
  lease(): IDisposable {
    this._leases += 1;
    void this._pump();
    return new DisposableDelegate(() => {
      this._leases -= 1;
    });
  }

  /** Says that the server has something newer. */
  invalidate(): void {
    this._stale = true;
    void this._pump();
  }

  /** Loads now, looked at or not. */
  async refresh(): Promise<T | null> {
    this._stale = true;
    this._leases += 1;
    try {
      await this._pump(true);
    } finally {
      this._leases -= 1;
    }
    return this.value;
  }

  /** Forgets everything: another project is looked at. */
  reset(): void {
    this._epoch += 1;
    this._stale = true;
    this._show(EMPTY);
    void this._pump();
  }

  private _pump(force = false): Promise<void> {
    this._pumping ??= this._drain(force);
    return this._pumping;
  }

  private async _drain(force: boolean): Promise<void> {
    await Promise.resolve(); // several leases taken in one turn make one request
    while (this._stale && this._leases > 0 && (force || this._gate.open)) {
      this._stale = false;
      const epoch = this._epoch;
      this._show({ ...this._snapshot, loading: true });
      const next = await this._attempt();
      if (epoch === this._epoch) {
        this._show(next);
      }
    }
    this._pumping = null;
  }

  private async _attempt(): Promise<ISnapshot<T>> {
    try {
      return { value: await this._load(), error: null, loading: false };
    } catch (reason) {
      return { value: this._snapshot.value, error: MlopsFailure.of(reason), loading: false };
    }
  }

  private _show(next: ISnapshot<T>): void {
    this._snapshot = next;
    this._changed.emit();
  }

  private readonly _changed = new Signal<this, void>(this);
  private _snapshot: ISnapshot<T> = EMPTY;
  private _stale = true;
  private _leases = 0;
  private _epoch = 0;
  private _pumping: Promise<void> | null = null;
}
