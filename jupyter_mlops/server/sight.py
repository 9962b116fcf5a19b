"""What can be seen of a project from outside: times of files, and what each of them may mean."""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, get_args

import attrs

from jupyter_mlops.project import Project
from jupyter_mlops.records import Places

Topic = Literal["data", "stages", "runs", "models", "deployments", "jobs", "settings"]
"""What a panel may have to ask for again."""
Topics = frozenset[Topic]
Marks = Mapping[str, tuple[tuple[int, ...], Topics]]
"""Path to its times and sizes, and what a change of them means."""

EVERYTHING: Topics = frozenset(get_args(Topic)) - {"jobs"}
DATA: Topics = frozenset({"data", "stages"})
STAGES: Topics = frozenset({"stages"})
PIPELINE: Topics = frozenset({"stages", "runs"})
SERVED: Topics = frozenset({"models", "deployments"})
JOBS: Topics = frozenset({"jobs"})

FILES_LIMIT = 5000
FOLDERS_LIMIT = 1000
FRESH_S = 0.1
PASSED_OVER = frozenset({"node_modules", "__pycache__", "site-packages"})
NAMED: Mapping[str, Topics] = {"mlops.toml": EVERYTHING, "dvc.lock": DATA}
RECORDS: Mapping[str, Topics] = {"runs": PIPELINE, "run": PIPELINE, "profiles": DATA, "deployment": SERVED}
"""What a kind of record, or the first word of a live file, is about."""


@attrs.frozen
class Listing:
    """The folders and files in a folder, as of its modification time."""

    mtime_ns: int
    folders: tuple[str, ...]
    files: tuple[str, ...]


class Folders:
    """Listings of folders, read again only when the folder itself changed."""

    def __init__(self) -> None:
        self._known: dict[str, Listing] = {}

    def listing(self, folder: str) -> Listing | None:
        """What is in `folder`; None when it is not there."""
        try:
            mtime_ns = _stat(folder).st_mtime_ns
            known = self._known.get(folder)
            if known and known.mtime_ns == mtime_ns:
                return known
            found = _list(folder, mtime_ns)
        except OSError:
            self._known.pop(folder, None)
            return None
        # A change within the clock's grain leaves the time as it is, so a young listing is not kept.
        if time.time() - mtime_ns / 1e9 > FRESH_S:
            self._known[folder] = found
        return found

    def below(self, top: str) -> Iterator[tuple[str, Listing]]:
        """`top` and every folder in it, nearest first."""
        waiting = deque([top])
        while waiting:
            folder = waiting.popleft()
            if listing := self.listing(folder):
                yield folder, listing
                waiting.extend(f"{folder}/{name}" for name in listing.folders)


def _list(folder: str, mtime_ns: int) -> Listing:
    folders: list[str] = []
    files: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            (folders if entry.is_dir(follow_symlinks=False) else files).append(entry.name)
    return Listing(mtime_ns, tuple(folders), tuple(files))


