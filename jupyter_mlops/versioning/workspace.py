"""The files of a dataset in the workspace: looked at, saved into the store, put back from it."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.records import Progress, Step, silent
from jupyter_mlops.versioning.content import FOLDER_SUFFIX, MD5, Content, Entry, folder
from jupyter_mlops.versioning.dvcignore import ALWAYS, NAME, DvcIgnore
from jupyter_mlops.versioning.stat_index import Reading, StatIndex, signature
from jupyter_mlops.versioning.store import Store, md5_of

THREADS = min(8, (os.cpu_count() or 1) + 2)
BATCH = 64
ASK_ONE_BY_ONE = 500


@attrs.frozen
class Found:
    """A file in the workspace: its path below the dataset, and its stat."""

    path: str
    stat: os.stat_result


Digests = dict[str, tuple[str, os.stat_result]]
"""Md5 and the stat it belongs to, by path below the dataset."""


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
        found = self._found(name)
        known = self._known(name, found, algorithm)

        def read(path: str) -> tuple[str, os.stat_result]:
            return md5_of(self._at(name, path), algorithm)

        readings = self._read(name, [file.path for file in found if file.path not in known], read, progress)
        self._index.remember(readings, algorithm)
        return self._content(name, found, known | _by_path(name, readings))

    def save(self, name: str, progress: Progress = silent) -> Content:
        """Bring what is at `name` into the store, whole, before anything names it.

        Raises
        ------
        UsageError
            ``no-such-file``, ``not-a-file``, ``ignore-inside-data``, ``bad-file-name``, ``changed-while-committing``.
        EnvironmentFault
            ``disk-full``.
        """
        found = self._found(name)
        _require_nameable(name, found)
        known = self._known(name, found, MD5)
        present = self._store.present() if len(known) > ASK_ONE_BY_ONE else None
        kept = {path: pair for path, pair in known.items() if self._has(pair[0], present)}
        fresh = [file for file in found if file.path not in kept]
        self._store.require_space(sum(file.stat.st_size for file in fresh))
        with self._store.incoming() as incoming:
            read = self._putting(name, incoming)
            readings = self._read(name, [file.path for file in fresh], read, progress)
            content = self._content(name, found, kept | _by_path(name, readings))
            if content.is_folder:
                self._store.put_bytes(content.as_dir_object(), incoming / "listing", FOLDER_SUFFIX)
        self._index.remember(readings, MD5)
        return content

    def _putting(self, name: str, incoming: Path) -> Callable[[str], tuple[str, os.stat_result]]:
        def put(path: str) -> tuple[str, os.stat_result]:
            return self._store.put(self._at(name, path), incoming)

        return put

    def _has(self, md5: str, present: set[str] | None) -> bool:
        return self._store.path(md5).exists() if present is None else md5 in present

    def _at(self, name: str, path: str) -> Path:
        return self._root / name / path if path else self._root / name

    def _found(self, name: str) -> list[Found]:
        """Every file at `name`, sorted by path, links to files within the project followed, links to folders not."""
        top = self._root / name
        _require_no_link(self._root, name)
        if top.is_symlink():
            self._require_target(top, name)
        try:
            status = top.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise _no_such_file(name) from error
        if not stat.S_ISDIR(status.st_mode):
            _require_regular(name, status)
            return [Found("", status)]
        ignore = DvcIgnore(self._root, name.rpartition("/")[0])
        return sorted(_walk(top, name, ignore, self._require_target), key=lambda file: file.path)

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

    def _known(self, name: str, found: Iterable[Found], algorithm: str) -> Digests:
        remembered = self._index.known(name, algorithm)
        known: Digests = {}
        for file in found:
            mark, md5 = remembered.get(f"{name}/{file.path}" if file.path else name, (None, ""))
            if mark == signature(file.stat):
                known[file.path] = (md5, file.stat)
        return known

    def _read(
        self,
        name: str,
        paths: Sequence[str],
        read: Callable[[str], tuple[str, os.stat_result]],
        progress: Progress,
    ) -> list[Reading]:
        """`read` every path, several at a time."""

        def one(path: str) -> Reading:
            start = time.time_ns()
            md5, status = read(path)
            return Reading(f"{name}/{path}" if path else name, status, md5, start)

        if len(paths) < 2:
            return [one(path) for path in paths]
        readings: list[Reading] = []
        batches = [paths[start : start + BATCH] for start in range(0, len(paths), BATCH)]
        with ThreadPoolExecutor(THREADS) as pool:
            for batch in pool.map(lambda some: [one(path) for path in some], batches):
                readings += batch
                progress(Step(f"read {name}", len(readings), len(paths), "files"))
        return readings

    def _content(self, name: str, found: Sequence[Found], digests: Digests) -> Content:
        entries = (Entry(file.path, digests[file.path][0], digests[file.path][1].st_size) for file in found)
        if (self._root / name).is_dir():
            return folder(entries)
        mode = found[0].stat.st_mode
        return Content(tuple(entries), is_folder=False, is_executable=bool(mode & stat.S_IXUSR))


def _by_path(name: str, readings: Iterable[Reading]) -> Digests:
    return {reading.path[len(name) + 1 :]: (reading.md5, reading.stat) for reading in readings}


def _walk(top: Path, name: str, ignore: DvcIgnore, linked: Callable[[Path, str], None]) -> Iterator[Found]:
    """The files below `top`, the folder `name`, that ``.dvcignore`` lets through; `linked` checks links."""
    pending = [(os.fspath(top), "")]
    has_rules = bool(ignore)
    while pending:
        place, prefix = pending.pop()
        with os.scandir(place) as items:
            for item in items:
                path = prefix + item.name
                is_folder = item.is_dir()
                if item.name in ALWAYS and (is_folder or item.name == ".git"):
                    continue
                if has_rules and ignore.excludes(f"{name}/{path}", is_folder=is_folder):
                    continue
                if not is_folder:
                    if item.is_symlink():
                        linked(Path(item.path), f"{name}/{path}")
                    yield Found(path, _stat(item, path))
                elif not item.is_symlink():
                    pending.append((item.path, path + "/"))


def _stat(item: os.DirEntry[str], path: str) -> os.stat_result:
    try:
        status = item.stat()
    except FileNotFoundError as error:
        raise UsageError(
            "broken-link",
            f"{path} is a link to nothing.",
            context=item.path,
            hint="Repair or remove the link, then repeat.",
        ) from error
    _require_regular(path, status)
    return status


def _require_regular(path: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(
            "not-a-file",
            f"{path} is a device, a pipe or a socket.",
            hint="Only files and folders can be versioned; keep it out with a line in .dvcignore.",
        )


def _require_no_link(root: Path, name: str) -> None:
    """A folder reached through a link belongs to another place."""
    above = root
    for part in name.split("/")[:-1]:
        above /= part
        if above.is_symlink():
            raise _inside_link(name)
    top = root / name
    if top.is_symlink() and top.is_dir():
        raise _inside_link(name)


def _inside_link(name: str) -> UsageError:
    return UsageError(
        "inside-link",
        f"{name} is reached through a link to a folder.",
        hint=f"Name the folder itself, or bring a copy in: import {name}.",
    )


def _no_such_file(name: str) -> UsageError:
    return UsageError("no-such-file", f"There is no {name}.", hint="status lists what there is.")


def _require_nameable(name: str, found: Sequence[Found]) -> None:
    """Names that DVC could not read back are refused before anything is stored."""
    for file in found:
        path = file.path or name
        if path.rpartition("/")[2] == NAME:
            raise UsageError(
                "ignore-inside-data",
                f"{NAME} must not lie inside a dataset.",
                context=f"{name}/{path}",
                hint=f"Move it above {name}.",
            )
        try:
            path.encode()
        except UnicodeEncodeError as error:
            shown = os.fsencode(path).decode(errors="replace")
            raise UsageError(
                "bad-file-name", f"{shown} is not a UTF-8 name.", hint="Rename it, then repeat."
            ) from error
