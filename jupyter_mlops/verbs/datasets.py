"""Data: commit, log, show, diff, check out, tag."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import attrs

from jupyter_mlops.errors import MlopsError, UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.records import Scalar
from jupyter_mlops.trust.identity import parse, require_known
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb
from jupyter_mlops.verbs.versions import DatasetVersion, count, generated_message, rows_added, shown
from jupyter_mlops.verbs.versions import reference as typed
from jupyter_mlops.versioning.content import FileChanges

if TYPE_CHECKING:
    from jupyter_mlops.project import Project
    from jupyter_mlops.registry.models import ModelVersion
    from jupyter_mlops.versioning.committing import Draft
    from jupyter_mlops.versioning.datasets import Dataset, Datasets, Version
    from jupyter_mlops.versioning.remotes import Remotes

PAGE = 200
LISTED_CELLS = 1000
EPOCH = datetime.fromtimestamp(0, UTC)
Paths = Annotated[tuple[str, ...], Option(names=Names.PATH)]
Reference = Annotated[str, Option(names=Names.REFERENCE)]


@attrs.frozen
class CommittedVersion:
    """A version that `commit` made, or the current one when nothing changed."""

    dataset: str
    version: str
    digest: str
    files: int
    bytes: int
    added: int
    modified: int
    removed: int
    rows_added: int | None = None
    unchanged: bool = False


@attrs.frozen
class Committed:
    """What `commit` did; `git_commit` is None with ``--no-git`` or when nothing changed."""

    versions: tuple[CommittedVersion, ...]
    git_commit: str | None
    message: str = ""


@verb(Group.DATA, Action.DATA, daily=True)
def commit(
    call: Call,
    paths: Paths = (),
    *,
    message: Annotated[str, Option("-m")] = "",
    tag: str = "",
    owner: str = "",
    source: str = "",
    purpose: str = "",
    licence: str = "",
    pii: Annotated[tuple[str, ...], Option(comma=True, names=Names.COLUMN)] = (),
    retain: str = "",
    author: str = "",
    adopt: bool = False,
    git: bool = True,
    dry_run: bool = False,
) -> Committed:
    """Save a version of data files or folders.

    Bare, it takes every changed dataset and writes the message itself.

    Parameters
    ----------
    paths
        Files or folders; none means all changed datasets.
    message
        What changed; generated when left out, such as ``data: +12,400 rows``.
    tag
        A name for this version, ``data@TAG``.
    owner
        Who answers for the data.
    source
        Where it came from: an address or a query.
    purpose
        What it may be used for.
    licence
        Under what terms.
    pii
        Columns that hold personal data.
    retain
        How long to keep it, ``90d``.
    author
        ``Name <email>`` when git does not know you.
    adopt
        Move data that git tracks over to DVC.
    git
        Commit the pointer files to git.
    dry_run
        Say what would be saved; write nothing.
    """
    from jupyter_mlops.versioning.committing import Committing

    project = call.project
    who = require_known(parse(author) if author else call.actor)
    committing = Committing(project.datasets)
    names = committing.targets([call.path(path) for path in paths], adopt=adopt) if paths else committing.changed()
    _require_ready(project, names, tag, git=git)
    meta = {"owner": owner, "source": source, "purpose": purpose, "licence": licence, "pii": [*pii], "retain": retain}
    given = {key: value for key, value in meta.items() if value}
    drafts = [committing.draft(name, call.progress, save=not dry_run) for name in names]
    rows = {draft.name: rows_added(project.datasets, draft) for draft in drafts}
    message = message or generated_message(_worth_telling(drafts), rows)
    if dry_run or not drafts:
        planned = tuple(_committed(project.datasets, draft, rows[draft.name]) for draft in drafts)
        return Committed(planned, None, message if drafts else "")
    with project.datasets.publisher.turn():
        written = committing.publish(drafts, given)
        commit = committing.commit(drafts, written, message, who) if git else None
        if tag:
            project.datasets.tags.add(names[0], tag, _holding(project.datasets, drafts[0]), who)
    versions = tuple(_committed(project.datasets, draft, rows[draft.name]) for draft in drafts)
    return Committed(versions, commit, message if commit or not git else "")


def _require_ready(project: Project, names: Sequence[str], tag: str, *, git: bool) -> None:
    """Every reason not to commit, before anything is read or written."""
    if git and names:
        project.git.require_committable()
    if tag:
        project.datasets.tags.require_valid(tag)
        if len(names) != 1:
            raise UsageError(
                "bad-tag", "A tag names one version.", hint="commit PATH --tag NAME, one dataset at a time."
            )
        if not git:
            raise UsageError("bad-tag", "A tag needs a git commit.", hint="Leave out --no-git.")


def _worth_telling(drafts: Sequence[Draft]) -> Sequence[Draft]:
    return [draft for draft in drafts if draft.content.digest != draft.before] or drafts


def _holding(datasets: Datasets, draft: Draft) -> str:
    """The commit that first held the content of `draft`."""
    known = datasets.recorded(draft.name, draft.content.digest)
    return (known.git_commit if known else None) or "HEAD"


def _committed(datasets: Datasets, draft: Draft, rows: int | None) -> CommittedVersion:
    known = datasets.recorded(draft.name, draft.content.digest)
    return CommittedVersion(
        dataset=draft.name,
        version=known.version or "new" if known else "new",
        digest=draft.content.digest,
        files=len(draft.content.entries),
        bytes=draft.content.size,
        added=len(draft.change.added),
        modified=len(draft.change.modified),
        removed=len(draft.change.removed),
        rows_added=rows,
        unchanged=draft.content.digest == draft.before,
    )


@attrs.frozen
class History:
    """A page of versions, newest first."""

    versions: tuple[DatasetVersion, ...]
    next_cursor: str | None = None


@verb(Group.DATA, Action.READ, reads=True, daily=True)
def log(
    call: Call,
    name: Reference = "",
    *,
    limit: Annotated[int, Option("-n")] = 20,
    cursor: str = "",
) -> History:
    """List the versions of a dataset or a model, newest first.

    Parameters
    ----------
    name
        A dataset or a model; none means all datasets.
    limit
        Versions a page, at most 200.
    cursor
        Where the page before ended: its `next_cursor`.
    """
    project = call.project
    size = max(1, min(limit, PAGE))
    name = typed(call, name)
    if name and _is_model(project, name):
        return _model_history(project, name, size, cursor)
    found, further = _one(project.datasets, name, size, cursor) if name else _every(project.datasets, size, cursor)
    current = {known.name: out.digest for known, out in project.datasets.pointers()}
    return History(tuple(shown(version, current=current.get(version.dataset)) for version in found), further)


def _one(datasets: Datasets, name: str, size: int, cursor: str) -> tuple[Sequence[Version], str | None]:
    """A page of the versions of one dataset, and where the next starts."""
    found = datasets.history(datasets.resolve_name(name.partition("@")[0]), size + 1, _number(cursor))
    return found[:size], found[size - 1].version if len(found) > size else None


def _every(datasets: Datasets, size: int, cursor: str) -> tuple[Sequence[Version], str | None]:
    """A page of the versions of all datasets, newest first, and where the next starts."""
    start = _number(cursor) or 0
    newest = [version for one in datasets.all() for version in datasets.history(one, start + size + 1)]
    newest.sort(key=lambda version: (version.time or EPOCH, version.number or 0), reverse=True)
    page = newest[start : start + size]
    return page, str(start + size) if len(newest) > start + size else None


def _number(cursor: str) -> int | None:
    try:
        return int(cursor.removeprefix("v")) if cursor else None
    except ValueError as error:
        raise UsageError(
            "bad-cursor", f"{cursor} is no cursor.", hint="Give the next_cursor of the page before."
        ) from error


def _is_model(project: Project, name: str) -> bool:
    """Whether `name` can only be a model: datasets come first, and ``model:`` decides."""
    if name.startswith("model:"):
        return True
    known = {word for one in project.datasets.all() for word in (one.name, one.short_name)}
    return name.partition("@")[0] not in known and project.models.knows(name)


def _model_history(project: Project, name: str, size: int, cursor: str) -> History:
    model = project.models.get(name.removeprefix("model:"))
    start = _number(cursor) or 0
    page = tuple(_model_version(version) for version in model.versions[start : start + size])
    return History(page, str(start + size) if start + size < len(model.versions) else None)


def _model_version(version: ModelVersion) -> DatasetVersion:
    return DatasetVersion(
        dataset=version.model,
        version=version.label,
        label=f"{version.label}·{version.digest[:4]}",
        digest=version.digest,
        git_commit=version.git_commit,
        author=version.author,
        time=version.time,
        message=version.message,
        files=1,
        bytes=0,
        tags=version.aliases,
    )


@attrs.frozen
class SchemaColumn:
    """A column and its type."""

    name: str
    type: str


@attrs.frozen
class Shown:
    """Everything known about one reference.

    Attributes
    ----------
    provenance
        Owner, source, purpose, licence, PII columns and how it was made (``by hand`` or a run).
    producers, consumers
        Run and model ids in the lineage graph.
    """

    reference: str
    kind: str
    name: str
    version: DatasetVersion | None
    provenance: dict[str, Scalar | list[str]]
    schema: tuple[SchemaColumn, ...] = ()
    metrics: dict[str, Scalar] = attrs.field(factory=dict)
    tags: tuple[str, ...] = ()
    producers: tuple[str, ...] = ()
    consumers: tuple[str, ...] = ()


@verb(Group.DATA, Action.READ, reads=True)
def show(call: Call, reference: Reference) -> Shown:
    """Show a version's provenance, schema, producers and consumers.

    Parameters
    ----------
    reference
        ``data@v3``, ``data@TAG``, ``data@2026-05-01``, ``data@HEAD~2``, ``model@champion``.
    """
    project = call.project
    text = typed(call, reference)
    if _is_model(project, text):
        return _shown_model(project, text)
    version = project.datasets.resolve(text, call.progress)
    producers, consumers = _neighbours(project, version.digest)
    return Shown(
        reference=f"{version.dataset}@{version.version or version.digest}",
        kind="dataset",
        name=version.dataset,
        version=_with_rows(project.datasets, version),
        provenance=_provenance(project.datasets, version),
        schema=_schema(project.datasets, version),
        tags=version.tags,
        producers=producers,
        consumers=consumers,
    )


def _with_rows(datasets: Datasets, version: Version) -> DatasetVersion:
    try:
        rows = count(datasets.files(version))
    except MlopsError:
        rows = None  # not in the cache, or no sound table: shown without
    current = next((out.digest for known, out in datasets.pointers() if known.name == version.dataset), None)
    return shown(version, current=current, rows=rows)


def _provenance(datasets: Datasets, version: Version) -> dict[str, Scalar | list[str]]:
    described = datasets.described(version)
    found: dict[str, Scalar | list[str]] = {}
    if described.text:
        found["description"] = described.text
    for key, value in described.meta.items():
        found[str(key)] = [str(item) for item in value] if isinstance(value, list) else str(value)
    if described.labels:
        found["labels"] = list(described.labels)
    return found


def _schema(datasets: Datasets, version: Version) -> tuple[SchemaColumn, ...]:
    from jupyter_mlops.profiles.tables import schema_of

    try:
        files = datasets.files(version)
        return tuple(SchemaColumn(*pair) for pair in schema_of([f.location for f in files], [f.path for f in files]))
    except MlopsError:
        return ()  # not in the cache, or no sound table: shown without


def _neighbours(project: Project, digest: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The runs that wrote and that read the version with this digest."""
    records = [run.record for run in project.runs.all()]
    wrote = tuple(record.run for record in records if digest in record.outputs.values())
    read = tuple(record.run for record in records if digest in record.inputs.values())
    return wrote, read


