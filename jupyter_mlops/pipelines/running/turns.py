"""Runs take turns, and stop cleanly when asked to."""

from __future__ import annotations

import contextlib
import fcntl
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

from jupyter_mlops.pipelines.records import live
from jupyter_mlops.records import Places, Progress, Step

ASK_AGAIN_S = 0.1


@contextlib.contextmanager
def turn(places: Places, progress: Progress) -> Iterator[None]:
    """Hold the only right to run in this work tree; others wait, none fails."""
    places.state.mkdir(parents=True, exist_ok=True)
    with (places.state / f"run-{places.mark}.lock").open("ab") as handle:
        told = False
        while not _taken(handle.fileno()):
            if not told:
                others = ", ".join(run.run for run in live.alive(places) if run.is_of(places)) or "another run"
                progress(Step(f"wait for {others}"))
                told = True
            time.sleep(ASK_AGAIN_S)
        yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM stops a run as Ctrl-C does; only a main thread can hear signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
