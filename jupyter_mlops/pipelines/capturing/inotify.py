"""What any process opens below a folder, as Linux tells: an adapter to inotify.

It sees what no hook inside a process can: native libraries and child processes. It cannot tell who opened.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import attrs

MODIFY, CLOSE_WRITE, CLOSE_NOWRITE, OPEN = 0x2, 0x8, 0x10, 0x20
MOVED_FROM, MOVED_TO, CREATE = 0x40, 0x80, 0x100
OVERFLOW, IGNORED, IS_FOLDER = 0x4000, 0x8000, 0x40000000
MASK = MODIFY | CLOSE_WRITE | CLOSE_NOWRITE | OPEN | MOVED_FROM | MOVED_TO | CREATE
HEAD = struct.Struct("iIII")
BUFFER_BYTES = 1 << 18
MOST_FOLDERS = 20_000


@attrs.define
class Traces:
    """What happened to one file.

    Attributes
    ----------
    is_read
        It was read before anything wrote it.
    is_written
        It was made, changed, or moved here.
    opened
        How many have it open now.
    """

    is_read: bool = False
    is_written: bool = False
    opened: int = 0

    def hear(self, mask: int) -> None:
        """One event."""
        if mask & (MODIFY | MOVED_TO | CREATE):
            self.is_written = True
        if mask & OPEN:
            self.opened += 1
        if mask & (CLOSE_NOWRITE | CLOSE_WRITE):
            # Opened for writing and left as it was: so databases read.
            self.opened -= 1
            self.is_read |= not self.is_written

    @property
    def was_read(self) -> bool:
        """Whether it was read before it was written; what is still open may be mapped into memory."""
        return self.is_read or (self.opened > 0 and not self.is_written)


class Listener:
    """Hears what is opened below `root`, while the block lasts.

    Parameters
    ----------
    root
        A folder.
    skips
        Whether a folder, by its path below the root, is left out with all in it.
    """

    def __init__(self, root: Path, skips: Callable[[str], bool]) -> None:
        self._root = root
        self._skips = skips
        self._folders: dict[int, str] = {}
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._lock = threading.Lock()
        self.files: dict[str, Traces] = {}
        self.is_whole = sys.platform == "linux"

    def __enter__(self) -> Self:
        if not self.is_whole:
            return self
        self._descriptor = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            self.is_whole = False
            return self
        self._wake, self._waker = os.pipe()
        self._watch_below("")
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._folders:
            return
        os.close(self._waker)
        self._thread.join()
        self._drain()
        for descriptor in (self._wake, self._descriptor):
            os.close(descriptor)

    def _watch_below(self, folder: str) -> None:
        """Watch `folder` and all below it; what is new in it by then was made meanwhile."""
        for path in self._below(folder):
            number = self._libc.inotify_add_watch(self._descriptor, os.fsencode(self._root / path), MASK)
            if number < 0 or len(self._folders) >= MOST_FOLDERS:
                self.is_whole = self.is_whole and number < 0 and not (self._root / path).exists()
                if number < 0:
                    continue
                return
            self._folders[number] = path

    def _below(self, folder: str) -> Iterator[str]:
        yield folder
        with contextlib.suppress(OSError), os.scandir(self._root / folder) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False) and not self._skips(path):
                    yield from self._below(path)

    def _listen(self) -> None:
        while True:
            ready, _, _ = select.select([self._descriptor, self._wake], [], [])
            if self._descriptor in ready:
                self._drain()
            if self._wake in ready:
                return

    def _drain(self) -> None:
        with self._lock, contextlib.suppress(BlockingIOError):
            while data := os.read(self._descriptor, BUFFER_BYTES):
                self._hear_all(data)

    def _hear_all(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            watch, mask, _, length = HEAD.unpack_from(data, at)
            at += HEAD.size + length
            name = os.fsdecode(data[at - length : at].rstrip(b"\0"))
            if mask & OVERFLOW:
                self.is_whole = False
            elif watch in self._folders:
                self._hear(self._folders[watch], name, mask)

    def _hear(self, folder: str, name: str, mask: int) -> None:
        path = f"{folder}/{name}" if folder and name else name or folder
        if not mask & IS_FOLDER:
            if name:
                self.files.setdefault(path, Traces()).hear(mask)
        elif mask & (CREATE | MOVED_TO) and not self._skips(path):
            self._watch_below(path)
            self._find_new(path)

    def _find_new(self, folder: str) -> None:
        """Files that were written into a new folder before it was watched."""
        for parent, _, names in os.walk(self._root / folder):
            for name in names:
                path = (Path(parent) / name).relative_to(self._root).as_posix()
                self.files.setdefault(path, Traces()).is_written = True
