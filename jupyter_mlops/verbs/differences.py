"""Differences: diff."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import attrs
import msgspec

from jupyter_mlops.errors import EnvironmentFault, MlopsError, UsageError, bad_cursor, did_you_mean
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.profiles.comparisons import Opened
from jupyter_mlops.profiles.differences import SchemaChange, Table
from jupyter_mlops.profiles.movements import ColumnMovement
from jupyter_mlops.profiles.previews import PictureChange, TextChange, picture_change, text_change
from jupyter_mlops.profiles.rows import CellChange, RowChange
from jupyter_mlops.profiles.tables import is_table, unknown_column
from jupyter_mlops.verbs.declaration import Call, Group, Limit, Names, Option, verb
from jupyter_mlops.verbs.history import is_model
from jupyter_mlops.verbs.versions import Reference
from jupyter_mlops.verbs.versions import reference as typed
from jupyter_mlops.versioning.content import FileChanges

if TYPE_CHECKING:
    from jupyter_mlops.project import Project
    from jupyter_mlops.versioning.datasets import DataFile, Version

LISTED_CELLS = 1000
LISTED_FILES = 10
EDITED = "An edited row counts as removed and added: --key {} pairs rows."
Kind = Literal["any", "added", "modified", "removed"]


@attrs.frozen
class RowCounts:
    """Rows that differ."""

    added: int = 0
    removed: int = 0
    modified: int = 0


@attrs.frozen
class Difference:
    """What differs between two versions; `rows` is None when the content is no table.

    Attributes
    ----------
    columns
        Column to changed cells, changed columns only.
    key, compared
        The columns that name a row, and the others that both versions have.
    likely_key
        A column that would pair most rows that were removed and added; empty when there is none.
    changes
        A page of the changed rows that were asked for.
    matching
        How many changed rows there are of those that were asked for.
    movements
        How the changed cells of each column moved.
    texts, pictures
        Files that are no tables, old beside new.
    """

    before: str
    after: str
    files: FileChanges
    schema: tuple[SchemaChange, ...] = ()
    rows: RowCounts | None = None
    cells: tuple[CellChange, ...] = ()
    columns: dict[str, int] = attrs.field(factory=dict)
    note: str = ""
    key: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()
    likely_key: str = ""
    changes: tuple[RowChange, ...] = ()
    matching: int = 0
    next_cursor: str | None = None
    movements: tuple[ColumnMovement, ...] = ()
    texts: tuple[TextChange, ...] = ()
    pictures: tuple[PictureChange, ...] = ()


@attrs.frozen
class Wanted:
    """Which part of a difference is asked for."""

    key: tuple[str, ...]
    rows: int
    columns: tuple[str, ...]
    kind: str
    limit: int
    cursor: str
    file: str
    stats: bool


@verb(Group.DATA, Action.READ, reads=True, daily=True)
def diff(
    call: Call,
    before: Reference = "",
    after: Reference = "",
    *,
    key: Annotated[tuple[str, ...], Option(comma=True, names=Names.COLUMN)] = (),
    rows: Annotated[int, msgspec.Meta(ge=0, le=LISTED_CELLS)] = 20,
    column: Annotated[tuple[str, ...], Option(comma=True, names=Names.COLUMN)] = (),
    kind: Kind = "any",
    limit: Limit = 20,
    cursor: str = "",
    file: Annotated[str, Option(names=Names.PATH)] = "",
    stats: bool = False,
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
    column
        Page through rows in which one of these columns changed.
    kind
        Page through rows that were added, modified or removed.
    limit
        Changed rows a page, at most 200.
    cursor
        Where the page before ended: its `next_cursor`.
    file
        Show this text or picture of a folder; the first ten when left out.
    stats
        Tell how the changed cells of each column moved.
    """
    project = call.project
    old, new = _two(call, before, after)
    files = project.datasets.change(old, new)
    plain = Difference(f"{old.dataset}@{_spelled(old)}", f"{new.dataset}@{_spelled(new)}", files)
    wanted = Wanted(key, rows, column, "" if kind == "any" else kind, limit, cursor, file, stats)
    if not files:
        return plain
    return _compared(call, plain, (old, new), wanted)


def _two(call: Call, before: str, after: str) -> tuple[Version, Version]:
    """The versions to compare: what was typed, else HEAD and the workspace."""
    datasets = call.project.datasets
    if before and is_model(call.project, typed(call, before)):
        raise _models(call.project, typed(call, before), typed(call, after) if after else "")
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