def _shown_model(project: Project, text: str) -> Shown:
    version = project.models.resolve(text.removeprefix("model:"))
    producers, consumers = _neighbours(project, version.digest)
    return Shown(
        reference=f"{version.model}@{version.label}",
        kind="model",
        name=version.model,
        version=_model_version(version),
        provenance={"path": version.path, "tag": version.tag},
        tags=version.aliases,
        producers=producers,
        consumers=consumers,
    )


@attrs.frozen
class SchemaChange:
    """A column whose type changed; None stands for an absent column."""

    column: str
    before: str | None
    after: str | None


@attrs.frozen
class RowCounts:
    """Rows that differ."""

    added: int = 0
    removed: int = 0
    modified: int = 0


@attrs.frozen
class CellChange:
    """One changed cell; `key` names its row."""

    key: str
    column: str
    before: Scalar
    after: Scalar


@attrs.frozen
class Difference:
    """What differs between two versions; `rows` is None when the content is no table."""

    before: str
    after: str
    files: FileChanges
    schema: tuple[SchemaChange, ...] = ()
    rows: RowCounts | None = None
    cells: tuple[CellChange, ...] = ()
    columns: dict[str, int] = attrs.field(factory=dict)
    note: str = ""


@verb(Group.DATA, Action.READ, reads=True, daily=True)
def diff(
    call: Call,
    before: Reference = "",
    after: Reference = "",
    *,
    key: Annotated[tuple[str, ...], Option(comma=True, names=Names.COLUMN)] = (),
    rows: int = 20,
) -> Difference:
    """Compare two versions: files, schema, rows, columns.

    Parameters
    ----------
    before
        The older reference; a bare dataset name means its version in HEAD.
    after
        The newer reference; the workspace when left out.
    key
        Columns that name a row; without it rows are compared by content.
    rows
        Changed cells to list, at most 1000.
    """
    project = call.project
    old, new = _two(call, before, after)
    files = project.datasets.change(old, new)
    plain = Difference(f"{old.dataset}@{_spelled(old)}", f"{new.dataset}@{_spelled(new)}", files)
    return _compared(project.datasets, plain, (old, new), key, max(0, min(rows, LISTED_CELLS))) if files else plain


