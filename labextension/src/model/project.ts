/** Everything the sidebar knows about the project it looks at. */
import { ISignal, Signal } from '@lumino/signaling';
import type { MlopsClient } from '../api/client';
import type {
  Catalogue,
  DatasetVersion,
  Deployments,
  Models,
  ReadArgs,
  ReadResult,
  ReadingVerb,
  RunSummary,
  Status,
  Topic,
  VerbEntry
} from '../api/types';
import { Watch } from '../api/watch';
import { Jobs } from './jobs';
import { Pages } from './pages';
import { Resource } from './resource';
import type { IGate } from './resource';
import { ISelection, same } from './selection';

const FIRST_VERSIONS = 5;
const FIRST_RUNS = 5;

/**
 * The project around one folder. It asks for nothing until it is active and a view holds a lease,
 * and then only for what changed.
 */
export class ProjectModel implements IGate {
  constructor(readonly client: MlopsClient) {
    const busy = (step: number): void => this._follow(step);
    this.status = this._resource(() => client.read('status', this.folder, {}));
    this.status.changed.connect(() => this._remember());
    this.catalogue = this._resource(() => client.catalogue(this.folder));
    this.models = this._resource(() => client.read('models', this.folder, {}));
    this.deployments = this._resource(() => client.read('deployments', this.folder, {}));
    this.jobs = new Jobs(
      client,
      () => this.folder,
      this._resource(() => client.jobs(this.folder)),
      busy
    );
    this.runs = this._pages(FIRST_RUNS, (limit, cursor) =>
      client.read('runs', this.folder, { limit, cursor }).then(page => ({ items: page.runs, next: page.next_cursor }))
    );
    this._watch = new Watch(client);
    this._watch.changed.connect((_, topics) => this._invalidate(topics));
  }

  readonly status: Resource<Status>;
  readonly catalogue: Resource<Catalogue>;
  readonly models: Resource<Models>;
  readonly deployments: Resource<Deployments>;
  readonly runs: Pages<RunSummary>;
  readonly jobs: Jobs;

  /** The folder it stands in, relative to the root of the server. */
  get folder(): string {
    return this._folder;
  }

  /** Whether it knows where it stands. */
  get placed(): boolean {
    return this._placed;
  }

  /** Whether somebody can see the sidebar, and we know where it stands. */
  get open(): boolean {
    return this._active && this._placed;
  }

  get opened(): ISignal<this, void> {
    return this._opened;
  }

  /** Emits when another folder is looked at. */
  get folderChanged(): ISignal<this, string> {
    return this._folderChanged;
  }

  /** Projects seen in this session, for going back to one. */
  get recent(): readonly { folder: string; name: string }[] {
    return this._recent;
  }

  /** What Lineage and Drift show. */
  get selection(): ISelection | null {
    return this._selection;
  }

  get selectionChanged(): ISignal<this, ISelection | null> {
    return this._selectionChanged;
  }

  /** The versions of one dataset, newest first. */
  versions(dataset: string): Pages<DatasetVersion> {
    return kept(this._versions, dataset, () =>
      this._pages(FIRST_VERSIONS, async (limit, cursor) => {
        const page = await this.client.read('log', this.folder, { name: dataset, limit, cursor });
        return { items: page.versions, next: page.next_cursor };
      })
    );
  }

  /** The answer of a reading verb, kept fresh while a view shows it. */
  reading<V extends ReadingVerb>(verb: V, args: ReadArgs<V>): Resource<ReadResult<V>> {
    const key = `${verb} ${JSON.stringify(args)}`;
    const found = kept(this._readings, key, () => this._resource(() => this.client.read(verb, this.folder, args)));
    // The key names the verb, and so the kind of answer.
    return found as Resource<ReadResult<V>>;
  }

  /** How a verb is declared, once the catalogue is known. */
  verb(name: string): VerbEntry | undefined {
    return this.catalogue.value?.verbs.find(verb => verb.name === name);
  }

  /** Why the user may not; empty when they may, or when we do not know yet (the server decides anyway). */
  denied(verb: string): string {
    const entry = this.verb(verb);
    return !entry || entry.permitted ? '' : entry.denied;
  }

  /** Points at something, or at nothing. */
  select(selection: ISelection | null): void {
    if (!same(selection, this._selection)) {
      this._selection = selection;
      this._selectionChanged.emit(selection);
    }
  }

  /** Looks at the project around another folder. */
  setFolder(folder: string): void {
    if (folder === this._folder && this._placed) {
      return;
    }
    this._folder = folder;
    this._placed = true;
    this._selection = null;
    this._versions.clear();
    this._readings.clear();
    this._fixed.forEach(resource => resource.reset());
    this._listen();
    this._folderChanged.emit(folder);
    this._selectionChanged.emit(null);
  }

  /** Says whether somebody can see the sidebar; what happened in between is caught up then. */
  setActive(active: boolean): void {
    if (active === this._active) {
      return;
    }
    this._active = active;
    this._listen();
    if (active) {
      this._invalidate(null);
      this._opened.emit();
    }
  }

  /** Asks again for everything somebody looks at. */
  refresh(): void {
    this._invalidate(null);
  }

  private _remember(): void {
    const name = this.status.value?.name;
    if (name && this._recent[0]?.folder !== this._folder) {
      this._recent = [{ folder: this._folder, name }, ...this._recent.filter(one => one.folder !== this._folder)];
    }
  }

  private _follow(step: number): void {
    this._following += step;
    this._listen();
  }

  /** A running job of ours is worth listening to even while the panel is closed: the status bar shows it. */
  private _listen(): void {
    this._watch.listen(this.open || this._following > 0 ? this._folder : null);
  }

  private _invalidate(topics: readonly Topic[] | null): void {
    const about = (...some: Topic[]): boolean => topics === null || some.some(topic => topics.includes(topic));
    const stale: [boolean, Iterable<Resource<unknown>>][] = [
      [about('data', 'stages', 'runs', 'settings'), [this.status]],
      [about('settings'), [this.catalogue]],
      [about('runs'), [this.runs]],
      [about('models'), [this.models]],
      [about('deployments'), [this.deployments]],
      [about('jobs'), [this.jobs.list]],
      [about('data'), this._versions.values()],
      [about('data', 'runs', 'models', 'deployments'), this._readings.values()]
    ];
    stale.filter(([is]) => is).forEach(([, some]) => [...some].forEach(resource => resource.invalidate()));
  }

  private _resource<T>(load: () => Promise<T>): Resource<T> {
    return new Resource(load, this);
  }

  private _pages<T>(first: number, load: ConstructorParameters<typeof Pages<T>>[0]): Pages<T> {
    return new Pages(load, this, first);
  }

  private get _fixed(): Resource<unknown>[] {
    return [this.status, this.catalogue, this.models, this.deployments, this.runs, this.jobs.list];
  }

  private _folder = '';
  private _placed = false;
  private _active = false;
  private _following = 0;
  private _selection: ISelection | null = null;
  private _recent: readonly { folder: string; name: string }[] = [];
  private readonly _watch: Watch;
  private readonly _opened = new Signal<this, void>(this);
  private readonly _folderChanged = new Signal<this, string>(this);
  private readonly _selectionChanged = new Signal<this, ISelection | null>(this);
  private readonly _versions = new Map<string, Pages<DatasetVersion>>();
  private readonly _readings = new Map<string, Resource<unknown>>();
}

function kept<T>(cache: Map<string, T>, key: string, make: () => T): T {
  const found = cache.get(key) ?? make();
  cache.set(key, found);
  return found;
}
