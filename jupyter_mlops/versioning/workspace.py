"""The files of a dataset in the workspace: looked at, saved into the store, put back from it."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

from jupyter_mlops.errors import UsageError
from jupyter_mlops.records import Progress, Step, silent
from jupyter_mlops.versioning.content import BY_MD5, FOLDER_SUFFIX, MD5, Content, Entry, folder
from jupyter_mlops.versioning.dvcignore import DvcIgnore
from jupyter_mlops.versioning.stat_index import Remembered, StatIndex, record, united
from jupyter_mlops.versioning.store import Store, md5_of
from jupyter_mlops.versioning.walking import (
    Folder,
    require_nameable,
    require_no_link,
    require_regular,
    sorted_out,
    walk,
)

THREADS = min(8, (os.cpu_count() or 1) + 2)
BATCH = 256
ASK_ONE_BY_ONE = 500
Read = Callable[[str], tuple[str, os.stat_result]]
"""Reads the file at a path: its md5, and the stat of what was read."""
Batch = tuple[Folder, list[str]]
"""A folder, and the names of some files in it."""


class Workspace:
    """Datasets as they lie in the folder of the project.

    Parameters
    ----------
    root
        The folder of the project.
    store
        The cache.
    index
        Digests remembered by stat.
    """

    def __init__(self, root: Path, store: Store, index: StatIndex) -> None:
        self._root = root
        self._store = store
        self._index = index

    def exists(self, name: str) -> bool:
        """Whether anything is at `name`."""
        try:
            return (self._root / name).exists()
        except OSError:
            return False  # no path can be as long as some texts are

    def scan(self, name: str, algorithm: str = MD5, progress: Progress = silent) -> Content:
        """What is at `name` now; unchanged files cost a stat, others are read.

        Raises
        ------
        UsageError
            ``no-such-file``, ``not-a-file``, ``changed-while-committing``.
        """
        found = self._found(name, algorithm)
        self._read(name, found, lambda path: md5_of(path, algorithm), algorithm, progress)
        return self._content(name, found)

    def save(self, name: str, progress: Progress = silent) -> Content:
        """Bring what is at `name` into the store, whole, before anything names it.

        Raises
        ------
        UsageError
            ``no-such-file``, ``not-a-file``, ``ignore-inside-data``, ``bad-file-name``, ``changed-while-committing``.
        EnvironmentFault
            ``disk-full``.
        """
        found = self._found(name, MD5)
        for one in found:
            require_nameable(name, one)
        files = sum(len(one.entries) + len(one.fresh) for one in found)
        present = self._store.present() if files > ASK_ONE_BY_ONE else None
        for one in found:
            self._reread_missing(one, present)
        self._store.require_space(sum(one.fresh_bytes for one in found))
        with self._store.incoming() as incoming:
            self._read(name, found, lambda path: self._store.put(path, incoming, present), MD5, progress)
            if present:
                present.clear()  # the listing needs the room
            content = self._content(name, found)
            if content.is_folder and not self._store.path(content.digest).exists():
                self._store.put_bytes(content.as_dir_object(), incoming / "listing", FOLDER_SUFFIX)
        return content

    def _reread_missing(self, found: Folder, present: set[str] | None) -> None:
        """Files whose digests are known, but whose objects are gone, are read again."""
        held = set(filter(self._store.has, map(BY_MD5, found.entries))) if present is None else present
        if held.issuperset(map(BY_MD5, found.entries)):
            return
        gone = {entry.path for entry in found.entries if entry.md5 not in held}
        start = len(found.prefix)
        found.fresh += [entry.path[start:] for entry in found.entries if entry.path in gone]
        found.fresh_bytes += sum(entry.size for entry in found.entries if entry.path in gone)
        found.entries = [entry for entry in found.entries if entry.path not in gone]

    def _found(self, name: str, algorithm: str) -> list[Folder]:
        """Every folder of `name`, or a file as if it were one without a name."""
        top = self._root / name
        require_no_link(self._root, name)
        if top.is_symlink():
            self._require_target(top, name)
        try:
            status = top.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise UsageError("no-such-file", f"There is no {name}.", hint="status lists what there is.") from error
        known = self._index.known(name, algorithm)
        if stat.S_ISDIR(status.st_mode):
            ignore = DvcIgnore(self._root, name.rpartition("/")[0])
            return list(walk(top, name, ignore, self._require_target, known))
        require_regular(name, status)
        return [sorted_out("", iter([("", status)]), known.get(name))]

    def _require_target(self, link: Path, path: str) -> None:
        """A link may stand for a file of the project or of the cache, not for any file of this machine."""
        target = link.resolve()
        if not any(target.is_relative_to(place.resolve()) for place in (self._root, self._store.folder)):
            raise UsageError(
                "link-leads-outside",
                f"{path} is a link that leads out of the project.",
                context=os.fspath(target),
                hint="Put a copy of the file in its place, or keep it out by a line in .dvcignore.",
            )

    def _read(self, name: str, found: Sequence[Folder], read: Read, algorithm: str, progress: Progress) -> None:
        """`read` every file that has to be, several at a time, and remember what was learnt."""
        total = sum(len(one.fresh) for one in found)
        batches = list(_batches(found))
        learnt = {id(one): [one.kept] for one in found if one.kept is not None}
        done = 0
        for (one, names), (entries, remembered) in zip(batches, self._outcomes(name, batches, read), strict=True):
            one.entries += entries
            learnt.setdefault(id(one), []).append(remembered)
            done += len(entries)
            names.clear()
            if total > 1:
                progress(Step(f"read {name}", done, total, "files"))
        rows = {f"{name}/{one.prefix}".rstrip("/"): united(learnt.pop(id(one))) for one in found if id(one) in learnt}
        self._index.remember(rows, algorithm)

    def _outcomes(self, name: str, batches: Sequence[Batch], read: Read) -> Iterator[tuple[list[Entry], Remembered]]:
        top = os.fspath(self._root / name)

        def outcome(batch: Batch) -> tuple[list[Entry], Remembered]:
            one, names = batch
            place = f"{top}/{one.prefix}" if names != [""] else top
            return _outcome(place, one.prefix, names, read)

        if len(batches) < 2:
            yield from map(outcome, batches)
            return
        with ThreadPoolExecutor(THREADS) as pool:
            yield from pool.map(outcome, batches)

    def _content(self, name: str, found: Sequence[Folder]) -> Content:
        entries = chain.from_iterable(one.entries for one in found)
        top = self._root / name
        if top.is_dir():
            return folder(entries)
        return Content(tuple(entries), is_folder=False, is_executable=bool(top.stat().st_mode & stat.S_IXUSR))


def _batches(found: Sequence[Folder]) -> Iterator[Batch]:
    for one in found:
        names = sorted(one.fresh)
        one.fresh = []
        yield from ((one, names[start : start + BATCH]) for start in range(0, len(names), BATCH))


def _outcome(place: str, prefix: str, names: Sequence[str], read: Read) -> tuple[list[Entry], Remembered]:
    """The files `names` in the folder `place` as entries, and what to remember of those that have settled."""
    entries, settled, records = [], [], []
    for name in names:
        start = time.time_ns()
        md5, status = read(place + name)
        entries.append(Entry(prefix + name, md5, status.st_size))
        if known := record(status, md5, start):
            settled.append(name)
            records.append(known)
    return entries, Remembered(os.fsencode("\0".join(settled)), b"".join(records))
