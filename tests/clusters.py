"""A Dask cluster on this machine: a scheduler and workers, each a process with a folder and a home of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import psutil

READY_S = 90.0
DEATHS = 1
"""So many workers may die of a stage."""


def wait_for(condition: Callable[[], object], seconds: float = READY_S) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


@attrs.define
class Machine:
    """A worker process and where it works."""

    process: subprocess.Popen[bytes]
    folder: Path

    def kernels(self) -> list[str]:
        """The command lines of stages and kernels that run below its folder, whoever their parent is now."""
        return [line for line in _command_lines(self.folder) if "ipykernel" in line or "executing.worker" in line]

    def kill(self) -> None:
        """As a power cut does."""
        self.process.kill()
        self.process.wait()

    @property
    def clones(self) -> list[Path]:
        return [path for path in self.folder.glob("**/jupyter-mlops/*") if (path / ".git").is_dir()]


def _command_lines(folder: Path) -> Iterator[str]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if Path(process.cwd().removesuffix(" (deleted)")).is_relative_to(folder):
                yield " ".join(process.cmdline())


@attrs.define
class Cluster:
    """A scheduler and its workers."""

    folder: Path
    scheduler: subprocess.Popen[bytes]
    address: str = ""
    machines: list[Machine] = attrs.field(factory=list)

    def add(self, *options: str) -> Machine:
        """Start one more worker, which runs one stage at a time."""
        folder = self.folder / f"machine-{len(self.machines)}"
        folder.mkdir()
        own = {"HOME": str(folder), "XDG_CACHE_HOME": str(folder / ".cache"), "TMPDIR": str(folder)}
        tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, **own, "IPYTHONDIR": str(folder / ".ipython"), "PATH": tools}
        command = [sys.executable, "-m", "distributed.cli.dask_worker", self.address, "--no-nanny", "--nthreads", "1"]
        command += ["--local-directory", str(folder), "--no-dashboard", "--host", "127.0.0.1", *options]
        with (folder / "worker.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        self.machines.append(Machine(process, folder))
        wait_for(lambda: b"Registered to" in (folder / "worker.log").read_bytes())
        return self.machines[-1]

    @property
    def alive(self) -> list[Machine]:
        return [machine for machine in self.machines if machine.process.poll() is None]

    def kernels(self) -> list[str]:
        """What runs on any machine, dead ones included."""
        return [line for machine in self.machines for line in machine.kernels()]

    def close(self) -> None:
        for process in [*(machine.process for machine in self.machines), self.scheduler]:
            process.send_signal(signal.SIGTERM)
        for process in [*(machine.process for machine in self.machines), self.scheduler]:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()


@contextlib.contextmanager
def cluster(folder: Path, workers: int) -> Iterator[Cluster]:
    """A cluster with so many workers; it ends with the block."""
    folder.mkdir()
    file = folder / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    command += ["--no-dashboard", "--scheduler-file", str(file)]
    environment = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(DEATHS)}
    with (folder / "scheduler.log").open("wb") as log:
        scheduler = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    made = Cluster(folder, scheduler)
    try:
        wait_for(lambda: file.exists() and file.read_bytes().endswith(b"}"))
        made.address = json.loads(file.read_bytes())["address"]
        for _ in range(workers):
            made.add()
        yield made
    finally:
        made.close()
