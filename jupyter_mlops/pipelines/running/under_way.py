"""A run under way: stages judged, then restored, passed over, or executed side by side, and shown while they are."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from pathlib import Path

import attrs

from jupyter_mlops.pipelines.records import live
from jupyter_mlops.pipelines.records.live import LiveFile, LiveRun, LiveStage
from jupyter_mlops.pipelines.records.reports import Curves, Report
from jupyter_mlops.pipelines.running.ascribing import Ascribing
from jupyter_mlops.pipelines.running.choice import Choice
from jupyter_mlops.pipelines.running.execution import Ran, Task
from jupyter_mlops.pipelines.running.planning import Plan
from jupyter_mlops.pipelines.running.scheduling import Capacity, Schedule
from jupyter_mlops.pipelines.running.sites import Engine, Opening, Site
from jupyter_mlops.pipelines.stages.papermill_command import Value
from jupyter_mlops.pipelines.stages.specs import StageGraph, StageSpec
from jupyter_mlops.pipelines.standing.memory import Ending, fingerprint
from jupyter_mlops.pipelines.standing.pipeline import Pipeline, flattened
from jupyter_mlops.pipelines.standing.staleness import Situation, judge
from jupyter_mlops.records import Actor, Progress, StageRecord, Step, new_id, now, write_atomically

ROOT_FILE = "root"


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
    capacity
        How much runs at once.

    Attributes
    ----------
    curves
        What they reported.
    files
        What the notebooks that were listened to did to files.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        actor: Actor,
        plan: Plan,
        progress: Progress,
        capacity: Capacity,
    ) -> None:
        self.id = new_id("run")
        self.plan = plan
        self.started, self.clock = now(), time.monotonic()
        self.packages: dict[str, str] = {}
        self.parameters: dict[str, Value] = {}
        self.written: list[str] = []
        self.curves = Curves()
        self.is_stopped = False
        graph = pipeline.graph()
        self.files = Ascribing(graph.by_name.values())
        self._choice = Choice()
        self._results: dict[str, StageRecord] = {}
        self._pipeline = pipeline
        self._actor = actor
        self._progress = progress
        self._places = pipeline.places
        self._locked = pipeline.locked()
        self._stages = {stage.name: stage for stage in plan.everything}
        self._endings = pipeline.memory.endings()
        self._schedule = self._scheduled(graph, capacity)
        self._jobs = max(1, min(capacity.jobs, len(self._stages)))

    def _scheduled(self, graph: StageGraph, capacity: Capacity) -> Schedule:
        return Schedule(
            tuple(self._stages),
            {stage.name: graph.needs(stage) for stage in self.plan.stages},
            {stage.name: stage.limits for stage in self.plan.everything},
            capacity,
            {name: ending.seconds for name, ending in self._endings.items()},
        )

    @property
    def results(self) -> tuple[StageRecord, ...]:
        """What became of the stages, in the order of the plan."""
        return tuple(self._results[name] for name in self._stages if name in self._results)

    @property
    def has_failed(self) -> bool:
        """Whether a stage did not end well."""
        return self.state != "succeeded"

    @property
    def state(self) -> str:
        """How it ended: ``succeeded``, ``failed``, ``pruned`` or ``cancelled``."""
        if self.is_stopped:
            return "cancelled"
        states = {result.state for result in self.results}
        return next((state for state in ("failed", "pruned") if state in states), "succeeded")

    @property
    def has_written(self) -> bool:
        """Whether a stage was recorded."""
        return any(result.state in ("ran", "restored") for result in self.results) and bool(self.plan.stages)

    @property
    def folder(self) -> Path:
        """Private to this run; the logs stay in it."""
        return self._places.state / "runs" / self.id

    def stages(self, engine: Engine, choice: Choice) -> None:
        """Run each stage that has to, as soon as what it needs is there.

        Parameters
        ----------
        engine
            Where they are executed.
        """
        self._choice = choice
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / ROOT_FILE, str(self._places.root).encode())
        opening = Opening(self.id, self.folder, self.plan, self._jobs, self._progress, self._hear, choice.crew)
        try:
            self._work(engine, opening)
        finally:
            _tidy(self.folder)

    def _work(self, engine: Engine, opening: Opening) -> None:
        with LiveFile(self._places, self._announced()) as shown, engine.open(opening) as site:
            work = _Work(site, shown)
            try:
                while not self._schedule.is_over:
                    self._begin(work)
                    self._end_some(work)
            except KeyboardInterrupt:
                site.stop()
                self._stopped(work)
                raise
            finally:
                self.is_stopped = site.is_stopped

    def _begin(self, work: _Work) -> None:
        """Start what may start, and end at once what need not run, until nothing more can."""
        while True:
            for name, cause in self._schedule.blocked():
                self._ended(Ran(StageRecord(name, "skipped", reason=f"{cause} failed")), work.shown)
            ready = next(self._schedule.startable(), None)
            if ready is None:
                break
            stage = self._stages[ready]
            self.files.looked_at(stage, [other.stage for other in work.running.values()])
            task = self._task(stage, work.site)
            if isinstance(task, Ran):
                self._ended(task, work.shown)
            else:
                self._schedule.start(ready)
                future = work.site.begin(task, self._reporting(stage, work.shown), self._upcoming())
                work.running[future] = task
        if not self._schedule.idle:
            work.site.expect(self._upcoming())

    def _upcoming(self) -> Iterator[StageSpec]:
        """The stages that start next."""
        return (self._stages[name] for name in self._schedule.upcoming())

    def _task(self, stage: StageSpec, site: Site) -> Task | Ran:
        """What is to be executed of `stage`, or what became of it without that."""
        is_recorded = stage is not self.plan.notebook
        locked = self._locked.get(stage.name) if is_recorded else None
        now_there = site.situation(stage)
        verdict = judge(stage, locked, now_there)
        self._note_parameters(stage, now_there)
        if is_recorded and not self._choice.force and (spared := site.spared(stage, locked, now_there, verdict)):
            return spared
        if not self._choice.executes:
            return Ran(StageRecord(stage.name, "failed", reason=verdict.reason, error="no cache holds what it made"))
        return Task(stage, verdict.reason or "forced", now_there, is_recorded, self._choice.captures or not is_recorded)

    def _hear(self, report: Report) -> bool:
        self.curves.add(report)
        return self._choice.heard(report)

    def _end_some(self, work: _Work) -> None:
        """Wait until a stage ends, and take note of all that have."""
        if not work.running:
            return
        done, _ = wait(work.running, return_when=FIRST_COMPLETED)
        for future in done:
            task = work.running.pop(future)
            ran = work.site.end(task, future)
            self._remember(task, ran)
            self._ended(ran, work.shown)

    def _remember(self, task: Task, ran: Ran) -> None:
        if task.recorded:
            ending = Ending(self.id, ran.record.seconds, fingerprint(task.stage, task.now), in_words(ran.record))
            self._pipeline.memory.remember(task.stage.name, ending)

    def _ended(self, ran: Ran, shown: LiveFile) -> None:
        name = ran.record.name
        self._results[name] = ran.record
        self._schedule.end(name, ran.record.state)
        self.packages.update(ran.packages)
        self.written += ran.written
        if ran.captured:
            self.files.heard(name, ran.captured)
        shown.update(name, state=ran.record.state)

    def _stopped(self, work: _Work) -> None:
        """Wait until the stages that were stopped have put their old outputs back; one may have ended well."""
        for future, task in work.running.items():
            ran = future.result()
            stopped = StageRecord(task.stage.name, "failed", reason=task.reason, error="stopped")
            self._results[task.stage.name] = ran.record if ran.record.state == "ran" else stopped
            self.written += ran.written

    def _note_parameters(self, stage: StageSpec, now_there: Situation) -> None:
        """Pin the parameters with which the stage is judged, whatever is edited later."""
        for values in now_there.params.values():
            self.parameters.update(flattened(values, lists=True))
        if stage is self.plan.notebook and stage.papermill:
            self.parameters.update(stage.papermill.parameters)

    def _reporting(self, stage: StageSpec, shown: LiveFile) -> Progress:
        begun: list[str] = []

        def report(step: Step) -> None:
            if not begun:
                begun.append(stage.name)
                shown.update(stage.name, state="running", started=time.time())
            shown.update(stage.name, done=int(step.done), total=int(step.total or 0))
            self._progress(step)

        return report

    def _announced(self) -> LiveRun:
        known = self._endings
        waiting = tuple(
            LiveStage(stage.name, expected_s=known[stage.name].seconds if stage.name in known else None)
            for stage in self.plan.everything
        )
        pid = os.getpid()
        host, root = socket.gethostname(), str(self._places.root)
        stoppable = threading.current_thread() is threading.main_thread()
        began, who = self.started.isoformat(), self._actor.name
        return LiveRun(self.id, pid, live.born(pid), host, began, who, waiting, root, stoppable)


@attrs.frozen
class _Work:
    """What a run works with: where stages are executed, where they show, and those that run."""

    site: Site
    shown: LiveFile
    running: dict[Future[Ran], Task] = attrs.field(factory=dict)


def in_words(record: StageRecord) -> str:
    """Why a stage failed, with the cell; empty when it did not."""
    if record.state != "failed":
        return ""
    return f"cell {record.cell}: {record.error}" if record.cell else record.error


def _tidy(folder: Path) -> None:
    """Keep the logs of a run that say something, and nothing else."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.suffix not in (".log", ".txt") or not path.stat().st_size:
            path.unlink(missing_ok=True)
    with suppress(OSError):  # something is in it
        folder.rmdir()
