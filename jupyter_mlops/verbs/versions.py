"""What the data verbs share: references as typed, versions as shown, rows counted, messages written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import attrs

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.records import Instant, now
from jupyter_mlops.verbs.declaration import Call, Names, Option
from jupyter_mlops.versioning.content import Entry
from jupyter_mlops.versioning.tombstones import RETIRED
from jupyter_mlops.versioning.values import DataFile, Version

if TYPE_CHECKING:
    from jupyter_mlops.versioning.committing import Draft
    from jupyter_mlops.versioning.datasets import Datasets

PREFIX = "data:"
COUNTED_FILES = 64
COUNTED_BYTES = 256 << 20

Paths = Annotated[tuple[str, ...], Option(names=Names.PATH)]
Reference = Annotated[str, Option(names=Names.REFERENCE)]


@attrs.frozen
class DatasetVersion:
    """One version of a dataset (or of a model, for ``log MODEL``).

    Attributes
    ----------
    version, label
        ``v3`` and ``v3·7f3a``; for content that no commit holds, ``new`` and ``new·7f3a``.
    files, bytes
        Size; rows of a table when its commit recorded them.
    current
        Whether the workspace's pointer names it.
    let_go
        ``retired 2026-11-24`` or ``erased 2026-11-24``: how and when its data went; "" while it is as it was.
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
    let_go: str = ""


def reference(call: Call, text: str) -> str:
    """A reference as typed in the user's folder, with its path relative to the root."""
    bare = text.removeprefix(PREFIX)
    if not bare:
        return ""
    path, mark, version = bare.partition("@")
    with suppress(OSError):  # no path can be as long as some texts are
        if (call.folder / bare).exists():
            return call.path(bare)
        if path and (call.folder / path).exists():
            return call.path(path) + mark + version
    return bare


def shown(datasets: Datasets, version: Version, *, current: str | None = None) -> DatasetVersion:
    """A version as every face shows it; `current` is the digest that the workspace's pointer names."""
    return DatasetVersion(
        dataset=version.dataset,
        version=version.version or "new",
        label=version.label,
        digest=version.digest,
        git_commit=version.git_commit or "",
        author=version.author,
        time=version.time or now(),
        message=version.message,
        files=version.nfiles if version.nfiles is not None else 1,
        bytes=version.size,
        rows=version.rows,
        tags=version.tags,
        current=version.digest == current,
        let_go=_let_go(datasets, version.digest),
    )


def _let_go(datasets: Datasets, digest: str) -> str:
    stone = datasets.tombstones.of(digest)
    # What a rule let go may be back, from a remote or by a new commit of the same bytes.
    if stone is None or (stone.kind == RETIRED and datasets.store.find(digest)):
        return ""
    return f"{stone.kind} {stone.time:%Y-%m-%d}"


def count(files: Sequence[DataFile]) -> int | None:
    """Rows of `files`, or None when they are no table or too much to read for a remark."""
    return _outline(files)[0]


def _outline(files: Sequence[DataFile]) -> tuple[int | None, dict[str, str]]:
    """Rows and columns of `files`; None and nothing when they are no table or too much to read for a remark."""
    from jupyter_mlops.profiles.tables import is_table, outline

    if not files:
        return 0, {}
    if len(files) > COUNTED_FILES or sum(file.bytes for file in files) > COUNTED_BYTES:
        return None, {}
    names = [file.path for file in files]
    return outline([file.location for file in files], names) if is_table(names) else (None, {})


def counted(datasets: Datasets, draft: Draft) -> Draft:
    """`draft` with its rows, and how many more they are than before, where both can be told."""
    if draft.is_unchanged:
        return attrs.evolve(draft, rows=draft.rows_before, rows_added=0)
    try:
        rows, columns = _outline(_readable(datasets, draft, draft.content.entries)) if _is_small(draft) else (None, {})
        return attrs.evolve(draft, rows=rows, columns=columns, rows_added=_rows_added(datasets, draft, rows))
    except MlopsError:
        return draft  # data that is no sound table is versioned all the same


def _is_small(draft: Draft) -> bool:
    """Asked before thousands of files are looked up in vain."""
    return draft.content.count <= COUNTED_FILES and draft.content.size <= COUNTED_BYTES


def require_columns(datasets: Datasets, draft: Draft, columns: Iterable[str]) -> None:
    """Check that a table has `columns`; what is no table cannot be checked.

    Raises
    ------
    UsageError
        ``unknown-column``.
    """
    from jupyter_mlops.profiles.tables import schema_of, unknown_column

    files = _readable(datasets, draft, draft.content.entries)
    known = [name for name, _ in schema_of([file.location for file in files], [file.path for file in files])]
    for column in columns if known else ():
        if column not in known:
            raise unknown_column(column, known, f" in {draft.name}")


def _rows_added(datasets: Datasets, draft: Draft, rows: int | None) -> int | None:
    """How many more rows than the version before, which is read only where its rows were not recorded."""
    if not draft.before:
        return rows
    if rows is not None and draft.rows_before is not None:
        return rows - draft.rows_before
    from jupyter_mlops.profiles.tables import is_table

    changed = {*draft.change.added, *draft.change.modified, *draft.change.removed}
    if not is_table([path or draft.name for path in changed]):
        return None  # the listing of the version before is not even read
    earlier = [entry for entry in datasets.store.content(draft.before).entries if entry.path in changed]
    old = count([_stored(datasets, draft.name, entry) for entry in earlier])
    new = count(_readable(datasets, draft, [entry for entry in draft.content.entries if entry.path in changed]))
    return new - old if new is not None and old is not None else None


def _readable(datasets: Datasets, draft: Draft, entries: Iterable[Entry]) -> list[DataFile]:
    """The files of `draft` as they were saved; a draft that was only looked at lies in the workspace."""
    top = datasets.places.root / draft.name
    return [
        DataFile(
            path=entry.path or top.name,
            location=datasets.store.find(entry.md5) or (top / entry.path if entry.path else top),
            digest=entry.md5,
            bytes=entry.size,
        )
        for entry in entries
    ]


def _stored(datasets: Datasets, name: str, entry: Entry) -> DataFile:
    location = datasets.store.require(entry.md5)
    return DataFile(entry.path or name, location, entry.md5, location.stat().st_size)


def generated_message(drafts: Sequence[Draft]) -> str:
    """``employment: +12,400 rows``, or what happened to the files."""
    return "; ".join(f"{_short(draft.name)}: {_happened(draft)}" for draft in drafts)


def _short(name: str) -> str:
    return name.rpartition("/")[2].partition(".")[0] or name


def _happened(draft: Draft) -> str:
    change, rows = draft.change, draft.rows_added
    if draft.recorded and not draft.is_head:
        return f"back to {draft.recorded}"
    if not draft.before:
        return _counted(rows, "row") if rows else f"first version, {_counted(draft.content.count, 'file')}"
    if rows:
        return f"{'+' if rows > 0 else ''}{_counted(rows, 'row')}"
    if not change and draft.recorded:
        return "description"
    if not change:  # saved by an earlier commit with --no-git
        return _counted(draft.rows, "row") if draft.rows else _counted(draft.content.count, "file")
    parts = [("added", change.added), ("modified", change.modified), ("removed", change.removed)]
    return ", ".join(f"{_counted(len(paths), 'file')} {word}" for word, paths in parts if paths)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if abs(number) == 1 else f"{number:,} {noun}s"
