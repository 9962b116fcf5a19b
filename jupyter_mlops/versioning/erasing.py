"""Contents erased from every version: found, rewritten, and gone from the cache, with a tombstone in their place.

Git's history is never rewritten: old pointers go on naming what is gone. Plain ``dvc`` fails on them loudly;
we follow the tombstone to what took its place.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import attrs
import msgspec

from jupyter_mlops.errors import EnvironmentFault, MlopsError, UsageError
from jupyter_mlops.records import Progress, Step, silent
from jupyter_mlops.versioning.content import FOLDER_SUFFIX, Content, Entry, folder
from jupyter_mlops.versioning.datasets import Datasets
from jupyter_mlops.versioning.inventory import Inventory
from jupyter_mlops.versioning.store import md5_of

Redact = Callable[[Path, str, Path], int | None]
"""Writes the file, by its name in the dataset, without what is to be erased; how many rows were left out."""


@attrs.frozen
class Affected:
    """A version that holds what is to be erased.

    Attributes
    ----------
    dataset, before
        Its dataset and its digest.
    after
        What takes its place; "" when nothing is left.
    files, rows
        How many files are rewritten or go, and how many rows.
    """

    dataset: str
    before: str
    after: str
    files: int
    rows: int = 0


@attrs.frozen
class Search:
    """What was found.

    Attributes
    ----------
    affected
        Every version that holds it.
    contents
        Digest of each file and version that goes, and what takes its place.
    rows
        Rows erased, by digest of the file.
    unseen
        Versions, by dataset, whose data is not in the cache, so that nobody could look.
    """

    affected: tuple[Affected, ...] = ()
    contents: dict[str, str] = attrs.field(factory=dict)
    rows: dict[str, int] = attrs.field(factory=dict)
    unseen: tuple[tuple[str, str], ...] = ()


class Erasing:
    """Erases from the versions of one project.

    Parameters
    ----------
    datasets
        The datasets of the project.
    keep
        Store what takes the place of what goes; else its digest is only told.
    """

    def __init__(self, datasets: Datasets, *, keep: bool = True) -> None:
        self._datasets = datasets
        self._store = datasets.store
        self._keep = keep

    def paths(self, versions: Sequence[tuple[str, str]], path: str) -> Search:
        """What has to go so that the file or folder `path` (below the root) is in no version.

        Parameters
        ----------
        versions
            Dataset and digest of every version to look at.
        """

        def rest(dataset: str, entry: Entry) -> Entry | None:
            where = f"{dataset}/{entry.path}" if entry.path else dataset
            return None if where == path or where.startswith(path + "/") else entry

        return self._search(versions, rest, {})

    def rows(self, versions: Sequence[tuple[str, str]], redact: Redact, progress: Progress = silent) -> Search:
        """What has to be rewritten so that no version holds the rows that `redact` leaves out.

        What takes the place of the old may be stored at once: without a pointer or a tombstone it means nothing.
        """
        erased: dict[str, int] = {}
        known: dict[tuple[str, str], str] = {}

        def rest(dataset: str, entry: Entry) -> Entry:
            name = entry.path or dataset
            key = (entry.md5, PurePosixPath(name).suffix.lower())
            if key not in known:
                known[key], count = self._rewritten(entry.md5, name, redact)
                if count:
                    erased[entry.md5] = count
                progress(Step("look through files", len(known), None, "files"))
            return msgspec.structs.replace(entry, md5=known[key])

        return self._search(versions, rest, erased)

    def _rewritten(self, md5: str, name: str, redact: Redact) -> tuple[str, int]:
        """The digest of the file without what `redact` leaves out, and how many rows that were."""
        source = self._store.require(md5)
        with self._store.incoming() as incoming:
            target = incoming / "rest"
            count = redact(source, name, target)
            if not count:
                return md5, 0
            return (self._store.put(target, incoming) if self._keep else md5_of(target))[0], count

    def _search(
        self,
        versions: Sequence[tuple[str, str]],
        rest: Callable[[str, Entry], Entry | None],
        erased: dict[str, int],
    ) -> Search:
        affected: list[Affected] = []
        contents: dict[str, str] = {}
        unseen: list[tuple[str, str]] = []
        held = Inventory(self._store, self._datasets.tombstones)
        for dataset, digest in dict.fromkeys((name, self._store.standing(one)) for name, one in versions):
            if not held.is_whole(digest):
                if not self._datasets.tombstones.is_erased(digest):
                    unseen.append((dataset, digest))
                continue
            before = self._store.content(digest)
            pairs = [(entry, rest(dataset, entry)) for entry in before.entries]
            gone = {old.md5: new.md5 if new else "" for old, new in pairs if new is None or new.md5 != old.md5}
            if not gone:
                continue
            after = self._stored(before, [new for _, new in pairs if new])
            contents |= {**gone, digest: after}
            rows = sum(erased.get(old.md5, 0) for old, _ in pairs)
            affected.append(Affected(dataset, digest, after, len(gone), rows))
        return Search(tuple(affected), contents, {md5: erased[md5] for md5 in contents if md5 in erased}, tuple(unseen))

    def _stored(self, before: Content, entries: Sequence[Entry]) -> str:
        """The digest of what is left of a version, its list of files stored; "" when nothing is left."""
        if not before.is_folder:
            return entries[0].md5 if entries else ""
        after = folder(entries)
        if self._keep:
            with self._store.incoming() as incoming:
                self._store.put_bytes(after.as_dir_object(), incoming / "listing", FOLDER_SUFFIX)
        return after.digest

    def require_saved(self, names: Sequence[str]) -> None:
        """Refuse while the workspace holds what no version does: it could hold what is to be erased.

        Raises
        ------
        UsageError
            ``uncommitted-changes``.
        """
        changed = [state.path for state in self._datasets.states(names) if state.state == "changed"]
        if changed:
            raise UsageError(
                "uncommitted-changes",
                f"{', '.join(changed)} changed since the last version. Nothing was erased.",
                hint="commit, or checkout DATASET@HEAD; then repeat.",
            )


def going(contents: Mapping[str, str], needed: set[str], held: Inventory) -> list[str]:
    """The objects of `contents` that are `held`, but those still `needed`.

    Raises
    ------
    EnvironmentFault
        ``heir-missing``: something that is to take their place is not there, so nothing goes.
    """
    for heir in contents.values():
        if heir and heir not in contents and not held.is_whole(heir):
            raise EnvironmentFault(
                "heir-missing",
                "What is to take the place of the erased data is not in the cache. Nothing was removed.",
                context=f"object {heir}",
                hint="verify --scrub fetches it when a remote has it; then erase --resume.",
            )
    return [digest for digest in contents if digest not in needed and digest in held.sizes]


def new_erasure_id() -> str:
    """Says nothing of what is erased."""
    return f"erasure-{secrets.token_hex(6)}"


def text_in(path: Path, text: str) -> bool:
    """Whether the bytes of a file hold `text`, as UTF-8."""
    import mmap

    try:
        with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return data.find(text.encode()) >= 0
    except (ValueError, OSError):
        return False  # empty, or not there


def files_of(datasets: Datasets, versions: Sequence[tuple[str, str]], skipped: set[str]) -> Iterator[tuple[str, Path]]:
    """Path and object of each file of `versions` that is in the cache, each content once; `skipped` digests are not."""
    for dataset, digest in versions:
        try:
            entries = datasets.store.content(digest).entries
        except MlopsError:
            continue
        for entry in entries:
            if entry.md5 not in skipped and (found := datasets.store.find(entry.md5)):
                yield f"{dataset}/{entry.path}" if entry.path else dataset, found
            skipped.add(entry.md5)