def _two(call: Call, before: str, after: str) -> tuple[Version, Version]:
    """The versions to compare: what was typed, else HEAD and the workspace."""
    datasets = call.project.datasets
    if not before:
        changed = [state.path for state in datasets.states() if state.state == "changed"]
        known = changed or [one.name for one in datasets.all()]
        if len(known) != 1:
            names = ", ".join(known) or "none yet"
            raise UsageError("which-dataset", "Compare which dataset?", context=names, hint="diff NAME")
        before = known[0]
    old = typed(call, before)
    dataset = datasets.resolve_name(old.partition("@")[0]) if "@" not in old and not after else None
    if dataset is not None:
        return datasets.resolve(f"{dataset.name}@HEAD"), datasets.resolve(dataset.name, call.progress)
    first = datasets.resolve(old if "@" in old else f"{datasets.resolve_name(old).name}@HEAD")
    return first, datasets.resolve(typed(call, after) if after else first.dataset, call.progress)


def _spelled(version: Version) -> str:
    return "workspace" if version.is_workspace else version.version or version.digest


def _compared(
    datasets: Datasets, plain: Difference, versions: tuple[Version, Version], key: tuple[str, ...], limit: int
) -> Difference:
    """`plain` with what differs in the tables."""
    from jupyter_mlops.profiles.tables import compare_tables

    try:
        old, new = (datasets.files(version) for version in versions)
        names = [file.path for file in old], [file.path for file in new]
        tables = compare_tables([f.location for f in old], [f.location for f in new], *names, key, limit)
    except UsageError:
        raise
    except MlopsError as error:
        return attrs.evolve(plain, note=error.message)
    if tables is None:
        return attrs.evolve(plain, note="No table: compared by files.")
    return attrs.evolve(
        plain,
        schema=tuple(SchemaChange(column.name, column.before, column.after) for column in tables.schema),
        rows=RowCounts(tables.rows_added, tables.rows_removed, tables.rows_modified),
        cells=tuple(CellChange(cell.key, cell.column, cell.before, cell.after) for cell in tables.cells),
        columns=dict(tables.columns),
    )


