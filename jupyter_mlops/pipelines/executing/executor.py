"""The coordinator's end of its workers: start them, give them tasks, hear their messages, end them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import attrs

from jupyter_mlops.pipelines.executing.worker import INSIDE
from jupyter_mlops.pipelines.records.reports import Heard, Report, go_on

PATIENCE_S = 3.0
Kernel = Mapping[str, Any]
"""A kernel to be started beforehand: its ``kernel``, ``folder``, and the modules it may ``preload``."""


@attrs.frozen
class Outcome:
    """How a task ended.

    Attributes
    ----------
    error
        What went wrong, in one line; empty when nothing did.
    cell
        The number (from 1) of the code cell that failed; None when no cell did.
    packages
        What was installed where it ran.
    environment
        The digest of all that is known of it, kept by `jupyter_mlops.pipelines.records.deposit`.
    captured
        What it read and wrote, as the worker says it; None when nobody asked.
    is_pruned
        Whether it was ended because of what it reported.
    """

    error: str = ""
    cell: int | None = None
    packages: Mapping[str, str] = attrs.field(factory=dict)
    environment: str | None = None
    captured: Mapping[str, Any] | None = None
    is_pruned: bool = False


class Executor:
    """One worker process, started when it is first needed.

    Parameters
    ----------
    root
        The folder of the project.
    run
        The id of the run.
    log
        Where what the worker itself prints goes.
    environment
        Variables that it has besides those of this process.

    Attributes
    ----------
    heard
        Who hears what a notebook reports, and says whether it goes on.
    waiting
        Name and folder of the kernels that wait in it.
    """

    def __init__(self, root: Path, run: str, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._environment = environment or {}
        self._root = root
        self._run = run
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self.heard: Heard = go_on
        self.waiting: list[tuple[str, str]] = []

    @property
    def is_stopped(self) -> bool:
        """Whether it takes no more tasks."""
        return self._stopped.is_set()

    def pause(self, seconds: float) -> None:
        """Wait; less when it is stopped meanwhile."""
        self._stopped.wait(seconds)

    def warm(self, kernel: Kernel | None = None) -> None:
        """Start the worker, and in it a kernel that waits, while nothing is to be executed."""
        self._started()
        if kernel:
            self._tell({"kind": "start", **kernel})
            self._expect(kernel)

    def execute(self, task: Mapping[str, Any], cell: Callable[[int, int], None], timeout_s: float | None) -> Outcome:
        """Execute one task to its end.

        Parameters
        ----------
        cell
            Hears the code cells done and the number of all.
        timeout_s
            When the task is ended; None lets it take its time.
        """
        if self.is_stopped:
            return Outcome("stopped")
        self._tell(task)
        self._forget(task)
        if following := task.get("next"):
            self._expect(following)
        with self._limited(timeout_s) as late:
            outcome = self._outcome(task, cell)
        if late.is_set():
            return attrs.evolve(outcome, error=f"it took longer than {timeout_s:g} s")
        return outcome

    @contextlib.contextmanager
    def _limited(self, timeout_s: float | None) -> Iterator[threading.Event]:
        """End the worker when the block takes too long; the event says whether it did."""
        late = threading.Event()

        def end() -> None:
            late.set()
            self._end()

        timer = threading.Timer(timeout_s or 0, end)
        if timeout_s:
            timer.start()
        try:
            yield late
        finally:
            timer.cancel()

    def _outcome(self, task: Mapping[str, Any], cell: Callable[[int, int], None]) -> Outcome:
        done = 0
        for message in self._messages():
            if message["kind"] == "cell":
                done = message["done"]
                cell(done, message["total"])
            elif message["kind"] == "report":
                self._tell({"go_on": self.heard(Report.of(message))})
            elif message.get("is_pruned"):
                return Outcome("pruned", done + 1, is_pruned=True)
            elif message["kind"] == "failed":
                return Outcome(message["error"], done + 1 if message.get("in_cell") else None)
            else:
                return Outcome(
                    packages=message["packages"],
                    environment=message.get("environment"),
                    captured=message.get("captured"),
                )
        error = "stopped" if self.is_stopped else "its process was killed"
        return Outcome(error, done + 1 if task["kind"] == "notebook" else None)

    def stop(self) -> None:
        """End the worker with all it started; whoever waits for a task hears that it was stopped."""
        self._stopped.set()
        self._end()

    def _end(self) -> None:
        with self._lock:
            process = self._process
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _expect(self, kernel: Kernel) -> None:
        self.waiting.append((str(kernel["kernel"]), str(kernel["folder"])))

    def _forget(self, task: Mapping[str, Any]) -> None:
        used = (str(task.get("kernel")), str(task.get("folder")))
        if used in self.waiting:
            self.waiting.remove(used)

    def _tell(self, task: Mapping[str, Any]) -> None:
        process = self._started()
        assert process.stdin is not None  # noqa: S101  # it was opened as a pipe
        try:
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
        except (BrokenPipeError, ValueError):
            return  # the end of its messages says what happened

    def _messages(self) -> Iterator[dict[str, Any]]:
        process = self._started()
        assert process.stdout is not None  # noqa: S101  # it was opened as a pipe
        for line in process.stdout:
            yield json.loads(line)
        process.wait()
        self._close(process)
        with self._lock:
            self._process = None
        self.waiting.clear()

    def _started(self) -> subprocess.Popen[str]:
        with self._lock:
            if self._process is None:
                self._log.parent.mkdir(parents=True, exist_ok=True)
                with self._log.open("ab") as log:
                    self._process = subprocess.Popen(
                        [sys.executable, "-P", "-m", "jupyter_mlops.pipelines.executing.worker", str(os.getpid())],
                        cwd=self._root,
                        env={**os.environ, **self._environment, INSIDE: self._run, "PYTHONUNBUFFERED": "1"},
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=log,
                        text=True,
                        start_new_session=True,
                    )
            return self._process

    def close(self) -> None:
        """End it when no more is to be done."""
        self.stop()
        if self._process:
            self._close(self._process)

    @staticmethod
    def _close(process: subprocess.Popen[str]) -> None:
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


class Crew:
    """The workers of one run, as many as stages run at once, and the threads that wait for them.

    They end with the block. A worker dies with the thread that started it, so the threads live as long.

    Parameters
    ----------
    root, run, log
        As for an `Executor`.
    size
        How many.
    repeats
        Whether the same notebook is likely to run again: the trials of a sweep share one crew.
    """

    def __init__(self, root: Path, run: str, log: Path, size: int, *, repeats: bool = False) -> None:
        self._all = [Executor(root, run, log) for _ in range(size)]
        self._idle = list(self._all)
        self.threads = ThreadPoolExecutor(size, thread_name_prefix="stage")
        self.repeats = repeats

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        threads = [threading.Thread(target=each.close) for each in self._all]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.threads.shutdown()

    def take(self, kernel: Kernel | None) -> Executor:
        """An idle worker, best one in which `kernel` waits already."""
        best = min(self._idle, key=lambda each: _unfit(each, kernel))
        self._idle.remove(best)
        return best

    def give_back(self, executor: Executor) -> None:
        """`executor` is idle again."""
        self._idle.append(executor)

    def warm(self, kernels: Iterator[Kernel]) -> None:
        """Let idle workers start the kernels that will be needed next."""
        for executor in self._idle:
            if not executor.waiting and (kernel := next(kernels, None)):
                executor.warm(kernel)

    @property
    def waiting(self) -> list[tuple[str, str]]:
        """Name and folder of every kernel that waits for a notebook."""
        return [each for executor in self._all for each in executor.waiting]

    @property
    def is_stopped(self) -> bool:
        """Whether it takes no more tasks."""
        return any(executor.is_stopped for executor in self._all)

    def stop(self) -> None:
        """End every task at once."""
        for executor in self._all:
            executor.stop()


def _unfit(executor: Executor, kernel: Kernel | None) -> int:
    """How little an idle worker suits: least when the kernel waits there, most when another one would be left over."""
    if kernel and (str(kernel["kernel"]), str(kernel["folder"])) in executor.waiting:
        return 0
    return 2 if executor.waiting else 1
