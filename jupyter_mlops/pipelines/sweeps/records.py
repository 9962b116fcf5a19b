"""Past sweeps: how each was asked for stands in the shared ledger, and each of its trials is a run."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import attrs
import msgspec

from jupyter_mlops.errors import EnvironmentFault, UnknownReference, UsageError, did_you_mean
from jupyter_mlops.pipelines.records import live
from jupyter_mlops.pipelines.records.runs import NumberedRun, RunRecords
from jupyter_mlops.pipelines.sweeps.boards import Definition, Sweep, Trial, board
from jupyter_mlops.records import Actor, Places, write_atomically
from jupyter_mlops.versioning.ledger import Ledger

KIND = "sweeps"
NAME = re.compile(r"sweep-[0-9a-f-]+")
COUNTED = frozenset({"succeeded", "failed", "pruned"})
"""States of trials that ended by themselves; one that was stopped is tried again."""


@attrs.frozen
class NumberedSweep:
    """A sweep and its number: sweeps are counted oldest first, from 1."""

    number: int
    definition: Definition


class SweepRecords:
    """The sweeps of one project.

    Parameters
    ----------
    places
        Where those under way keep their state.
    ledger
        Where they are shared.
    runs
        Their trials, among all runs.
    """

    def __init__(self, places: Places, ledger: Ledger, runs: RunRecords) -> None:
        self._places = places
        self._ledger = ledger
        self._runs = runs

    def keep(self, definition: Definition, author: Actor) -> None:
        """Add a sweep, or replace what is known of it."""
        self._ledger.append(KIND, definition.sweep, msgspec.json.encode(definition), author)

    def folder(self, sweep: str) -> Path:
        """What this clone keeps of a sweep: the study, and who is at work on it."""
        return self._places.state / "sweeps" / sweep

    def all(self) -> tuple[NumberedSweep, ...]:
        """Every sweep, oldest first."""
        return tuple(NumberedSweep(number, one) for number, one in enumerate(self._oldest_first(), 1))

    def _oldest_first(self) -> Iterator[Definition]:
        for key, data in sorted(self._ledger.read(KIND)):
            try:
                one = msgspec.json.decode(data, type=Definition)
            except msgspec.DecodeError as error:
                message = f"The record of {key} is damaged."
                raise EnvironmentFault("record-corrupt", message, context=str(error)) from error
            if NAME.fullmatch(one.sweep) and one.sweep == key:  # it names a folder, and a colleague wrote it
                yield one

    def find(self, name: str) -> NumberedSweep:
        """The sweep with this number (``2``, ``#2``) or id; of a stage's name its last sweep.

        Raises
        ------
        UnknownReference
            ``unknown-sweep``.
        """
        everything, text = self.all(), name.removeprefix("sweep:").removeprefix("#")
        for one in reversed(everything):
            if text in (str(one.number), one.definition.sweep, one.definition.stage):
                return one
        last = f"The last sweep is #{len(everything)}." if everything else "There is none yet: sweep STAGE -s …"
        hint = did_you_mean(text, [one.definition.stage for one in everything], last)
        raise UnknownReference("unknown-sweep", f"There is no sweep {name}.", hint=hint)

    def trials(self, definition: Definition) -> tuple[Trial, ...]:
        """Its trials that ended by themselves."""
        return self._by_sweep((definition,)).get(definition.sweep, ())

    def boards(self, sweeps: tuple[NumberedSweep, ...]) -> tuple[Sweep, ...]:
        """The leaderboards of `sweeps`."""
        trials = self._by_sweep(tuple(one.definition for one in sweeps))
        return tuple(self.board(one, trials.get(one.definition.sweep, ())) for one in sweeps)

    def board(self, one: NumberedSweep, trials: tuple[Trial, ...]) -> Sweep:
        """The leaderboard of `one`."""
        is_over = len(trials) >= one.definition.planned
        state = "running" if self._is_running(one.definition) else "finished" if is_over else "interrupted"
        return board(one.definition, one.number, state, trials)

    def _by_sweep(self, definitions: tuple[Definition, ...]) -> dict[str, tuple[Trial, ...]]:
        known = {definition.sweep: definition for definition in definitions}
        found: dict[str, dict[int, Trial]] = {}
        for run in self._runs.all() if known else ():
            name = str(run.record.labels.get("sweep"))
            counts = run.record.state in COUNTED and isinstance(run.record.labels.get("trial"), int)
            if name in known and counts:
                trial = self._trial(run, known[name])
                found.setdefault(name, {})[trial.trial] = trial
        return {name: tuple(trials.values()) for name, trials in found.items()}

    def _trial(self, run: NumberedRun, definition: Definition) -> Trial:
        trial = Trial.of(run.record, definition, run.number)
        is_here = trial.notebook and (self._places.root / trial.notebook).is_file()
        return trial if is_here else attrs.evolve(trial, notebook=None)

    def _is_running(self, definition: Definition) -> bool:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            who = json.loads((self.folder(definition.sweep) / "coordinator.json").read_bytes())
            return bool(who["host"] != socket.gethostname() or (who["born"] and live.born(who["pid"]) == who["born"]))
        return False

    @contextlib.contextmanager
    def at_work(self, sweep: str) -> Iterator[Path]:
        """The folder of a sweep, held by this process alone until the block ends.

        Raises
        ------
        UsageError
            ``sweep-running``.
        """
        folder = self.folder(sweep)
        folder.mkdir(parents=True, exist_ok=True)
        shown = folder / "coordinator.json"
        with (folder / "lock").open("ab") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UsageError(
                    "sweep-running", f"{sweep} runs already.", hint="sweeps shows how it stands."
                ) from error
            pid = os.getpid()
            who = {"pid": pid, "born": live.born(pid), "host": socket.gethostname()}
            write_atomically(shown, json.dumps(who).encode())
            try:
                yield folder
            finally:
                shown.unlink(missing_ok=True)
