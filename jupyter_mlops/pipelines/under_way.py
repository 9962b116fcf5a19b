"""A run under way: each stage judged, then restored, executed or passed over, and shown while it is."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jupyter_mlops.pipelines import live, lock
from jupyter_mlops.pipelines.capture import Captured
from jupyter_mlops.pipelines.execution import Execution, Ran, Task
from jupyter_mlops.pipelines.executor import Executor
from jupyter_mlops.pipelines.live import LiveFile, LiveRun, LiveStage
from jupyter_mlops.pipelines.memory import Ending, fingerprint
from jupyter_mlops.pipelines.notebooks import Notebook
from jupyter_mlops.pipelines.papermill_command import Value
from jupyter_mlops.pipelines.pipeline import Pipeline, flattened
from jupyter_mlops.pipelines.planning import Plan
from jupyter_mlops.pipelines.stages import StageSpec
from jupyter_mlops.pipelines.staleness import Situation, judge
from jupyter_mlops.records import Actor, Progress, StageRecord, Step, new_id, now


class RunUnderWay:
    """One run while it is under way.

    Parameters
    ----------
    pipeline
        The stages.
    actor
        Who runs.
    plan
        What it looks at.
    progress
        Who hears of it.
    """

    def __init__(self, pipeline: Pipeline, actor: Actor, plan: Plan, progress: Progress) -> None:
        self.id = new_id("run")
        self.plan = plan
        self.started, self.clock = now(), time.monotonic()
        self.results: list[StageRecord] = []
        self.packages: dict[str, str] = {}
        self.parameters: dict[str, Value] = {}
        self.written: list[str] = []
        self.captured: Captured | None = None
        self._pipeline = pipeline
        self._actor = actor
        self._progress = progress
        self._places = pipeline.places
        self._graph = pipeline.graph()
        self._locked = pipeline.locked()

    @property
    def has_failed(self) -> bool:
        """Whether a stage failed."""
        return any(result.state == "failed" for result in self.results)

    @property
    def has_written(self) -> bool:
        """Whether a stage was recorded."""
        return any(result.state == "ran" for result in self.results) and bool(self.plan.stages)

    def stages(self, *, force: bool) -> None:
        """Run each stage that has to."""
        folder = self._places.state / "runs" / self.id
        folder.mkdir(parents=True, exist_ok=True)
        with (
            LiveFile(self._places, self._announced()) as shown,
            Executor(self._places.root, self.id, folder / "log.txt") as executor,
        ):
            execution = Execution(self._pipeline, folder, executor)
            for position, stage in enumerate(self.plan.everything):
                ran = self._one(stage, execution, shown, self._following(position), force=force)
                self.results.append(ran.record)
                self.packages.update(ran.packages)
                self.written += ran.written
                self.captured = ran.captured or self.captured
                shown.update(stage.name, state=ran.record.state)
        _tidy(folder)

    def _one(
        self,
        stage: StageSpec,
        execution: Execution,
        shown: LiveFile,
        following: Mapping[str, Any] | None,
        *,
        force: bool,
    ) -> Ran:
        broken = {result.name for result in self.results if result.state in ("failed", "skipped")}
        if blocked := self._graph.needs(stage) & broken:
            return Ran(StageRecord(stage.name, "skipped", reason=f"{min(blocked)} failed"))
        is_recorded = stage is not self.plan.notebook
        locked = self._locked.get(stage.name) if is_recorded else None
        now_there = self._pipeline.situation(stage)
        verdict = judge(stage, locked, now_there)
        self._note_parameters(stage, now_there)
        if locked and not force and verdict.state == "up-to-date":
            return Ran(_unchanged(self._places.root, stage, locked, "up-to-date"))
        if locked and not force and verdict.restorable and self._restored(verdict.missing, locked):
            return Ran(_unchanged(self._places.root, stage, locked, "restored", verdict.reason))
        task = Task(stage, verdict.reason or "forced", now_there, recorded=is_recorded)
        try:
            ran = execution.run(task, self._reporting(stage, shown), following)
        except KeyboardInterrupt:
            self.results.append(StageRecord(stage.name, "failed", reason=task.reason, error="stopped"))
            raise
        if is_recorded:
            ending = Ending(self.id, ran.record.seconds, fingerprint(stage, now_there), in_words(ran.record))
            self._pipeline.memory.remember(stage.name, ending)
        return ran

    def _note_parameters(self, stage: StageSpec, now_there: Situation) -> None:
        """Pin the parameters with which the stage is judged, whatever is edited later."""
        for values in now_there.params.values():
            self.parameters.update(flattened(values, lists=True))
        if stage is self.plan.notebook and stage.papermill:
            self.parameters.update(stage.papermill.parameters)

    def _restored(self, missing: Iterable[str], locked: lock.Locked) -> bool:
        data = self._pipeline.data
        wanted = {path: locked.outs[path] for path in missing}
        if not all(data.holds(pin) for pin in wanted.values()):
            return False
        for path, pin in wanted.items():
            data.restore(path, pin, self._progress)
        return True

    def _reporting(self, stage: StageSpec, shown: LiveFile) -> Progress:
        shown.update(stage.name, state="running", started=time.time())
        self._progress(Step(stage.name, unit="cells"))

        def report(step: Step) -> None:
            shown.update(stage.name, done=int(step.done), total=int(step.total or 0))
            self._progress(step)

        return report

    def _following(self, position: int) -> dict[str, Any] | None:
        """The kernel to start while this stage runs: that of the next notebook, when it waits for this one."""
        stage, *after = self.plan.everything[position : position + 2]
        command = after[0].papermill if after and stage.name in self._graph.needs(after[0]) else None
        if command is None:
            return None
        notebook = Notebook.read(self._places.root, command.notebook)
        return {
            "kernel": command.kernel or notebook.kernel or "",
            "folder": str(self._places.root / (command.cwd or ".")),
            "preload": notebook.imports(self._pipeline.preload),
        }

    def _announced(self) -> LiveRun:
        endings = self._pipeline.memory.endings()
        waiting = tuple(
            LiveStage(stage.name, expected_s=endings[stage.name].seconds if stage.name in endings else None)
            for stage in self.plan.everything
        )
        pid = os.getpid()
        return LiveRun(
            self.id, pid, live.born(pid), socket.gethostname(), self.started.isoformat(), self._actor.name, waiting
        )


def _unchanged(root: Path, stage: StageSpec, locked: lock.Locked, state: str, reason: str = "") -> StageRecord:
    """The record of a stage that did not have to run: what ``dvc.lock`` says of it."""
    return StageRecord(
        name=stage.name,
        state=state,
        reason=reason,
        notebook=stage.papermill.output if stage.papermill else None,
        inputs={path: locked.deps[path].md5 for path in stage.data if path in locked.deps},
        outputs={path: pin.md5 for path, pin in locked.outs.items()},
        code=Notebook.read(root, stage.notebook).code_digest if stage.notebook else None,
    )


def in_words(record: StageRecord) -> str:
    """Why a stage failed, with the cell; empty when it did not."""
    if record.state != "failed":
        return ""
    return f"cell {record.cell}: {record.error}" if record.cell else record.error


def _tidy(folder: Path) -> None:
    """Keep the log of a run, and nothing else."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != "log.txt":
            path.unlink(missing_ok=True)
