"""Data: commit, log, show, diff, check out, tag."""

from __future__ import annotations

from typing import Annotated

import attrs

from jupyter_mlops.governance.roles import Action
from jupyter_mlops.records import Instant, Scalar
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb

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
    raise NotImplementedError


@attrs.frozen
class DatasetVersion:
    """One version of a dataset (or of a model, for ``log MODEL``).

    Attributes
    ----------
    version, label
        ``v3`` and ``v3·7f3a``.
    files, bytes
        Size; rows when the content is a table.
    """

    dataset: str
    version: str
    label: str
    digest: str
    git_commit: str
    author: str
    time: Instant
    message: str
    files: int
    bytes: int
    rows: int | None = None
    tags: tuple[str, ...] = ()
    current: bool = False


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
    raise NotImplementedError


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
    raise NotImplementedError


@attrs.frozen
class FileChanges:
    """Files that differ, by path below the dataset."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError
