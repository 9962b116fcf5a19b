"""One stage, run to its end: what is hashed is what is executed, and the last good outputs survive a failure."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from jupyter_mlops.pipelines.capturing.capture import Captured
from jupyter_mlops.pipelines.executing.executor import Executor, Outcome
from jupyter_mlops.pipelines.executing.secrecy import named_in
from jupyter_mlops.pipelines.records import deposit
from jupyter_mlops.pipelines.records.recording import traits
from jupyter_mlops.pipelines.running.reservations import claimed
from jupyter_mlops.pipelines.stages import lock
from jupyter_mlops.pipelines.stages.lock import Locked, Pin
from jupyter_mlops.pipelines.stages.notebooks import Notebook
from jupyter_mlops.pipelines.stages.papermill_command import NotebookCommand
from jupyter_mlops.pipelines.stages.specs import Out, StageSpec
from jupyter_mlops.pipelines.standing.pipeline import Pipeline
from jupyter_mlops.pipelines.standing.run_cache import RunCache
from jupyter_mlops.pipelines.standing.staleness import Situation
from jupyter_mlops.records import Progress, StageRecord, Step

LOCAL = "executed/local"
ASIDE = "aside"
LONGEST_PAUSE_S = 30.0


@attrs.frozen
class Task:
    """A stage about to run.

    Attributes
    ----------
    reason
        Why it runs.
    now
        What its deps, outs and parameters are, as they were hashed.
    recorded
        Whether it is a stage of ``dvc.yaml``, so that ``dvc.lock`` records it.
    captures
        Whether it is heard what its notebook reads and writes.
    """

    stage: StageSpec
    reason: str
    now: Situation
    recorded: bool = True
    captures: bool = False


@attrs.frozen
class Ran:
    """What came of a stage: its record, what was installed, ``.gitignore`` files written, what its notebook did."""

    record: StageRecord
    packages: Mapping[str, str] = attrs.field(factory=dict)
    written: tuple[str, ...] = ()
    captured: Captured | None = None


class Execution:
    """Runs stages of one run, several at a time, each in a thread of its own.

    Parameters
    ----------
    pipeline
        The stages and their files.
    folder
        Private to this run: snapshots, outputs set aside, the logs.
    """

    def __init__(self, pipeline: Pipeline, folder: Path) -> None:
        self._pipeline = pipeline
        self._root = pipeline.places.root
        self._data = pipeline.data
        self._folder = folder
        self._publishing = threading.Lock()

    def run(
        self, task: Task, executor: Executor, progress: Progress, following: Mapping[str, Any] | None = None
    ) -> Ran:
        """Run one stage to its end; an error of the stage is in the record, not raised.

        Parameters
        ----------
        executor
            The child process that is free for it.
        following
            Kernel, folder and preloaded modules of the notebook after this one, to be started meanwhile.
        """
        start = time.monotonic()
        if missing := [path for path, pin in task.now.deps.items() if pin is None]:
            return Ran(failed(task, f"{missing[0]} is missing"))
        aside = Aside(self._root, self._folder, task.stage.name)
        with claimed(self._pipeline, task.stage, self._folder.name):
            aside.put(task.stage.outs)
            try:
                ran = self._attempted(task, aside, executor, progress, following)
            except BaseException:
                aside.give_back(task.stage.outs)
                raise
            if ran.record.state != "ran":
                aside.give_back(task.stage.outs)
            aside.forget()
        seconds = round(time.monotonic() - start, 3)
        return attrs.evolve(ran, record=attrs.evolve(ran.record, seconds=seconds))

    def execute(self, task: Task, executor: Executor, progress: Progress) -> Outcome:
        """Execute one stage once, and put its notebook in its place; nothing is saved, and nothing recorded."""
        command = task.stage.papermill
        _, _, outcome = self._executed(task, command, executor, progress, None)
        if command and self._output(task).exists():
            self._publish(task, command.output)
        return outcome

    def _attempted(
        self,
        task: Task,
        aside: Aside,
        executor: Executor,
        progress: Progress,
        following: Mapping[str, Any] | None,
    ) -> Ran:
        """Execute, again after a failure as often as the stage allows, and save what it wrote."""
        command = task.stage.papermill
        for attempt in range(1, task.stage.limits.retries + 2):
            if attempt > 1:
                aside.clear(task.stage.outs)
                executor.pause(min(LONGEST_PAUSE_S, 2.0 ** (attempt - 2)))
            task, notebook, outcome = self._executed(task, command, executor, progress, following)
            if not outcome.error or outcome.is_pruned or executor.is_stopped:
                break
        if error := outcome.error or self._problem(task, command):
            kept = self._keep_failed(task, command)
            record = failed(task, error, cell=outcome.cell, notebook=kept)
            ran = Ran(attrs.evolve(record, state="pruned") if outcome.is_pruned else record, outcome.packages)
        else:
            with self._data.in_use():
                ran = self._saved(task, aside, notebook, outcome)
        return attrs.evolve(ran, record=attrs.evolve(ran.record, attempts=attempt))

    def _executed(
        self,
        task: Task,
        command: NotebookCommand | None,
        executor: Executor,
        progress: Progress,
        following: Mapping[str, Any] | None,
    ) -> tuple[Task, Notebook | None, Outcome]:
        if command:
            return self._notebook(task, command, executor, progress, following)
        self._make_folders(task.stage)
        progress(Step(task.stage.name))
        order = {
            "kind": "shell",
            "commands": task.stage.commands,
            "folder": str(self._root / task.stage.folder),
            "log": str(self._log(task)),
        }
        return task, None, executor.execute(order, _unheard, task.stage.limits.timeout_s)

    def _log(self, task: Task) -> Path:
        """Where what the stage prints beside its cells goes."""
        return self._folder / f"{task.stage.name}.log"

    def _problem(self, task: Task, command: NotebookCommand | None) -> str:
        """Why what the stage did cannot be recorded, though it ended well; empty when it can."""
        output = command.output if command else None
        for out in task.stage.outs:
            if out.path != output and not (self._root / out.path).exists():
                return f"it did not write {out.path}"
        if changed := self._changed_meanwhile(task):
            return f"{changed} changed while the stage ran, so nothing was recorded"
        return ""

    def _notebook(
        self,
        task: Task,
        command: NotebookCommand,
        executor: Executor,
        progress: Progress,
        following: Mapping[str, Any] | None,
    ) -> tuple[Task, Notebook, Outcome]:
        """Execute a snapshot of the notebook; its digest, not that of a later edit, is what was run."""
        snapshot = self._folder / f"{task.stage.name}.source.ipynb"
        data = (self._root / command.notebook).read_bytes()
        snapshot.write_bytes(data)
        notebook = Notebook.read(self._folder, snapshot.name)
        name = task.stage.name
        outcome = executor.execute(
            {
                "kind": "notebook",
                "source": command.notebook,
                "target": command.output,
                "snapshot": str(snapshot),
                "output": str(self._output(task)),
                "parameters": dict(command.parameters),
                "files": command.files,
                "kernel": command.kernel or notebook.kernel,
                "language": notebook.language,
                "folder": str(self._root / (command.cwd or ".")),
                "log": str(self._log(task)),
                "secrets": [*named_in(notebook, command.parameters)],
                "outs": [out.path for out in task.stage.outs if out.path != command.output],
                "environments": str(deposit.folder(self._pipeline.places)),
                "next": following,
                "capture": task.captures,
            },
            lambda done, total: progress(Step(name, done, total, "cells")),
            task.stage.limits.timeout_s,
        )
        deps = {**task.now.deps, **self._pipeline.keys.own(task.stage, data)}
        return attrs.evolve(task, now=attrs.evolve(task.now, deps=deps)), notebook, outcome

    def _make_folders(self, stage: StageSpec) -> None:
        for out in stage.outs:
            (self._root / out.path).parent.mkdir(parents=True, exist_ok=True)

    def _output(self, task: Task) -> Path:
        self._make_folders(task.stage)
        return self._folder / f"{task.stage.name}.ipynb"

    def _keep_failed(self, task: Task, command: NotebookCommand | None) -> str | None:
        """Put the executed notebook, with its error, where people can open it."""
        if command is None or not self._output(task).exists():
            return None
        return self._publish(task, f"{LOCAL}/{task.stage.name}.ipynb")

    def _publish(self, task: Task, path: str) -> str:
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.startswith(f"{LOCAL}/"):
            (target.parent / ".gitignore").write_text("*\n")
        shutil.move(self._output(task), target)
        return path

    def _saved(self, task: Task, aside: Aside, notebook: Notebook | None, outcome: Outcome) -> Ran:
        """Save what the stage wrote, and record it."""
        stage, command = task.stage, task.stage.papermill
        if command:
            self._publish(task, command.output)
        outs = {out.path: self._pinned(out) for out in stage.outs}
        record = StageRecord(
            name=stage.name,
            state="ran",
            reason=task.reason,
            notebook=command.output if command else None,
            inputs={path: pin.md5 for path in stage.data if (pin := task.now.deps[path])},
            outputs={path: pin.md5 for path, pin in outs.items()},
            environment=outcome.environment,
            **(traits(notebook, command.parameters, command.notebook) if command and notebook else {}),
        )
        with self._publishing:
            written = tuple(filter(None, (self._data.ignore(out.path) for out in stage.outs if out.cached)))
            if task.recorded:
                self._record(task, aside, outs)
        captured = Captured.of(outcome.captured) if outcome.captured else None
        return Ran(record, outcome.packages, written, captured)

    def _record(self, task: Task, aside: Aside, outs: Mapping[str, Pin]) -> None:
        """Say in ``dvc.lock`` and in the run-cache what the stage made of what."""
        deps = {path: pin for path, pin in task.now.deps.items() if pin}
        locked = Locked(task.stage.command, deps, outs, task.now.params)
        with self._data.publishing():
            aside.retire()
            lock.write(self._root, task.stage, locked)
        RunCache(self._data.cache).save(task.stage, locked)

    def _pinned(self, out: Out) -> Pin:
        """What an output holds, brought into the cache: git's own outputs too, for the run-cache."""
        pin = self._data.save(out.path)
        if pin is None:
            raise FileNotFoundError(out.path)
        return pin

    def _changed_meanwhile(self, task: Task) -> str | None:
        """The first input, or a parameter, that is not what was hashed; the notebook ran from a snapshot."""
        for path, pin in task.now.deps.items():
            if path not in (task.stage.notebook, task.stage.key) and self._data.pin(path) != pin:
                return path
        return None if self._pipeline.values(task.stage) == task.now.params else "a parameter"


