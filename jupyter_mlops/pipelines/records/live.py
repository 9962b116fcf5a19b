"""Runs that are under way, as small files any process can read."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import attrs

from jupyter_mlops.records import Places, write_atomically

QUIET_S = 0.25
PREFIX = "run-"


@attrs.frozen
class LiveStage:
    """A stage of a run that is under way.

    Attributes
    ----------
    state
        ``waiting``, ``running``, or how it ended.
    done, total
        Cells.
    started
        Seconds since the epoch; 0 before it starts.
    expected_s
        How long it took the last time; None when unknown.
    """

    name: str
    state: str = "waiting"
    done: int = 0
    total: int = 0
    started: float = 0.0
    expected_s: float | None = None

    def eta_s(self, now: float) -> float | None:
        """Seconds it will still take, by the last time or by the share of cells done."""
        elapsed = now - self.started
        if self.expected_s is not None and self.expected_s > elapsed:
            return self.expected_s - elapsed
        return elapsed * (self.total - self.done) / self.done if self.done else None


@attrs.frozen
class LiveRun:
    """A run that is under way: the file in the live folder.

    Attributes
    ----------
    root
        The work tree in which it runs.
    stoppable
        Whether its process ends the run, and itself goes on, when it gets SIGTERM.
    """

    run: str
    pid: int
    born: str
    host: str
    started: str
    author: str
    stages: tuple[LiveStage, ...]
    root: str = ""
    stoppable: bool = False

    def is_of(self, places: Places) -> bool:
        """Whether it runs in this work tree, not in another of the repository."""
        return self.root in ("", str(places.root))

    @property
    def is_alive(self) -> bool:
        """Whether its process still runs; that of another host is believed."""
        return self.host != socket.gethostname() or (bool(self.born) and born(self.pid) == self.born)


class LiveFile:
    """The live file of the run of this process; written at most four times a second.

    Parameters
    ----------
    places
        Where the live folder is.
    run
        What it starts with.
    """

    def __init__(self, places: Places, run: LiveRun) -> None:
        self._path = places.live / f"{run.run}.json"
        self._written = 0.0
        self._lock = threading.Lock()
        self.run = run

    def __enter__(self) -> Self:
        self._write()
        return self

    def __exit__(self, *_: object) -> None:
        self._path.unlink(missing_ok=True)

    def update(self, name: str, **changes: Any) -> None:
        """Change fields of one stage, from any thread; a change of state is written at once."""
        with self._lock:
            stages = tuple(attrs.evolve(stage, **changes) if stage.name == name else stage for stage in self.run.stages)
            self.run = attrs.evolve(self.run, stages=stages)
            if "state" in changes or time.monotonic() - self._written > QUIET_S:
                self._write()

    def _write(self) -> None:
        write_atomically(self._path, json.dumps(attrs.asdict(self.run)).encode())
        self._written = time.monotonic()


def alive(places: Places) -> tuple[LiveRun, ...]:
    """The runs that are under way, oldest first."""
    return tuple(run for _, run in _files(places) if run and run.is_alive)


def sweep(places: Places) -> None:
    """Remove the files that killed runs left behind."""
    for path, run in _files(places):
        if run is None or not run.is_alive:
            path.unlink(missing_ok=True)


def born(pid: int) -> str:
    """When process `pid` started, so that a reused number is not taken for it; empty when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return _exists(pid)
    return "" if fields[0] == "Z" else fields[19]


def _exists(pid: int) -> str:
    """Where there is no ``/proc``: whether the number is in use must do."""
    if Path("/proc/self").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "unknown"


def _files(places: Places) -> Iterator[tuple[Path, LiveRun | None]]:
    for path in sorted(places.live.glob(f"{PREFIX}*.json")):
        try:
            document = json.loads(path.read_bytes())
            document["stages"] = tuple(LiveStage(**stage) for stage in document["stages"])
            yield path, LiveRun(**document)
        except FileNotFoundError:
            continue
        except (ValueError, TypeError, KeyError):
            yield path, None
