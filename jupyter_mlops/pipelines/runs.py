"""Run records: what was run, kept in the shared ledger, so that a clone that fetched them has them too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import msgspec

from jupyter_mlops.errors import EnvironmentFault, UnknownReference, bad_cursor, did_you_mean
from jupyter_mlops.pipelines import live
from jupyter_mlops.pipelines.live import LiveRun
from jupyter_mlops.records import Actor, Places, Scalar, VersionRecord
from jupyter_mlops.versioning.ledger import Ledger

KIND = "runs"


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


@attrs.frozen
class Contrast:
    """A parameter, metric, input or package that two runs do not share."""

    kind: str
    name: str
    before: Scalar | list[Scalar]
    after: Scalar | list[Scalar]


class RunRecords:
    """The runs of one project.

    Parameters
    ----------
    places
        Where runs under way show.
    ledger
        Where finished ones are kept.
    """

    def __init__(self, places: Places, ledger: Ledger) -> None:
        self._places = places
        self._ledger = ledger

    def append(self, record: VersionRecord, author: Actor) -> None:
        """Keep the record of a run that ended."""
        self._ledger.append(KIND, record.run, msgspec.json.encode(record), author)

    def all(self) -> tuple[NumberedRun, ...]:
        """Every run that ended, oldest first."""
        return tuple(NumberedRun(number, record) for number, record in enumerate(self._oldest_first(), 1))

    def _oldest_first(self) -> Iterator[VersionRecord]:
        for key, data in sorted(self._ledger.read(KIND)):
            try:
                yield msgspec.json.decode(data, type=VersionRecord)
            except msgspec.DecodeError as error:
                raise EnvironmentFault(
                    "record-corrupt", f"The record of {key} is damaged.", context=str(error)
                ) from error

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
        everything, text = self.all(), name.removeprefix("run:").removeprefix("#")
        for run in everything:
            if text in (str(run.number), run.record.run):
                return run
        starts = [run for run in everything if len(text) > 4 and run.record.run.startswith(text)]
        if len(starts) == 1:
            return starts[0]
        last = f"The last run is #{len(everything)}." if everything else "Nothing was run yet: run."
        hint = did_you_mean(text, [run.record.run for run in everything], last)
        raise UnknownReference("unknown-run", f"There is no run {name}.", hint=hint)

    def page(self, *, stage: str = "", sort: str = "", limit: int = 20, cursor: str = "") -> Page:
        """Some runs, newest first or best first.

        Parameters
        ----------
        stage
            Only runs in which this stage ran or failed.
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
            ``bad-cursor``.
        """
        chosen = [run for run in reversed(self.all()) if not stage or _touches(run.record, stage)]
        if sort:
            chosen = _sorted(chosen, sort)
        ids = [run.record.run for run in chosen]
        if cursor and cursor not in ids:
            raise bad_cursor(cursor)
        start = ids.index(cursor) + 1 if cursor else 0
        page = chosen[start : start + limit]
        more = start + len(page) < len(chosen)
        return Page(tuple(page), page[-1].record.run if more else None)

    def writers(self) -> dict[str, VersionRecord]:
        """Digest to the latest run in which a stage really wrote it."""
        return {
            digest: run.record
            for run in self.all()
            for stage in run.record.stages
            if stage.state == "ran"
            for digest in stage.outputs.values()
        }


def contrasts(before: VersionRecord, after: VersionRecord) -> tuple[Contrast, ...]:
    """All that `before` and `after` do not share."""
    pairs = (
        ("parameter", before.parameters, after.parameters),
        ("metric", before.metrics, after.metrics),
        ("data", before.inputs, after.inputs),
        ("code", _code(before), _code(after)),
        ("commit", {"git": before.git_commit}, {"git": after.git_commit}),
        ("package", before.packages, after.packages),
    )
    return tuple(
        Contrast(kind, name, old.get(name), new.get(name))
        for kind, old, new in pairs
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )


def _code(record: VersionRecord) -> dict[str, str]:
    return {stage.name: stage.code for stage in record.stages if stage.code}


def _touches(record: VersionRecord, stage: str) -> bool:
    return any(one.name == stage and one.state in ("ran", "failed", "pruned", "restored") for one in record.stages)


def _sorted(runs: Sequence[NumberedRun], sort: str) -> list[NumberedRun]:
    name, sign = sort.lstrip("-"), 1 if sort.startswith("-") else -1
    known = {metric for run in runs for metric in run.record.metrics}
    if runs and name not in known:
        hint = did_you_mean(
            name, known, f"Metrics: {', '.join(sorted(known))}." if known else "No run has metrics yet."
        )
        raise UnknownReference("unknown-metric", f"No run has the metric {name}.", hint=hint)

    def key(run: NumberedRun) -> tuple[bool, float]:
        value = run.record.metrics.get(name)
        return (False, sign * value) if isinstance(value, int | float) else (True, 0.0)

    return sorted(runs, key=key)