@attrs.frozen
class CheckedOut:
    """What `checkout` wrote and removed, in files."""

    dataset: str
    version: str
    written: int
    removed: int
    datasets: tuple[str, ...] = ()


@verb(Group.DATA, Action.DATA, daily=True)
def checkout(call: Call, reference: Reference, *, all_: bool = False, dry_run: bool = False) -> CheckedOut:
    """Put a version of a dataset back into the workspace.

    Changes that no version holds are never overwritten.

    Parameters
    ----------
    reference
        ``data@v2``; with ``--all`` a git revision.
    all_
        Every dataset, as that revision has it.
    dry_run
        Say what would change; write nothing.
    """
    from jupyter_mlops.versioning.checkout import Checkout, require_known_revision

    datasets = call.project.datasets
    bringing = Checkout(datasets)
    if all_:
        commit = require_known_revision(datasets, reference)
        effect = bringing.revision(commit, call.progress, dry_run=dry_run)
        return CheckedOut("", reference, effect.written, effect.removed, effect.datasets)
    text = typed(call, reference)
    version = datasets.resolve(text if "@" in text else f"{datasets.resolve_name(text).name}@HEAD")
    effect = bringing.version(version, call.progress, dry_run=dry_run)
    return CheckedOut(
        version.dataset, version.version or version.digest, effect.written, effect.removed, effect.datasets
    )


@attrs.frozen
class Tagged:
    """A tag set or removed."""

    dataset: str
    version: str
    tag: str
    removed: bool = False


