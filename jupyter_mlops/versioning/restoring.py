"""Versions put into the workspace: every object is checked before anything is touched."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import posixpath
import secrets
import shutil
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.records import Progress, Step, silent
from jupyter_mlops.versioning.content import Content, Entry, corrupt
from jupyter_mlops.versioning.dvc_settings import DvcSettings
from jupyter_mlops.versioning.stat_index import signature
from jupyter_mlops.versioning.store import CHUNK_BYTES, FICLONE, Store, md5_of, private_folder
from jupyter_mlops.versioning.workspace import Workspace

PARTS = f".mlops-{'[0-9a-f]' * 12}.part"


@attrs.frozen
class Restored:
    """Files written and removed, by path below the dataset."""

    written: tuple[str, ...]
    removed: tuple[str, ...]


class Restoring:
    """Puts contents of the store into the workspace.

    Parameters
    ----------
    root
        The folder of the project.
    settings
        How files are linked to the cache.
    """

    def __init__(self, root: Path, settings: DvcSettings, store: Store, workspace: Workspace) -> None:
        self._root = root
        self._settings = settings
        self._store = store
        self._workspace = workspace

    def plan(self, name: str, digest: str) -> tuple[Content, Restored]:
        """The content wanted, and what has to be written and removed to have it at `name`."""
        wanted = self._store.content(digest)
        now = self._workspace.scan(name) if self._workspace.exists(name) else None
        if now and now.is_folder != wanted.is_folder:
            return wanted, Restored(tuple(entry.path for entry in wanted.entries), tuple(e.path for e in now.entries))
        change = wanted.changes_since(now)
        return wanted, Restored(tuple(sorted(change.added + change.modified)), change.removed)

    def put(self, name: str, digest: str, progress: Progress = silent, *, is_executable: bool = False) -> Restored:
        """Make `name` equal to the version `digest`; a single file may be made executable."""
        wanted, plan = self.plan(name, digest)
        target = self._root / name
        written = set(plan.written)
        todo = [entry for entry in wanted.entries if entry.path in written]
        self._require_no_link(name, todo)
        self._require_objects(todo)
        with private_folder(self._root / ".dvc" / "tmp" / "mlops") as staging:
            ready = self._staged(todo, staging, progress)
            self._clear(target, plan.removed, wanted)
            for entry, path in zip(todo, ready, strict=True):
                _move(path, target / entry.path if entry.path else target)
        if is_executable and not target.is_symlink():
            target.chmod(target.stat().st_mode | stat.S_IXUSR)
        return plan

    def sweep(self, name: str) -> None:
        """Remove the parts of files that a killed checkout left in a dataset on a disk of its own."""
        target = self._root / name
        if target.is_dir() and target.stat().st_dev != self._root.stat().st_dev:
            for part in target.rglob(PARTS):
                part.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Take `name` out of the workspace."""
        target = self._root / name
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)

    def relink(self, name: str, content: Content) -> None:
        """Replace saved files by links to the cache, when `cache.type` asks for links that share bytes.

        A file that is no longer what was saved stays as it is.
        """
        if self._settings.links[0] not in {"hardlink", "symlink"}:
            return
        with private_folder(self._root / ".dvc" / "tmp" / "mlops") as staging:
            for entry in content.entries:
                path = self._root / name / entry.path if entry.path else self._root / name
                if path.is_symlink() or path.stat().st_nlink > 1:
                    continue
                md5, before = md5_of(path)
                linked = staging / secrets.token_hex(8)
                self._materialise(self._store.require(entry.md5), linked, entry.md5)
                if md5 == entry.md5 and signature(path.stat()) == signature(before):
                    linked.replace(path)

    def _require_no_link(self, name: str, entries: Iterable[Entry]) -> None:
        """Refuse to write through a link to a folder: it leads to another place.

        Raises
        ------
        UsageError
            ``inside-link``.
        """
        folders = {posixpath.dirname(posixpath.join(name, entry.path) if entry.path else name) for entry in entries}
        for folder in folders:
            above = self._root
            for part in folder.split("/"):
                above /= part
                if above.is_symlink() and above.is_dir():
                    message = f"{name} is reached through a link to a folder."
                    raise UsageError("inside-link", message, context=str(above), hint="Remove it, then repeat.")

    def _require_objects(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._store.require(entry.md5)

    def _staged(self, entries: list[Entry], staging: Path, progress: Progress) -> list[Path]:
        """Each entry as a finished file, ready to be moved into place."""
        ready = []
        for number, entry in enumerate(entries, 1):
            path = staging / secrets.token_hex(8)
            self._materialise(self._store.require(entry.md5), path, entry.md5)
            ready.append(path)
            if number % 64 == 0 or number == len(entries):
                progress(Step("check out", number, len(entries), "files"))
        return ready

    def _materialise(self, source: Path, target: Path, md5: str) -> None:
        """`source` at `target`, in the first way that `cache.type` names and the disk can do."""
        for kind in self._settings.links:
            try:
                LINKS[kind](source, target)
            except OSError as error:
                if error.errno == errno.ENOSPC or kind == "copy":
                    raise
                target.unlink(missing_ok=True)
                continue
            if md5_of_file(target) != md5 and source.parent.parent.parent.name == "files":
                self._store.quarantine(source)
                raise corrupt(md5)
            return
        _copy(source, target)

    def _clear(self, target: Path, removed: Iterable[str], wanted: Content) -> None:
        """Remove what does not belong, then folders left empty."""
        if target.is_symlink() or (target.is_file() and wanted.is_folder):
            target.unlink()
        for path in removed:
            gone = target / path if path else target
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                gone.unlink()
            _prune(gone.parent, target)
        if wanted.is_folder:
            target.mkdir(parents=True, exist_ok=True)
        elif target.is_dir():
            target.rmdir()


def _prune(folder: Path, top: Path) -> None:
    while folder != top and folder.is_relative_to(top):
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def _move(source: Path, target: Path) -> None:
    """Rename `source` into place; across disks, by way of a file beside the target."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir() and not target.is_symlink():
        _remove_empty(target)
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = target.with_name(f".mlops-{secrets.token_hex(6)}.part")
        try:
            _copy(source, beside)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)


def _remove_empty(folder: Path) -> None:
    """Remove a tree of folders that holds no file."""
    for place, _, _ in os.walk(folder, topdown=False):
        Path(place).rmdir()


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reading, target.open("xb") as writing:
        while chunk := reading.read(CHUNK_BYTES):
            writing.write(chunk)


def _reflink(source: Path, target: Path) -> None:
    with source.open("rb") as reading, target.open("xb") as writing:
        fcntl.ioctl(writing.fileno(), FICLONE, reading.fileno())


def _hardlink(source: Path, target: Path) -> None:
    os.link(source, target)


def _symlink(source: Path, target: Path) -> None:
    target.symlink_to(source)


LINKS: dict[str, Callable[[Path, Path], None]] = {
    "copy": _copy,
    "reflink": _reflink,
    "hardlink": _hardlink,
    "symlink": _symlink,
}


def md5_of_file(path: Path) -> str:
    """The md5 of a file, in hexadecimal, as DVC names contents."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
