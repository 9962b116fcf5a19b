/** What the diff view asks for, and the changed rows page by page. */
import type { Difference, ReadArgs } from '../api/types';
import { Pages } from '../model/pages';
import type { ProjectModel } from '../model/project';

export type RowChange = Difference['changes'][number];
export type ColumnMovement = Difference['movements'][number];
export type TextChange = Difference['texts'][number];
export type PictureChange = Difference['pictures'][number];
export type Kind = NonNullable<ReadArgs<'diff'>['kind']>;

/** The two versions and what names a row of theirs. */
export interface IPair {
  readonly before: string;
  readonly after: string;
  readonly key: string[];
}

/** Which rows are looked at. */
export interface IFilter {
  readonly column: string;
  readonly kind: Kind;
}

const FIRST_ROWS = 100;

/** Changed rows as they are scrolled to; `matching` is known once the first page is. */
export class ChangedRows extends Pages<RowChange> {
  constructor(project: ProjectModel, pair: IPair, filter: IFilter) {
    const seen = { matching: 0 };
    const wanted = { ...pair, kind: filter.kind, column: filter.column ? [filter.column] : [], rows: 0 };
    super(
      async (limit, cursor) => {
        const page = await project.client.read('diff', project.folder, { ...wanted, limit, cursor });
        seen.matching = page.matching;
        return { items: page.changes, next: page.next_cursor };
      },
      project,
      FIRST_ROWS
    );
    this._seen = seen;
  }

  /** How many rows fit the filter. */
  get matching(): number {
    return this._seen.matching;
  }

  private readonly _seen: { readonly matching: number };
}

/** `state, id` as the names of columns. */
export function keyOf(text: string): string[] {
  return text
    .split(',')
    .map(one => one.trim())
    .filter(Boolean);
}
