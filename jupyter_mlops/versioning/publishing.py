"""Pointers published: under DVC's own lock, by rename, one writer at a time."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import posixpath
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.records import Places, write_atomically
from jupyter_mlops.versioning.dvc_settings import DvcSettings
from jupyter_mlops.versioning.git import Git

LOCK_WAIT_S = 120.0
POLL_S = 0.02
GLOB_SIGNS = str.maketrans({sign: f"\\{sign}" for sign in "\\[]!*#?"})


@attrs.frozen
class Publication:
    """What is to be published together.

    Attributes
    ----------
    files
        New bytes by path below the root.
    ignored
        Data that git must not see, by path.
    """

    files: Mapping[str, bytes]
    ignored: Sequence[str] = ()


@contextlib.contextmanager
def dvc_lock(root: Path, settings: DvcSettings) -> Iterator[None]:
    """Hold the lock that every ``dvc`` command takes, waiting for it.

    Raises
    ------
    EnvironmentFault
        ``dvc-busy`` when another holds it for two minutes.
    """
    with lock_at(root / ".dvc" / "tmp" / "lock", settings):
        yield


@contextlib.contextmanager
def lock_at(path: Path, settings: DvcSettings) -> Iterator[None]:
    """Hold the lock file `path` the way DVC is told to.

    Raises
    ------
    EnvironmentFault
        ``dvc-busy``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _hard_link_lock(path) if settings.hardlink_lock else file_lock(path):
        yield


@contextlib.contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Lock `path` as zc.lockfile does: ``flock``, and the process id as text.

    Raises
    ------
    EnvironmentFault
        ``dvc-busy``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)  # a link could have anything emptied
    try:
        _wait_for(handle, path)
        os.ftruncate(handle, 0)
        os.write(handle, f" {os.getpid()}\n".encode())
        yield
    finally:
        os.close(handle)


def _wait_for(handle: int, path: Path) -> None:
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise _busy(path) from None
            time.sleep(POLL_S)
        else:
            return


@contextlib.contextmanager
def _hard_link_lock(path: Path) -> Iterator[None]:
    """The lock of ``core.hardlink_lock``, for disks where ``flock`` does not work."""
    from datetime import timedelta

    from flufl.lock import Lock, TimeOutError

    lock = Lock(str(path), lifetime=timedelta(hours=1), default_timeout=timedelta(seconds=LOCK_WAIT_S))
    try:
        lock.lock()
    except TimeOutError as error:
        raise _busy(path) from error
    try:
        yield
    finally:
        lock.unlock(unconditionally=True)


def _busy(path: Path) -> EnvironmentFault:
    return EnvironmentFault(
        "dvc-busy",
        "Another dvc or mlops command is at work here.",
        context=f"lock: {path}",
        hint="Wait for it to finish, then repeat.",
    )


def _sweep_partial(path: Path) -> None:
    """Remove what a writer of `path` left that was killed: whoever holds the lock is the only one."""
    for partial in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        partial.unlink(missing_ok=True)


class Publisher:
    """Writes pointers.

    Parameters
    ----------
    places, git, settings
        Where the project is, its repository, and how DVC locks.
    published
        Told of each publication.
    """

    def __init__(self, places: Places, git: Git, settings: DvcSettings, published: Callable[[], None]) -> None:
        self._places = places
        self._git = git
        self._settings = settings
        self._published = published

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """One writer of ours at a time, git's hooks included; plain ``dvc`` may run meanwhile."""
        with file_lock(self._places.state / "commit.lock"):
            yield

    def publish(self, publication: Publication) -> tuple[str, ...]:
        """Write the files, the pointers by rename and last, and return the paths that git should commit."""
        with dvc_lock(self._places.root, self._settings):
            ignores = [self._ignore(path) for path in publication.ignored]
            for name, data in publication.files.items():
                path = self._places.root / name
                _sweep_partial(path)
                if not path.exists() or path.read_bytes() != data:
                    write_atomically(path, data)
        self._published()
        return (*publication.files, *dict.fromkeys(path for path in ignores if path))

    def _ignore(self, name: str) -> str | None:
        """Add the line that DVC would add to the ``.gitignore`` beside the data; returns that file."""
        path = posixpath.join(posixpath.dirname(name), ".gitignore")
        file = self._places.root / path
        line = "/" + posixpath.basename(name).translate(GLOB_SIGNS)
        is_here = file.exists() and not file.is_symlink()  # git reads no link either
        lines = file.read_text(encoding="utf-8").splitlines() if is_here else []
        if line not in lines:
            if self._git.succeeds("check-ignore", "-q", "--no-index", "--", name):
                return None
            write_atomically(file, "\n".join([*lines, line, ""]).encode())
        return path
