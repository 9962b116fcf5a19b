"""The coordinator's end of the worker: start it, give it tasks, hear its messages, end it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import attrs

from jupyter_mlops.pipelines.worker import INSIDE

PATIENCE_S = 3.0


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
    captured
        What it read and wrote, as the worker says it; None when nobody asked.
    """

    error: str = ""
    cell: int | None = None
    packages: Mapping[str, str] = attrs.field(factory=dict)
    captured: Mapping[str, Any] | None = None


class Executor:
    """One worker process for one run; it ends with the block.

    Parameters
    ----------
    root
        The folder of the project.
    run
        The id of the run.
    log
        Where what the worker and its commands print goes.
    """

    def __init__(self, root: Path, run: str, log: Path) -> None:
        self._root = root
        self._run = run
        self._log = log
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def execute(self, task: Mapping[str, Any], cell: Callable[[int, int], None]) -> Outcome:
        """Execute one task to its end; `cell` hears the code cells done and the number of all."""
        self._tell(task)
        done = 0
        for message in self._messages():
            if message["kind"] == "cell":
                done = message["done"]
                cell(done, message["total"])
            elif message["kind"] == "failed":
                return Outcome(message["error"], done + 1 if message.get("in_cell") else None)
            else:
                return Outcome(packages=message["packages"], captured=message.get("captured"))
        return Outcome("its process was killed", done + 1 if task["kind"] == "notebook" else None)

    def _tell(self, task: Mapping[str, Any]) -> None:
        process = self._started()
        assert process.stdin is not None  # noqa: S101  # it was opened as a pipe
        try:
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            return  # the end of its messages says what happened

    def _messages(self) -> Iterator[dict[str, Any]]:
        process = self._started()
        assert process.stdout is not None  # noqa: S101  # it was opened as a pipe
        for line in process.stdout:
            yield json.loads(line)
        self._process = None
        process.wait()

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "jupyter_mlops.pipelines.worker", str(os.getpid())],
                    cwd=self._root,
                    env={**os.environ, INSIDE: self._run, "PYTHONUNBUFFERED": "1"},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    start_new_session=True,
                )
        return self._process
