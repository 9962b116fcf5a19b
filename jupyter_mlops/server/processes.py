"""The process that does a job: whether it lives, and how it is stopped with all it started."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import attrs

MODULE = "jupyter_mlops.server.job"
GRACE_S = 5.0
CLOCK_SLACK_S = 2.0


@attrs.frozen
class Process:
    """Who does it; a later process with the same number has another moment of creation."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """The process with that number, None when it is gone already."""
        import psutil

        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    def alive(self, job: str) -> bool:
        """Whether it still runs, and was started for `job`: a record may name a process that is none of ours."""
        import psutil

        try:
            process = psutil.Process(self.pid)
            same = bool(abs(process.create_time() - self.created) < CLOCK_SLACK_S)
            command = process.cmdline()
            ours = MODULE in command and Path(command[-1]).name == job
            return same and ours and bool(process.status() != psutil.STATUS_ZOMBIE)
        except (psutil.Error, ValueError):
            return False

    def signal_group(self, number: int) -> None:
        """Send a signal to it and to whatever it started in its session."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def stop(self, job: str) -> None:
        """Ask politely, then firmly, then kill; nothing it started for `job` is left over."""
        if not self.alive(job):
            return
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            if not self.alive(job):
                break
            self.signal_group(number)
            deadline = time.monotonic() + GRACE_S
            while self.alive(job) and time.monotonic() < deadline:
                time.sleep(0.05)
        self.signal_group(signal.SIGKILL)
