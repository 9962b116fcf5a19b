"""Digests by what ``stat`` says, so that unchanged work costs a stat and no read."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

from jupyter_mlops.versioning.scratch import opened

SCHEMA = """
CREATE TABLE IF NOT EXISTS digest (
  path BLOB NOT NULL, algorithm TEXT NOT NULL,
  mtime_ns INTEGER, ctime_ns INTEGER, size INTEGER, inode INTEGER, md5 TEXT,
  PRIMARY KEY (path, algorithm)
) WITHOUT ROWID;
"""
FINE_CLOCK_NS = 20_000_000
COARSE_CLOCK_NS = 2_000_000_000
Signature = tuple[int, int, int, int]


def signature(stat: os.stat_result) -> Signature:
    """What changes when a file changes: mtime, ctime (both ns), size, inode."""
    return (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino)


def is_settled(stat: os.stat_result, read_at_ns: int) -> bool:
    """Whether a later write must show in the time stamps: the racy rule of git.

    A stamp in whole milliseconds comes from a coarse clock, which may tick every two seconds.
    """
    changed_ns = max(stat.st_mtime_ns, stat.st_ctime_ns)
    tick_ns = COARSE_CLOCK_NS if changed_ns % 1_000_000 == 0 else FINE_CLOCK_NS
    return changed_ns + tick_ns < read_at_ns


@attrs.frozen
class Reading:
    """A digest and the stat it belongs to, taken at `read_at_ns`."""

    path: str
    stat: os.stat_result
    md5: str
    read_at_ns: int = attrs.field(factory=time.time_ns)


class StatIndex:
    """Remembered digests of the files of one project.

    Parameters
    ----------
    folder
        Where rebuildable caches live.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "digests.sqlite"

    def known(self, path: str, algorithm: str) -> Mapping[str, tuple[Signature, str]]:
        """Signature and md5 of `path` and of all remembered below it, by path."""
        low = os.fsencode(path)
        query = """SELECT path, mtime_ns, ctime_ns, size, inode, md5 FROM digest
                   WHERE algorithm = ? AND (path = ? OR path >= ? AND path < ?)"""
        with opened(self._file, SCHEMA) as database:
            rows = database.execute(query, (algorithm, low, low + b"/", low + b"0")).fetchall()
        return {os.fsdecode(name): ((mtime, ctime, size, inode), md5) for name, mtime, ctime, size, inode, md5 in rows}

    def remember(self, readings: Iterable[Reading], algorithm: str) -> None:
        """Keep those readings whose files have settled."""
        rows = [
            (os.fsencode(reading.path), algorithm, *signature(reading.stat), reading.md5)
            for reading in readings
            if is_settled(reading.stat, reading.read_at_ns)
        ]
        if not rows:
            return
        try:
            with opened(self._file, SCHEMA) as database:
                database.executemany("INSERT OR REPLACE INTO digest VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        except sqlite3.OperationalError:
            return  # another writer held it too long: the next look reads these files again
