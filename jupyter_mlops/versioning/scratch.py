"""Rebuildable caches in sqlite: a broken or unwritable one is replaced, never an error."""

from __future__ import annotations

import contextlib
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path

WAIT_S = 10.0


@contextlib.contextmanager
def opened(path: Path, schema: str) -> Iterator[sqlite3.Connection]:
    """A connection to the cache `path`, made when missing; changes are committed on exit.

    Another schema lies in another file, so that two releases can work side by side.

    Parameters
    ----------
    path
        The database; where its folder cannot be written, one in memory serves instead.
    schema
        ``CREATE TABLE IF NOT EXISTS`` statements.
    """
    connection = _connect(path.with_stem(f"{path.stem}-{zlib.crc32(schema.encode()):08x}"), schema)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


def _connect(path: Path, schema: str) -> sqlite3.Connection:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _prepared(str(path), schema)
    except sqlite3.OperationalError:
        return _prepared(":memory:", schema)
    except OSError:
        return _prepared(":memory:", schema)
    except sqlite3.DatabaseError:
        path.unlink(missing_ok=True)
        return _prepared(str(path), schema)


def _prepared(name: str, schema: str) -> sqlite3.Connection:
    connection = sqlite3.connect(name, timeout=WAIT_S)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")
        connection.executescript(schema)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