@verb(Group.DATA, Action.DATA)
def tag(call: Call, reference: Reference, name: str, *, remove: bool = False) -> Tagged:
    """Name a version, so that ``data@NAME`` stands for it.

    Parameters
    ----------
    reference
        The version.
    name
        Letters, digits, dots, dashes; not ``v`` and a number.
    remove
        Take the name away again.
    """
    datasets = call.project.datasets
    text = typed(call, reference)
    if remove:
        dataset = datasets.resolve_name(text.partition("@")[0]).name
        datasets.tags.remove(dataset, name)
        return Tagged(dataset, "", name, removed=True)
    version = datasets.resolve(text)
    if version.git_commit is None:
        raise UsageError(
            "not-committed",
            f"No commit holds {version.dataset} as it is now.",
            hint=f"commit {version.dataset} --tag {name}",
        )
    datasets.tags.add(version.dataset, name, version.git_commit, require_known(call.actor))
    return Tagged(version.dataset, version.version or version.digest, name)


@attrs.frozen
class Transferred:
    """What moved between the cache and a remote."""

    remote: str
    files: int
    bytes: int
    refs: int = 0


@verb(Group.DATA, Action.DATA, daily=True)
def push(call: Call, paths: Paths = (), *, remote: Annotated[str, Option("-r")] = "") -> Transferred:
    """Send data to a DVC remote, and records to the git remote.

    Parameters
    ----------
    paths
        Datasets; none means all.
    remote
        A remote of ``.dvc/config``; the default one when left out.
    """
    datasets = call.project.datasets
    remotes = _remotes(call)
    chosen, wanted = remotes.choose(remote), _wanted(call, paths)
    call.report("push")
    remotes.push(_targets(wanted), chosen)
    files, size = datasets.weight(wanted)
    return Transferred(chosen, files, size, remotes.push_records())


def _remotes(call: Call) -> Remotes:
    from jupyter_mlops.versioning.remotes import Remotes

    datasets = call.project.datasets
    return Remotes(datasets.places, datasets.git, datasets.settings)


def _wanted(call: Call, paths: Sequence[str]) -> tuple[Dataset, ...]:
    datasets = call.project.datasets
    return tuple(datasets.resolve_name(typed(call, path)) for path in paths) if paths else datasets.all()


def _targets(wanted: Sequence[Dataset]) -> list[str]:
    """As dvc names them: the ``.dvc`` file, or the out itself."""
    return [one.pointer if one.stage is None else one.name for one in wanted]


@verb(Group.DATA, Action.DATA, daily=True)
def pull(call: Call, paths: Paths = (), *, remote: Annotated[str, Option("-r")] = "") -> Transferred:
    """Fetch data from a DVC remote and records from the git remote, and check the data out.

    Parameters
    ----------
    paths
        Datasets; none means all.
    remote
        A remote of ``.dvc/config``; the default one when left out.
    """
    from jupyter_mlops.versioning.checkout import Checkout

    datasets = call.project.datasets
    remotes = _remotes(call)
    records = remotes.fetch_records()
    wanted = _wanted(call, paths)
    absent = [one for one in wanted if not datasets.is_stored(datasets.out_of(one).digest)]
    chosen = remotes.choose(remote) if absent or remote else (datasets.settings.default_remote or "")
    if absent:
        call.report("pull")
        remotes.fetch(_targets(absent), chosen)
    for one in wanted:
        Checkout(datasets).pointed(one, call.progress)
    return Transferred(chosen, *datasets.weight(absent), records)


@attrs.frozen
class Imported:
    """A dataset that came from elsewhere."""

    dataset: str
    version: str
    digest: str
    source: str
    bytes: int
    git_commit: str | None


@verb(Group.DATA, Action.DATA, name="import")
def import_(
    call: Call,
    url: str,
    path: Annotated[str, Option(names=Names.PATH)] = "",
    *,
    message: Annotated[str, Option("-m")] = "",
    git: bool = True,
    dry_run: bool = False,
) -> Imported:
    """Copy data in from outside the project and record where it came from.

    Parameters
    ----------
    url
        A file or folder on this machine, or an ``http(s)`` address.
    path
        Where to put it; its own name below ``data/`` when left out.
    message
        What it is.
    git
        Commit the pointer file to git.
    dry_run
        Say what would be copied; write nothing.
    """
    from jupyter_mlops.versioning.importing import Source

    project, who = call.project, require_known(call.actor)
    source = Source.parse(url, call.folder)
    target = call.path(path) if path else project.datasets.free_place(source.name)
    project.datasets.require_free(target)
    if dry_run:
        return Imported(target, "new", "", source.address, source.size(), None)
    if git:
        project.git.require_committable()
    source.copy_to(project.root / target, call.progress)
    done = commit(
        attrs.evolve(call, folder=project.root, actor=who),
        (target,),
        message=message or f"import {source.name}",
        source=source.address,
        git=git,
    )
    version = done.versions[0]
    return Imported(target, version.version, version.digest, source.address, version.bytes, done.git_commit)