class Aside:
    """Outputs of the last good run of one stage, kept while it writes new ones.

    Parameters
    ----------
    root
        The folder of the project.
    folder
        The private folder of the run.
    stage
        The name of the stage.
    """

    def __init__(self, root: Path, folder: Path, stage: str) -> None:
        self._root = root
        self._folder = folder / ASIDE / stage
        self._retired = folder / "retired" / stage

    def put(self, outs: Iterable[Out]) -> None:
        """Move `outs` away; those that have to stay in place are copied."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for out in outs:
            place, kept = self._root / out.path, self._folder / out.path
            if os.path.lexists(place):
                kept.parent.mkdir(parents=True, exist_ok=True)
                (_copy if out.persist else shutil.move)(place, kept)

    def give_back(self, outs: Iterable[Out]) -> None:
        """Put everything back; whatever the failed stage wrote there goes."""
        for out in outs:
            place, kept = self._root / out.path, self._folder / out.path
            remove(place)
            if os.path.lexists(kept):
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(kept, place)
        self.forget()

    def clear(self, outs: Iterable[Out]) -> None:
        """Remove what a failed attempt wrote; an output that has to stay in place begins as it was."""
        for out in outs:
            place, kept = self._root / out.path, self._folder / out.path
            remove(place)
            if out.persist and os.path.lexists(kept):
                _copy(kept, place)

    def recover(self, outs: Iterable[Out]) -> None:
        """After a kill: put back what still waits."""
        self.give_back([out for out in outs if os.path.lexists(self._folder / out.path)])

    def retire(self) -> None:
        """From now on the new outputs count: a kill must not bring the old ones back."""
        if self._folder.exists():
            self._retired.parent.mkdir(exist_ok=True)
            self._folder.rename(self._retired)

    def forget(self) -> None:
        """Drop what waits."""
        for folder in (self._folder, self._retired):
            shutil.rmtree(folder, ignore_errors=True)


def _copy(place: Path, kept: Path) -> None:
    if place.is_dir():
        shutil.copytree(place, kept, symlinks=True)
    else:
        shutil.copy2(place, kept)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _unheard(_done: int, _total: int) -> None:
    """A command has no cells."""


def failed(task: Task, error: str, *, cell: int | None = None, notebook: str | None = None) -> StageRecord:
    """The record of a stage that failed, in one line `error`."""
    return StageRecord(
        name=task.stage.name,
        state="failed",
        reason=task.reason,
        cell=cell,
        notebook=notebook,
        error=error,
        source=task.stage.notebook,
    )
