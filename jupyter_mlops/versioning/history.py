"""The history of every dataset along the current branch, indexed from git once and then kept up.

Versions count the distinct contents in the order in which the commits of the branch,
merged ones included, introduced them, so numbers already given keep their place as the
branch grows.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from jupyter_mlops.records import Places
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.scratch import opened

SCHEMA = """
CREATE TABLE IF NOT EXISTS blob (id TEXT PRIMARY KEY, outs TEXT);
CREATE TABLE IF NOT EXISTS tip (line TEXT PRIMARY KEY, mark TEXT);
CREATE TABLE IF NOT EXISTS change (
  line TEXT, seq INTEGER, name TEXT, pointer TEXT, digest TEXT, commit_id TEXT, time TEXT,
  PRIMARY KEY (line, seq)
);
CREATE INDEX IF NOT EXISTS change_of ON change (line, name, seq);
CREATE TABLE IF NOT EXISTS version (
  line TEXT, name TEXT, ordinal INTEGER, digest TEXT, size INTEGER, nfiles INTEGER, rows INTEGER, algorithm TEXT,
  pointer TEXT, stage TEXT, commit_id TEXT, author TEXT, time TEXT, message TEXT,
  PRIMARY KEY (line, name, ordinal)
);
CREATE INDEX IF NOT EXISTS version_by_digest ON version (line, name, digest);
"""


@attrs.frozen
class Recorded:
    """A version as the index keeps it; `time` is ISO 8601 with its zone."""

    name: str
    ordinal: int
    digest: str
    size: int
    nfiles: int | None
    rows: int | None
    algorithm: str
    pointer: str
    stage: str | None
    commit_id: str
    author: str
    time: str
    message: str


COLUMNS = ", ".join(field.name for field in attrs.fields(Recorded))


class HistoryIndex:
    """Answers from sqlite; refreshed from git whenever HEAD moved.

    Parameters
    ----------
    places
        Where rebuildable caches live.
    git
        The repository.
    """

    def __init__(self, places: Places, git: Git) -> None:
        self._places = places
        self._git = git

    def versions(self, name: str, limit: int = -1, below: int | None = None) -> tuple[Recorded, ...]:
        """Versions of `name`, newest first: at most `limit`, those numbered under `below`."""
        top = below if below is not None else 1 << 62
        query = f"SELECT {COLUMNS} FROM version WHERE line=? AND name=? AND ordinal<? ORDER BY ordinal DESC LIMIT ?"  # noqa: S608
        return self._ask(query, name, top, limit)

    def by_number(self, name: str, ordinal: int) -> Recorded | None:
        """Version ``v<ordinal>``."""
        query = f"SELECT {COLUMNS} FROM version WHERE line=? AND name=? AND ordinal=?"  # noqa: S608
        return next(iter(self._ask(query, name, ordinal)), None)

    def by_digest(self, name: str, prefix: str) -> tuple[Recorded, ...]:
        """Every version whose digest starts with `prefix`."""
        query = f"SELECT {COLUMNS} FROM version WHERE line=? AND name=? AND digest GLOB ? ORDER BY ordinal"  # noqa: S608
        return self._ask(query, name, prefix + "*")

    def ordinal_elsewhere(self, name: str, digest: str) -> int | None:
        """The number of a version on any branch that was indexed, or None; for a HEAD that is behind its branch."""
        query = "SELECT MAX(ordinal) FROM version WHERE name=? AND digest=?"
        with self._fresh() as (database, _):
            found: int | None = database.execute(query, (name, digest)).fetchone()[0]
            return found

    def names(self) -> Mapping[str, tuple[str, int]]:
        """Every dataset that ever was on this branch: its pointer, and how many versions it has."""
        query = "SELECT name, pointer, MAX(ordinal) FROM version WHERE line=? GROUP BY name"
        with self._fresh() as (database, line):
            return {name: (pointer, count) for name, pointer, count in database.execute(query, (line,))}

    def pointer(self, name: str) -> str:
        """The pointer that named the newest version of `name`; "" when there is none."""
        query = "SELECT pointer FROM version WHERE line=? AND name=? ORDER BY ordinal DESC LIMIT 1"
        with self._fresh() as (database, line):
            row = database.execute(query, (line, name)).fetchone()
        return row[0] if row else ""

    def digest_at(self, name: str, moment: str | None = None) -> str | None:
        """The digest in HEAD, or at `moment` (ISO 8601); None when there was none."""
        when = "AND julianday(time) <= julianday(?)" if moment else ""
        query = f"SELECT digest FROM change WHERE line=? AND name=? {when} ORDER BY seq DESC LIMIT 1"  # noqa: S608
        with self._fresh() as (database, line):
            row = database.execute(query, (line, name, *([moment] if moment else []))).fetchone()
        return row[0] if row else None

    def _ask(self, query: str, *values: object) -> tuple[Recorded, ...]:
        with self._fresh() as (database, line):
            return tuple(Recorded(*row) for row in database.execute(query, (line, *values)))

    @contextlib.contextmanager
    def _fresh(self) -> Iterator[tuple[sqlite3.Connection, str]]:
        """The index, brought up to HEAD, and the line of history to ask for."""
        checked_out = self._git.checked_out()
        head = checked_out.commit
        line = checked_out.branch or head or ""
        with opened(self._places.scratch / "history.sqlite", SCHEMA) as database:
            mark = f"{head} {_shallow_mark(self._places.git_dir)}"
            row = database.execute("SELECT mark FROM tip WHERE line=?", (line,)).fetchone()
            if head and (row is None or row[0] != mark):
                from jupyter_mlops.versioning.indexing import Indexing

                Indexing(database, self._git, line).run(row[0] if row else None, mark)
            elif head is None and row:
                forget(database, line)
            yield database, line


def forget(database: sqlite3.Connection, line: str) -> None:
    """Drop what is known of a line."""
    for table in ("tip", "change", "version"):
        database.execute(f"DELETE FROM {table} WHERE line=?", (line,))  # noqa: S608


def _shallow_mark(git_dir: Path) -> str:
    """Changes when a shallow clone is deepened."""
    try:
        return str((git_dir / "shallow").stat().st_mtime_ns)
    except FileNotFoundError:
        return "whole"
