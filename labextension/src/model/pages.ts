/** A long list, read page by page as the user scrolls. */
import { Resource } from './resource';
import type { IGate } from './resource';

/** One page and the cursor of the next; null when there is none. */
export interface IPage<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

type Load<T> = (limit: number, cursor: string) => Promise<IPage<T>>;

/** The server sends no more at once. */
export const LONGEST_PAGE = 200;

/** Versions or runs, newest first. */
export class Pages<T> extends Resource<IPage<T>> {
  constructor(load: Load<T>, gate: IGate, first: number) {
    const reader = new Reader(load, first);
    super(() => reader.read(), gate);
    this._reader = reader;
  }

  /** Shows up to `count` items in all; what is there already is not read again. */
  more(count: number): void {
    const page = this.value;
    if (page?.next && count > page.items.length) {
      this._reader.grow(page, count);
      this.invalidate();
    }
  }

  override reset(): void {
    this._reader.restart();
    super.reset();
  }

  private readonly _reader: Reader<T>;
}

/** Reads from the start after a change, and goes on from the last cursor when more is wanted. */
class Reader<T> {
  constructor(
    private readonly _load: Load<T>,
    private readonly _first: number
  ) {
    this._wish = _first;
  }

  grow(from: IPage<T>, wish: number): void {
    this._from = from;
    this._wish = wish;
  }

  restart(): void {
    this._from = null;
    this._wish = this._first;
  }

  async read(): Promise<IPage<T>> {
    const items: T[] = [...(this._from?.items ?? [])];
    let next: string | null = this._from?.next ?? '';
    this._from = null;
    do {
      const limit = Math.max(1, Math.min(this._wish - items.length, LONGEST_PAGE));
      const page: IPage<T> = await this._load(limit, next);
      items.push(...page.items);
      next = page.next;
    } while (next !== null && items.length < this._wish);
    return { items, next };
  }

  private _from: IPage<T> | null = null;
  private _wish: number;
}
