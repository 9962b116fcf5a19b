"""Who works in a cache: the lock that keeps the collector out, and private folders for what is on its way.

A kill releases every lock, and whatever the dead left in a private folder is swept.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from jupyter_mlops.errors import EnvironmentFault, UsageError

GONE = ".gone"
PRIVATE = re.compile(rf"[0-9a-f]{{16}}(?:{re.escape(GONE)})?")
WAIT_S = 120.0
POLL_S = 0.02


@contextlib.contextmanager
def shared(cache: Path) -> Iterator[None]:
    """Nothing is collected meanwhile: held from the first object saved until a pointer names it.

    Any number of users at a time; in a cache that cannot be written nothing is collected anyway.
    """
    with _held(cache, fcntl.LOCK_SH):
        yield


@contextlib.contextmanager
def alone(cache: Path) -> Iterator[None]:
    """Nobody saves or restores meanwhile; waits for those at work.

    Raises
    ------
    EnvironmentFault
        ``cache-busy`` when they take longer than two minutes.
    """
    with _held(cache, fcntl.LOCK_EX):
        yield


@contextlib.contextmanager
def _held(cache: Path, kind: int) -> Iterator[None]:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        handle = _lock_file(cache / ".in-use")
    except OSError:
        if os.access(cache, os.W_OK):
            raise
        yield
        return
    try:
        _wait_for(handle, kind)
        yield
    finally:
        os.close(handle)


def _lock_file(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except PermissionError:  # somebody else's, in a shared cache: to lock it, reading is enough
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)


def _wait_for(handle: int, kind: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                message = "Others are saving into the cache, or cleaning it, all the time."
                raise EnvironmentFault("cache-busy", message, hint="Wait for them to finish, then repeat.") from None
            time.sleep(POLL_S)
        else:
            return


@contextlib.contextmanager
def private_folder(parent: Path) -> Iterator[Path]:
    """A new folder below `parent` that lives as long as its user; those of the dead are swept."""
    for abandoned in own_folder(parent).iterdir():
        if PRIVATE.fullmatch(abandoned.name):
            _sweep(abandoned)
    mine, handle = _claimed(parent)
    try:
        yield mine
    finally:
        _remove(mine)
        os.close(handle)


def _claimed(parent: Path) -> tuple[Path, int]:
    """A new folder and its lock; another that sweeps may come before the lock, and then it is made again."""
    while True:
        mine = parent / os.urandom(8).hex()
        mine.mkdir(mode=0o700)
        with contextlib.suppress(FileNotFoundError):
            handle = _owner(mine)
            fcntl.flock(handle, fcntl.LOCK_EX)
            if mine.exists():
                return mine, handle
            os.close(handle)


def _owner(folder: Path) -> int:
    """The file that the owner of `folder` locks: NFS tells other machines of locks on files only."""
    return os.open(folder / ".owner", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def own_folder(path: Path) -> Path:
    """The folder `path`, made when missing.

    Raises
    ------
    UsageError
        ``inside-link``: a clone may bring a link that leads to folders of somebody.
    """
    if path.is_symlink():
        raise UsageError("inside-link", f"{path.name} is a link.", context=str(path), hint="Remove it, then repeat.")
    path.mkdir(parents=True, exist_ok=True)
    return path


def _sweep(folder: Path) -> None:
    """Remove `folder` when nobody holds its lock; a kill releases every lock."""
    try:
        handle = _owner(folder)
    except OSError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(folder)
    except OSError:
        return  # its owner lives
    finally:
        os.close(handle)


def _remove(folder: Path) -> None:
    """Delete `folder`, out of the way first: else somebody could make its lock file anew while it is deleted."""
    import shutil

    gone = folder if folder.suffix == GONE else folder.with_suffix(GONE)
    try:
        folder.rename(gone)
    except FileNotFoundError:
        return  # another swept it
    except OSError:
        gone = folder
    shutil.rmtree(gone, ignore_errors=True)
