"""Digests by what ``stat`` says, so that unchanged work costs a stat and no read.

One row a folder holds what is known of all its files, side by side: a hundred thousand files are a hundred rows.
"""

from __future__ import annotations

import os
import sqlite3
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from jupyter_mlops.versioning.scratch import opened

SCHEMA = """
CREATE TABLE IF NOT EXISTS folder (
  path BLOB NOT NULL, algorithm TEXT NOT NULL, names BLOB, records BLOB,
  PRIMARY KEY (path, algorithm)
);
"""
FINE_CLOCK_NS = 20_000_000
COARSE_CLOCK_NS = 2_000_000_000
SIGNATURE = struct.Struct("<qqqQ")
RECORD_BYTES = SIGNATURE.size + 16
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


def record(stat: os.stat_result, md5: str, read_at_ns: int) -> bytes:
    """The md5 of a file and the stat it belongs to; nothing when the file has not settled."""
    return SIGNATURE.pack(*signature(stat)) + bytes.fromhex(md5) if is_settled(stat, read_at_ns) else b""


@attrs.frozen
class Remembered:
    """What is known of the files right in one folder.

    Attributes
    ----------
    names
        Their names, a zero between each two.
    records
        For each name a signature and an md5.
    """

    names: bytes
    records: bytes

    def places(self) -> dict[str, int]:
        """Where in `records` each file's begins, by its name."""
        if not self.records:
            return {}
        return dict(zip(os.fsdecode(self.names).split("\0"), range(0, len(self.records), RECORD_BYTES), strict=True))


def united(parts: Sequence[Remembered]) -> Remembered:
    """Several parts of one folder as one."""
    known = [part for part in parts if part.records]
    return Remembered(b"\0".join(part.names for part in known), b"".join(part.records for part in known))


class StatIndex:
    """Remembered digests of the files of one project.

    Parameters
    ----------
    folder
        Where rebuildable caches live.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "digests.sqlite"

    def known(self, path: str, algorithm: str) -> Mapping[str, Remembered]:
        """What is known of `path` and of all folders below it, by their paths.

        A file that is a dataset has a row of its own, in which it has an empty name.
        """
        low = os.fsencode(path)
        query = """SELECT path, names, records FROM folder
                   WHERE algorithm = ? AND (path = ? OR path >= ? AND path < ?)"""
        with opened(self._file, SCHEMA) as database:
            rows = database.execute(query, (algorithm, low, low + b"/", low + b"0")).fetchall()
        return {os.fsdecode(name): Remembered(names, records) for name, names, records in rows}

    def remember(self, folders: Mapping[str, Remembered], algorithm: str) -> None:
        """Keep what is known of each folder, instead of what was."""
        rows = [(os.fsencode(path), algorithm, found.names, found.records) for path, found in folders.items()]
        if not rows:
            return
        try:
            with opened(self._file, SCHEMA) as database:
                database.executemany("INSERT OR REPLACE INTO folder VALUES (?, ?, ?, ?)", rows)
        except sqlite3.OperationalError:
            return  # another writer held it too long: the next look reads these files again
