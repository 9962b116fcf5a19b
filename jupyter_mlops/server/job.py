"""The process of one job: ``python -m jupyter_mlops.server.job FOLDER``."""

from __future__ import annotations

import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import attrs
import msgspec

from jupyter_mlops.errors import Cancelled, EnvironmentFault, GateFailed, MlopsError
from jupyter_mlops.records import Step
from jupyter_mlops.server.documents import ErrorDetail
from jupyter_mlops.server.jobs import Ending, JobFolder, Order
from jupyter_mlops.verbs import find
from jupyter_mlops.verbs.invoking import Origin, invoke

REPORT_S = 0.25
LOWEST = 19


class ProgressFile:
    """A progress sink that replaces one small file, at most four times a second.

    Parameters
    ----------
    path
        The file; a reader sees an old or a new report, never a part of one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.name}.tmp")
        self._last: tuple[str, float] = ("", 0.0)
        self._turn = threading.Lock()

    def __call__(self, step: Step) -> None:
        """Write `step`, unless the same work was reported a moment ago."""
        with self._turn:
            what, moment = self._last
            if step.what == what and time.monotonic() - moment < REPORT_S:
                return
            self._last = (step.what, time.monotonic())
            # Not synced to disk: losing a report in a power cut loses nothing.
            self._partial.write_bytes(msgspec.json.encode(step))
            self._partial.replace(self._path)


def run(folder: Path) -> Ending:
    """Do what the order in `folder` says; write the result and the ending."""
    job = JobFolder(folder)
    began = time.monotonic()
    order = job.order()
    if order.quiet:
        _step_back()
    kept = find(order.verb).recordable(order.arguments)
    if kept != order.arguments:
        job.write("order", attrs.evolve(order, arguments=kept))
    ending = _attempt(job, order)
    _ignore_signals()
    ending = attrs.evolve(ending, seconds=round(time.monotonic() - began, 3))
    job.write("ending", ending)
    return ending


def _attempt(job: JobFolder, order: Order) -> Ending:
    try:
        face = order.actor.name if order.actor.source == "service" else "rest"
        origin = Origin(face, Path(order.folder), order.actor, ProgressFile(job.path / "progress.json"))
        result = invoke(find(order.verb), order.arguments, origin)
        job.write("result", result)
    except KeyboardInterrupt:
        return _failed(Cancelled(order.verb))
    except MlopsError as error:
        return _failed(error)
    except Exception as error:  # noqa: BLE001 (the one place where a job's surprise becomes a document)
        said = f"{type(error).__name__}: {error}"
        return _failed(EnvironmentFault("internal", f"`{order.verb}` met an error we did not foresee.", context=said))
    return _passed(result)


def _step_back() -> None:
    """Let everybody else go first; threads and processes that start later inherit it."""
    import psutil

    process = psutil.Process()
    process.nice(LOWEST)
    if psutil.LINUX:
        process.ionice(psutil.IOPRIO_CLASS_IDLE)


def _passed(result: Any) -> Ending:
    gate = getattr(result, "gate", None)
    return Ending("failed" if gate else "succeeded", 0.0, gate)


def _failed(error: MlopsError) -> Ending:
    gate = error.message if isinstance(error, GateFailed) else None
    return Ending("cancelled" if isinstance(error, Cancelled) else "failed", 0.0, gate, ErrorDetail.of(error))


def _ignore_signals() -> None:
    """Whoever stops it now would only lose the ending."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def main() -> None:
    """Run the job whose folder is given; a server started in the background may have passed on deaf signals."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    run(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
