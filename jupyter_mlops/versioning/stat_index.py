"""Digests by what ``stat`` says, so that unchanged work costs a stat and no read.

One row a folder holds what is known of all its files, side by side: a hundred thousand files are a hundred rows.
"""

from __future__ import annotations

import os
import sqlite3
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

from jupyter_mlops.versioning.scratch import opened

SCHEMA = """
CREATE TABLE IF NOT EXISTS folder (
  path BLOB NOT NULL, algorithm TEXT NOT NULL, stamp BLOB, names BLOB, marks BLOB, md5s BLOB,
  PRIMARY KEY (path, algorithm)
);
CREATE TABLE IF NOT EXISTS whole (
  path BLOB NOT NULL, algorithm TEXT NOT NULL, stamps BLOB, digest TEXT, size INTEGER, nfiles INTEGER,
  PRIMARY KEY (path, algorithm)
);
"""
FINE_CLOCK_NS = 20_000_000
COARSE_CLOCK_NS = 2_000_000_000
MARK = struct.Struct("<qqqQ")
SIZE_IN_MARK = struct.Struct("<16xq8x")
MARK_BYTES, MD5_BYTES = MARK.size, 16
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
class Remembered:
    """What is known of the files right in one folder, side by side.

    Attributes
    ----------
    names
        Their names in the order in which the disk tells them, a zero between each two.
    marks
        The signature of each, as `MARK` packs it.
    md5s
        The md5 of each, 16 bytes.
    stamp
        Names this very record: another one has another.
    """

    names: bytes
    marks: bytes
    md5s: bytes
    stamp: bytes = attrs.field(factory=lambda: os.urandom(8))

    def places(self) -> dict[str, int]:
        """The place of each file, by its name."""
        if not self.md5s:
            return {}
        return {name: place for place, name in enumerate(os.fsdecode(self.names).split("\0"))}


@attrs.frozen
class Whole:
    """What all remembered folders of a dataset make together.

    Attributes
    ----------
    stamps
        Path and stamp of each folder that this was reckoned from.
    digest, size, nfiles
        Of the dataset; `nfiles` is None for a single file.
    """

    stamps: bytes
    digest: str
    size: int
    nfiles: int | None


def stamps(folders: Mapping[str, Remembered]) -> bytes:
    """What tells one state of all `folders` from any other."""
    return b"".join(os.fsencode(path) + b"\0" + folders[path].stamp for path in sorted(folders))


@attrs.frozen
class Known:
    """What the index knows of one dataset: its folders by path, and what they make, when that still holds."""

    folders: Mapping[str, Remembered] = attrs.field(factory=dict)
    whole: Whole | None = None


class StatIndex:
    """Remembered digests of the files of one project.

    Parameters
    ----------
    folder
        Where rebuildable caches live.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "digests.sqlite"

    def known(self, path: str, algorithm: str) -> Known:
        """What is known of `path` and of all folders below it.

        A file that is a dataset has a row of its own, in which it has an empty name.
        """
        low = os.fsencode(path)
        query = """SELECT path, names, marks, md5s, stamp FROM folder
                   WHERE algorithm = ? AND (path = ? OR path >= ? AND path < ?)"""
        with opened(self._file, SCHEMA) as database:
            database.execute("BEGIN")  # both answers are of one moment
            rows = database.execute(query, (algorithm, low, low + b"/", low + b"0")).fetchall()
            query = "SELECT stamps, digest, size, nfiles FROM whole WHERE path = ? AND algorithm = ?"
            row = database.execute(query, (low, algorithm)).fetchone()
        folders = {os.fsdecode(name): Remembered(*values) for name, *values in rows}
        whole = Whole(*row) if row else None
        return Known(folders, whole if whole and whole.stamps == stamps(folders) else None)

    def remember(
        self, path: str, algorithm: str, folders: Mapping[str, Remembered], gone: Iterable[str], whole: Whole | None
    ) -> None:
        """Keep what is known of `folders`, forget those `gone`, and what all folders of `path` make together."""
        name = os.fsencode(path)
        kept = [(os.fsencode(at), algorithm, one.names, one.marks, one.md5s, one.stamp) for at, one in folders.items()]
        try:
            with opened(self._file, SCHEMA) as database:
                forget = "DELETE FROM folder WHERE path = ? AND algorithm = ?"
                database.executemany(forget, [(os.fsencode(at), algorithm) for at in gone])
                columns = "(path, algorithm, names, marks, md5s, stamp)"
                database.executemany(f"INSERT OR REPLACE INTO folder {columns} VALUES (?,?,?,?,?,?)", kept)  # noqa: S608
                database.execute("DELETE FROM whole WHERE path = ? AND algorithm = ?", (name, algorithm))
                if whole:
                    row = (name, algorithm, whole.stamps, whole.digest, whole.size, whole.nfiles)
                    database.execute("INSERT INTO whole VALUES (?,?,?,?,?,?)", row)
        except sqlite3.OperationalError:
            return  # another writer held it too long: the next look reads these files again
