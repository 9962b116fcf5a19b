"""The runs in sqlite, kept up from the ledger: a record is decoded once in its life."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import msgspec

from jupyter_mlops.records import Places, VersionRecord
from jupyter_mlops.versioning.ledger import Ledger
from jupyter_mlops.versioning.scratch import opened

KIND = "runs"
SCHEMA = """
CREATE TABLE IF NOT EXISTS tip (ref TEXT PRIMARY KEY, target TEXT);
CREATE TABLE IF NOT EXISTS run (
  id TEXT PRIMARY KEY, number INTEGER, started REAL, author TEXT, state TEXT, problem TEXT, record BLOB
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS run_by_number ON run (number);
CREATE TABLE IF NOT EXISTS value (
  kind TEXT, leaf TEXT, name TEXT, run TEXT, number REAL, text TEXT, PRIMARY KEY (kind, leaf, name, run)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stage (name TEXT, run TEXT, state TEXT, PRIMARY KEY (name, run)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pin (digest TEXT, role TEXT, run TEXT, PRIMARY KEY (digest, role, run)) WITHOUT ROWID;
"""
TABLES = {"run": 7, "value": 6, "stage": 3, "pin": 3}
"""Each, and how many columns it has."""
RENUMBER = """
UPDATE run SET number = place FROM (SELECT id AS it, ROW_NUMBER() OVER (ORDER BY id) AS place FROM run)
WHERE id = it AND number IS NOT place
"""
RAN = ("ran", "failed", "restored")
Row = tuple[int, str, bytes, str]
"""Number, id, record and what is wrong with it."""


@attrs.frozen
class Condition:
    """What a run must hold: a clause of SQL over the table ``run``, and its values."""

    clause: str
    values: tuple[Any, ...] = ()


class RunIndex:
    """Answers from sqlite; brought up to the ledger whenever one of its refs moved.

    Parameters
    ----------
    places
        Where rebuildable caches live.
    ledger
        What is indexed.
    """

    def __init__(self, places: Places, ledger: Ledger) -> None:
        self._places = places
        self._ledger = ledger

    def rows(self, conditions: Sequence[Condition] = (), order: str = "number DESC", limit: int = -1) -> list[Row]:
        """The runs that fit all `conditions`, in the `order` of a clause of SQL."""
        query = f"SELECT number, id, record, problem FROM run {_where(conditions)} ORDER BY {order} LIMIT ?"  # noqa: S608
        return self._ask(query, *_values(conditions), limit)

    def ids(self, conditions: Sequence[Condition], metric: str, *, least_first: bool) -> list[str]:
        """The ids of those runs by a metric, best first, equal ones newest first; those without it come last."""
        direction = "ASC" if least_first else "DESC"
        query = (
            "SELECT id FROM run LEFT JOIN value ON value.run = id AND kind = 'metric' AND leaf = ? AND name = ?"  # noqa: S608
            f" {_where(conditions)} ORDER BY value.number IS NULL, value.number {direction}, run.number DESC"
        )
        return [str(row[0]) for row in self._ask(query, leaf_of(metric), metric, *_values(conditions))]

    def names(self, kind: str) -> list[str]:
        """The names of all metrics, or parameters, of all runs."""
        return [str(row[0]) for row in self._ask("SELECT DISTINCT name FROM value WHERE kind = ? ORDER BY name", kind)]

    def numbers(self, digest: str, role: str) -> list[int]:
        """The runs that ``wrote``, ``hold`` or ``read`` what has this digest, oldest first."""
        query = "SELECT DISTINCT number FROM pin JOIN run ON run = id WHERE digest = ? AND role = ? ORDER BY number"
        return [int(row[0]) for row in self._ask(query, digest, role)]

    def _ask(self, query: str, *values: object) -> list[Any]:
        with self._fresh() as database:
            return database.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _fresh(self) -> Iterator[sqlite3.Connection]:
        """The index, brought up to what the refs hold now."""
        now = self._ledger.tips(KIND)
        with opened(self._places.scratch / "runs.sqlite", SCHEMA) as database:
            if dict(database.execute("SELECT ref, target FROM tip")) != now:
                database.execute("BEGIN IMMEDIATE")
                self._refresh(database, dict(database.execute("SELECT ref, target FROM tip")), now)
            yield database

    def _refresh(self, database: sqlite3.Connection, before: Mapping[str, str], now: Mapping[str, str]) -> None:
        new = self._ledger.added(before, now)
        known = {key: _record(database, key) for key, _ in new or ()} if before else {}
        if new is None or any(known.get(key) not in (None, data) for key, data in new):
            for table in TABLES:
                database.execute(f"DELETE FROM {table}")  # noqa: S608
            known, new = {}, self._ledger.added({}, now)
        last = database.execute("SELECT MAX(id) FROM run").fetchone()[0] or ""
        rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in TABLES}
        for key, data in new or ():
            if known.get(key) is None:
                _collect(rows, key, data)
        for table, each in rows.items():
            each.sort(key=_place)
            marks = ", ".join("?" * TABLES[table])
            database.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", each)  # noqa: S608
        _number(database, [row[0] for row in rows["run"]], last)
        database.execute("DELETE FROM tip")
        database.executemany("INSERT INTO tip VALUES (?, ?)", now.items())


def _record(database: sqlite3.Connection, key: str) -> bytes | None:
    found = database.execute("SELECT record FROM run WHERE id = ?", (key,)).fetchone()
    return found[0] if found else None


def _number(database: sqlite3.Connection, new: Sequence[str], last: str) -> None:
    """Count the `new` runs; those that come after the `last` one leave the numbers of the others alone."""
    if new and min(new) <= last:
        database.execute(RENUMBER)
        return
    start = database.execute("SELECT COUNT(*) FROM run").fetchone()[0] - len(new)
    pairs = ((start + place, key) for place, key in enumerate(sorted(new), 1))
    database.executemany("UPDATE run SET number = ? WHERE id = ?", pairs)


def _place(row: Sequence[Any]) -> tuple[str, ...]:
    """Where a row belongs: rows in the order of their keys go in faster."""
    return tuple(value for value in row[:4] if isinstance(value, str))


def _where(conditions: Sequence[Condition]) -> str:
    return "WHERE " + " AND ".join(f"({one.clause})" for one in conditions) if conditions else ""


def _values(conditions: Iterable[Condition]) -> list[Any]:
    return [value for one in conditions for value in one.values]


def _collect(rows: Mapping[str, list[tuple[Any, ...]]], key: str, data: bytes) -> None:
    """Add the rows of one record; of a damaged one, what is wrong with it."""
    try:
        record = msgspec.json.decode(data, type=VersionRecord)
    except msgspec.DecodeError as error:
        rows["run"].append((key, 0, 0.0, "", "", str(error), data))
        return
    rows["run"].append((key, 0, record.started.timestamp(), str(record.author), record.state, "", data))
    rows["value"].extend(_value_rows(key, record))
    rows["stage"].extend((one.name, key, one.state) for one in record.stages)
    rows["pin"].extend(_pins(key, record))


def leaf_of(name: str) -> str:
    """The last part of a key: ``C`` of ``train.C``."""
    return name.rpartition(".")[2]


def _value_rows(key: str, record: VersionRecord) -> Iterator[tuple[Any, ...]]:
    for kind, values in (("metric", record.metrics), ("parameter", record.parameters)):
        for name, value in values.items():
            number = float(value) if isinstance(value, int | float) else None
            text = value if isinstance(value, str) else json.dumps(value)
            yield kind, leaf_of(name), name, key, number, text


def _pins(key: str, record: VersionRecord) -> Iterator[tuple[str, str, str]]:
    yield from ((digest, "hold", key) for digest in record.outputs.values())
    yield from ((digest, "read", key) for digest in record.inputs.values())
    wrote = (one for one in record.stages if one.state == "ran")
    yield from ((digest, "wrote", key) for one in wrote for digest in one.outputs.values())