def _models(project: Project, before: str, after: str) -> UsageError:
    """Models are no tables: what differs is in the runs that wrote them."""
    name = before.removeprefix("model:").partition("@")[0]
    versions = [project.models.resolve(before), project.models.resolve(after or name)]
    writers = [project.runs.writer(one.digest) for one in versions]
    runs = [run.number for run in writers if run]
    differ = len(set(runs)) == len(versions)
    hint = f"runs --compare {runs[0]} {runs[1]}" if differ else f"models {name} lists the metrics of its versions."
    return UsageError(
        "models-differ-by-runs",
        f"{name} is a model: its metrics, parameters and inputs are compared run by run.",
        context="One file, made by one run." if versions[0].digest == versions[1].digest else "",
        hint=hint,
    )


def _spelled(version: Version) -> str:
    return "workspace" if version.is_workspace else version.version or version.digest


def _compared(call: Call, plain: Difference, versions: tuple[Version, Version], wanted: Wanted) -> Difference:
    """`plain` with what differs in the tables, texts and pictures."""
    try:
        old, new = (call.project.datasets.files(version, _telling(plain.files)) for version in versions)
    except MlopsError as error:
        return attrs.evolve(plain, note=error.message)
    try:
        with call.project.comparisons.of(_table(old), _table(new), wanted.key, call.progress) as opened:
            found = _rows(plain, opened, wanted) if opened else attrs.evolve(plain, note="No table: compared by files.")
    except EnvironmentFault as error:
        found = attrs.evolve(plain, note=error.message)
    return _with_previews(found, (old, new), wanted.file)


def _telling(changed: FileChanges) -> Callable[[str], bool]:
    """Whether a file has to be looked at: one that changed, or a part of a table, of which all parts count."""
    differ = {*changed.added, *changed.modified, *changed.removed}
    return lambda path: path in differ or is_table([path])


def _table(files: Sequence[DataFile]) -> Table:
    return Table([one.location for one in files], [one.path for one in files], [one.digest for one in files])


def _rows(plain: Difference, opened: Opened, wanted: Wanted) -> Difference:
    """`plain` with counts, and the page that is wanted."""
    found, changes = opened.found, opened.changes
    for name in wanted.columns:
        if name not in found.names:
            raise unknown_column(name, found.names, " that was compared")
    start = _start(wanted.cursor, opened.identity)
    page, further = changes.page(start, wanted.limit, wanted.columns, wanted.kind)
    counts = RowCounts(**found.tally.rows)
    is_edited = not wanted.key and counts.added and counts.removed
    likely = changes.likely_key() if is_edited else ""
    return attrs.evolve(
        plain,
        note=EDITED.format(likely or "COLUMN") if is_edited else "",
        likely_key=likely,
        schema=found.schema,
        rows=counts,
        cells=changes.cells(wanted.rows),
        columns=dict(found.tally.columns),
        key=found.key,
        compared=found.names,
        changes=page,
        matching=changes.count(wanted.columns, wanted.kind),
        next_cursor=None if further is None else f"{opened.identity[:8]}-{further}",
        movements=opened.movements() if wanted.stats else (),
    )


def _start(cursor: str, identity: str) -> int:
    """The number of the first row of the page; a cursor of other data leads nowhere."""
    of, _, number = cursor.partition("-")
    if cursor and (of != identity[:8] or not number.isdecimal()):
        raise bad_cursor(cursor)
    return int(number) if cursor else 0


def _with_previews(found: Difference, sides: tuple[Sequence[DataFile], Sequence[DataFile]], file: str) -> Difference:
    """`found` with the texts and pictures that changed."""
    old, new = (_places(side, found.files) for side in sides)
    changed = (*found.files.modified, *found.files.added, *found.files.removed)
    if file and file not in changed:
        hint = did_you_mean(file, changed, "diff lists the files that changed.")
        raise UsageError("unknown-file", f"{file} is no file that changed.", hint=hint)
    shown = (
        (file,)
        if file
        else tuple(path for path in changed if found.rows is None or not (path == "" or is_table([path])))
    )
    texts, pictures = [], []
    for path in shown[:LISTED_FILES]:
        before, after = old.get(path), new.get(path)
        if picture := picture_change(path, before, after):
            pictures.append(picture)
        elif before and after and (text := text_change(path, before, after)):
            texts.append(text)
    return attrs.evolve(found, texts=tuple(texts), pictures=tuple(pictures))


def _places(side: Sequence[DataFile], files: FileChanges) -> dict[str, Path]:
    """Each file by the path that `files` gives it: a dataset that is one file has an empty one."""
    is_file = files.modified == ("",)
    return {"" if is_file else one.path: one.location for one in side}