class Sight:
    """Looks at one folder and the project around it, if there is one by now.

    Parameters
    ----------
    folder
        Where the panel stands.
    private_jobs
        Where jobs are kept that started before there was a project.
    """

    def __init__(self, folder: Path, private_jobs: Path) -> None:
        self._folder = folder
        self._private_jobs = private_jobs
        self._places: Places | None = None
        self._own_git_dir = Path()
        self._folders = Folders()

    def look(self) -> Marks:
        """The marks of the moment; a few thousand calls of ``stat`` at most."""
        marks = dict(self._jobs(self._private_jobs))
        places = self._places or self._find()
        if places:
            for part in (self._git(places), self._state(places), self._tree(places.root)):
                marks.update(part)
        return marks

    def _find(self) -> Places | None:
        """The project, once somebody made one."""
        if not any((above / ".git").exists() for above in (self._folder, *self._folder.parents)):
            return None
        project = Project.find(self._folder)
        self._own_git_dir = Path(project.git.run("rev-parse", "--absolute-git-dir").strip())
        self._places = project.places
        return self._places

    def _git(self, places: Places) -> Iterator[tuple[str, tuple[tuple[int, ...], Topics]]]:
        """Git replaces a ref by renaming, which changes the time of its folder: no ref is looked at by itself."""
        common = places.git_dir
        yield _mark(self._own_git_dir / "HEAD", EVERYTHING)
        yield _mark(self._own_git_dir / "index", DATA)
        yield _mark(common / "packed-refs", EVERYTHING)
        yield _mark(common / "reftable" / "tables.list", EVERYTHING)
        for folder, _ in self._folders.below(str(common / "refs")):
            yield _mark(folder, _of_refs(Path(folder).relative_to(common / "refs").parts))

    def _state(self, places: Places) -> Iterator[tuple[str, tuple[tuple[int, ...], Topics]]]:
        yield from self._jobs(places.state / "jobs")
        yield _mark(places.root / ".dvc" / "config", EVERYTHING)
        yield _mark(places.state / "deployments", SERVED)
        if served := self._folders.listing(str(places.state / "deployments")):
            yield from (_mark(places.state / "deployments" / name, SERVED) for name in served.folders)
        for folder, listing in self._folders.below(str(places.live)):
            for file in listing.files:
                yield _mark(f"{folder}/{file}", RECORDS.get(file.replace(".", "-").partition("-")[0], EVERYTHING))

    def _jobs(self, parent: Path) -> Iterator[tuple[str, tuple[tuple[int, ...], Topics]]]:
        """A job replaces its files by renaming, so its folder's time tells."""
        if listing := self._folders.listing(str(parent)):
            yield from (_mark(parent / name, JOBS) for name in listing.folders)

    def _tree(self, root: Path) -> Iterator[tuple[str, tuple[tuple[int, ...], Topics]]]:
        """Pointers, pipeline files and whatever else stages may read, near files first; of datasets only the top."""
        waiting, folders, files = deque([str(root)]), 0, 0
        while waiting and folders < FOLDERS_LIMIT and files < FILES_LIMIT:
            folder = waiting.popleft()
            listing = self._folders.listing(folder)
            if listing is None or "pyvenv.cfg" in listing.files:
                continue
            datasets = {name.removesuffix(".dvc") for name in listing.files if name.endswith(".dvc")}
            shown = [name for name in listing.files if not name.startswith(".")]
            yield from (_mark(f"{folder}/{name}", _of_file(name, datasets)) for name in shown)
            yield from (_mark(f"{folder}/{name}", DATA) for name in datasets.intersection(listing.folders))
            waiting.extend(f"{folder}/{name}" for name in listing.folders if _is_walked(name, datasets))
            folders, files = folders + 1, files + len(shown)


def changed(before: Marks, after: Marks) -> Topics:
    """What the differences between two looks may mean."""
    touched = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
    return frozenset().union(*((after.get(path) or before[path])[1] for path in touched))


def _mark(path: str | Path, topics: Topics) -> tuple[str, tuple[tuple[int, ...], Topics]]:
    return str(path), (_times(path), topics)


def _times(path: str | Path) -> tuple[int, ...]:
    try:
        found = _stat(path)
    except OSError:
        return ()
    size = 0 if stat.S_ISDIR(found.st_mode) else found.st_size
    return (found.st_mtime_ns, size, found.st_ino)


def _stat(path: str | Path) -> os.stat_result:
    return os.stat(path)  # noqa: PTH116 (making a Path costs more than the call, thousands of times a second)


def _is_walked(name: str, datasets: set[str]) -> bool:
    return not (name.startswith(".") or name in PASSED_OVER or name in datasets)


def _of_file(name: str, datasets: set[str]) -> Topics:
    return DATA if name.endswith(".dvc") or name in datasets else NAMED.get(name, STAGES)


def _of_refs(parts: tuple[str, ...]) -> Topics:
    """``refs/tags`` names versions and models; ``refs/mlops/KIND`` holds records."""
    if parts[:1] == ("tags",):
        return DATA | SERVED
    if parts[:1] == ("mlops",) and len(parts) > 1:
        return RECORDS.get(parts[1], EVERYTHING)
    return EVERYTHING
