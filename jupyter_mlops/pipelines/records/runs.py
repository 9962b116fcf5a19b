"""Run records: what was run, kept in the shared ledger, so that a clone that fetched them has them too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import attrs
import msgspec

from jupyter_mlops.errors import EnvironmentFault, UnknownReference, bad_cursor, did_you_mean
from jupyter_mlops.pipelines.records import live
from jupyter_mlops.pipelines.records.live import LiveRun
from jupyter_mlops.pipelines.records.recording import Recording
from jupyter_mlops.pipelines.records.run_filters import RunFilter
from jupyter_mlops.pipelines.records.run_index import KIND, Condition, Row, RunIndex
from jupyter_mlops.records import Actor, Places, VersionRecord
from jupyter_mlops.versioning.ledger import Ledger

MOST_RUNS = 1 << 62
ALL = RunFilter()


@attrs.frozen
class NumberedRun:
    """A run and its number: runs are counted oldest first, from 1."""

    number: int
    record: VersionRecord


@attrs.frozen
class Page:
    """Some runs, and where the next page starts (None after the last)."""

    runs: tuple[NumberedRun, ...]
    next_cursor: str | None = None


class RunRecords:
    """The runs of one project.

    Parameters
    ----------
    places
        Where runs under way show.
    ledger
        Where finished ones are kept.
    recording
        What their records pin.
    """

    def __init__(self, places: Places, ledger: Ledger, recording: Recording) -> None:
        self.recording = recording
        self._places = places
        self._ledger = ledger
        self._index = RunIndex(places, ledger)

    def append(self, record: VersionRecord, author: Actor) -> None:
        """Keep the record of a run that ended."""
        self._ledger.append(KIND, record.run, msgspec.json.encode(record), author)

    def all(self) -> tuple[NumberedRun, ...]:
        """Every run that ended, oldest first."""
        return tuple(map(_numbered, self._index.rows(order="number")))

    def newest(self) -> Iterator[NumberedRun]:
        """Every run that ended, newest first; a record is read when its turn comes."""
        return map(_numbered, self._index.rows())

    def running(self) -> tuple[LiveRun, ...]:
        """The runs under way, oldest first."""
        return live.alive(self._places)

    def find(self, name: str) -> NumberedRun:
        """The run with this number (``18``, ``#18``), id, or unique start of an id.

        Raises
        ------
        UnknownReference
            ``unknown-run``.
        """
        text = name.removeprefix("run:").removeprefix("#")
        conditions = [Condition("id = ?", (text,))]
        if text.isdecimal():
            conditions = [Condition("number = ?", (min(int(text), MOST_RUNS),))]
        elif len(text) > len("run-"):
            conditions = [Condition("substr(id, 1, length(?)) = ?", (text, text))]
        found = self._index.rows(conditions, limit=2)
        if len(found) == 1:
            return _numbered(found[0])
        everything = self._index.rows(limit=1)
        last = f"The last run is #{everything[0][0]}." if everything else "Nothing was run yet: run."
        hint = f"Several begin so: {found[0][1]}, {found[1][1]}." if found else last
        raise UnknownReference("unknown-run", f"There is no run {text}.", hint=hint)

    def writer(self, digest: str) -> NumberedRun | None:
        """The latest run in which a stage really wrote what has this digest."""
        numbers = self._index.numbers(digest, "wrote")
        return self.find(str(numbers[-1])) if numbers else None

    def holders(self, digest: str) -> tuple[int, ...]:
        """The numbers of the runs whose stages held what has this digest afterwards."""
        return tuple(self._index.numbers(digest, "hold"))

    def readers(self, digest: str) -> tuple[int, ...]:
        """The numbers of the runs that read it, from outside."""
        return tuple(self._index.numbers(digest, "read"))

    def page(self, wanted: RunFilter = ALL, *, sort: str = "", limit: int = 20, cursor: str = "") -> Page:
        """Some runs, newest first or best first.

        Parameters
        ----------
        wanted
            Which runs.
        sort
            A metric, greatest first; with ``-`` in front, least first. Runs without it come last.
        limit
            At least 1.
        cursor
            Where the page before ended: the id of its last run.

        Raises
        ------
        UnknownReference
            ``unknown-metric`` when no run has it.
        UsageError
            ``bad-cursor``, ``bad-comparison``, ``bad-moment``.
        """
        conditions = [*wanted.conditions()]
        self._require_metrics([sort.lstrip("-"), *wanted.metric_names()])
        if sort:
            found = self._by_metric(conditions, sort, cursor, limit + 1)
        else:
            after = (
                [Condition("number < (SELECT number FROM run WHERE id = ?)", (cursor,))]
                if self._is_cursor(cursor)
                else []
            )
            found = self._index.rows([*conditions, *after], limit=limit + 1)
        page = tuple(map(_numbered, found[:limit]))
        return Page(page, page[-1].record.run if len(found) > limit else None)

    def _is_cursor(self, cursor: str) -> bool:
        """Whether there is a cursor; it must be a run."""
        if cursor and not self._index.rows([Condition("id = ?", (cursor,))]):
            raise bad_cursor(cursor)
        return bool(cursor)

    def _by_metric(self, conditions: Sequence[Condition], sort: str, cursor: str, limit: int) -> list[Row]:
        ids = self._index.ids(conditions, sort.lstrip("-"), least_first=sort.startswith("-"))
        if cursor and cursor not in ids:
            raise bad_cursor(cursor)
        start = ids.index(cursor) + 1 if cursor else 0
        chosen = ids[start : start + limit]
        rows = self._index.rows([Condition(f"id IN ({', '.join('?' * len(chosen))})", tuple(chosen))])
        return sorted(rows, key=lambda row: chosen.index(row[1]))

    def _require_metrics(self, names: Iterable[str]) -> None:
        wanted = [name for name in names if name]
        known = self._index.names("metric") if wanted else []
        for name in wanted:
            if name not in known and self._index.rows(limit=1):
                otherwise = f"Metrics: {', '.join(known)}." if known else "No run has metrics yet."
                hint = did_you_mean(name, known, otherwise)
                raise UnknownReference("unknown-metric", f"No run has the metric {name}.", hint=hint)


def _numbered(row: Row) -> NumberedRun:
    """A run as the index keeps it.

    Raises
    ------
    EnvironmentFault
        ``record-corrupt``.
    """
    number, key, data, problem = row
    if problem:
        raise EnvironmentFault("record-corrupt", f"The record of {key} is damaged.", context=problem)
    return NumberedRun(number, msgspec.json.decode(data, type=VersionRecord))
