"""A run: the stale stages in order, each executed in a child process, recorded as DVC records it."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import attrs

from jupyter_mlops.errors import Cancelled, UsageError
from jupyter_mlops.pipelines import live, lock
from jupyter_mlops.pipelines.execution import Aside, Execution, Ran, Task
from jupyter_mlops.pipelines.executor import Executor
from jupyter_mlops.pipelines.live import LiveFile, LiveRun, LiveStage
from jupyter_mlops.pipelines.memory import Ending, fingerprint
from jupyter_mlops.pipelines.notebooks import Notebook
from jupyter_mlops.pipelines.papermill_command import Value
from jupyter_mlops.pipelines.pipeline import Pipeline, flattened
from jupyter_mlops.pipelines.planning import Plan, require_kernel
from jupyter_mlops.pipelines.runs import RunRecords
from jupyter_mlops.pipelines.stages import StageSpec
from jupyter_mlops.pipelines.staleness import Situation, judge
from jupyter_mlops.pipelines.turns import stoppable, turn
from jupyter_mlops.pipelines.worker import INSIDE
from jupyter_mlops.records import Actor, Progress, StageRecord, Step, VersionRecord, new_id, now
from jupyter_mlops.versioning.git import Git


@attrs.frozen
class Choice:
    """How to run.

    Attributes
    ----------
    force
        Run up-to-date stages too.
    git
        Commit ``dvc.lock``, metrics kept by git, and `also`.
    also
        Files written for the run, such as ``params.yaml``.
    """

    force: bool = False
    git: bool = True
    also: tuple[str, ...] = ()


@attrs.frozen
class Finished:
    """How a run ended.

    Attributes
    ----------
    record
        None when nothing had to run: such a run is not recorded.
    git_commit
        The commit of ``dvc.lock``, None without one.
    """

    stages: tuple[StageRecord, ...]
    record: VersionRecord | None = None
    git_commit: str | None = None


class Runner:
    """Runs the pipeline of one project.

    Parameters
    ----------
    pipeline
        The stages.
    records
        Where the run is kept.
    git
        The repository, for the commit that a run belongs to.
    actor
        Who runs.
    """

    def __init__(self, pipeline: Pipeline, records: RunRecords, git: Git, actor: Actor) -> None:
        self._pipeline = pipeline
        self._records = records
        self._git = git
        self._actor = actor
        self._places = pipeline.places

    def preview(self, plan: Plan, *, force: bool = False) -> tuple[StageRecord, ...]:
        """What a run would do, and why; nothing is run or written."""
        locked, pending = self._pipeline.locked(), set[str]()
        graph = self._pipeline.graph()
        found = []
        for stage in plan.stages:
            verdict = self._pipeline.verdict(stage, locked.get(stage.name))
            behind = graph.needs(stage) & pending
            record = StageRecord(stage.name, "up-to-date")
            if verdict.restorable and not force and self._can_restore(verdict.missing, locked[stage.name]):
                record = StageRecord(stage.name, "restored", reason=verdict.reason)
            elif force or verdict.state != "up-to-date":
                record = StageRecord(stage.name, "ran", reason=verdict.reason or "forced")
            elif behind:
                record = StageRecord(stage.name, "ran", reason=f"if {', '.join(sorted(behind))} changes its outputs")
            if record.state == "ran":
                pending.add(stage.name)
            found.append(record)
        if plan.notebook:
            found.append(StageRecord(plan.notebook.name, "ran", reason="asked for"))
        return tuple(found)

    def run(self, prepare: Callable[[], Plan], progress: Progress, choice: Choice) -> Finished:
        """Run what is stale in the plan; runs of several processes take turns.

        Parameters
        ----------
        prepare
            Makes the plan, and writes the parameters it needs, once it is our turn: what
            waited for another run must not work with what it saw before.

        Raises
        ------
        UsageError
            ``nested-run``, ``detached-head``, ``unfinished-merge``.
        EnvironmentFault
            ``kernel-missing``; ``cancelled``.
        """
        with stoppable(), turn(self._places, progress):
            self._recover()
            plan = prepare()
            self.require_runnable(plan, git=choice.git)
            run = _Run(self._pipeline, self._actor, plan, progress)
            state = "cancelled"
            try:
                run.stages(force=choice.force)
                state = "failed" if run.has_failed else "succeeded"
            except KeyboardInterrupt as error:
                raise Cancelled("the run; finished stages are kept") from error
            finally:
                commit = self._committed(run, choice.also) if choice.git and state != "cancelled" else None
                record = self._kept(run, state, commit)
        return Finished(tuple(run.results), record, commit)

    def require_runnable(self, plan: Plan, *, git: bool) -> None:
        """Refuse before anything is written.

        Raises
        ------
        UsageError
            ``nested-run``; with `git` also ``detached-head``, ``unfinished-merge``.
        EnvironmentFault
            ``kernel-missing``.
        """
        if os.environ.get(INSIDE):
            raise UsageError(
                "nested-run",
                "A notebook that runs as a stage cannot start another run.",
                hint="Make both stages, and let one depend on the other.",
            )
        if git:
            self._git.require_committable()
        for stage in plan.everything:
            if command := stage.papermill:
                require_kernel(Notebook.read(self._places.root, command.notebook), command)

    def _can_restore(self, missing: Iterable[str], locked: lock.Locked) -> bool:
        return all(self._pipeline.data.holds(locked.outs[path]) for path in missing)

    def _recover(self) -> None:
        """Put right what killed runs left: their live files, and outputs they had set aside."""
        live.sweep(self._places)
        outs = [out for stage in self._pipeline.graph().by_name.values() for out in stage.outs]
        for folder in (self._places.state / "runs").glob("run-*"):
            Aside(self._places.root, folder).recover(outs)

    def _committed(self, run: _Run, also: Sequence[str]) -> str | None:
        if not run.has_written:
            return None
        metrics = [out.path for stage in run.plan.stages for out in stage.outs if not out.cached]
        kept = [path for path in metrics if not self._git.succeeds("check-ignore", "-q", "--", path)]
        paths = ["dvc.lock", *also, *kept, *run.written]
        existing = [path for path in paths if (self._places.root / path).exists()]
        names = ", ".join(stage.name for stage in run.results if stage.state == "ran")
        return self._git.commit_only(existing, f"run: {names}", self._actor)

    def _is_dirty(self, plan: Plan) -> bool:
        """Whether tracked files differ from HEAD, or an input is kept by nobody."""
        deps = sorted({dep for stage in plan.everything for dep in stage.deps if "://" not in dep})
        return bool(
            self._git.run("status", "--porcelain", "--untracked-files=no")
            or self._git.run("status", "--porcelain", "--", "dvc.yaml", *deps)
        )

    def _kept(self, run: _Run, state: str, commit: str | None) -> VersionRecord | None:
        """Append the record of a run in which anything happened."""
        if not any(stage.state in ("ran", "failed", "restored") for stage in run.results):
            return None
        record = VersionRecord(
            run=run.id,
            state=state,
            started=run.started,
            seconds=round(time.monotonic() - run.clock, 3),
            author=self._actor,
            git_commit=commit or self._git.head(),
            dirty=self._is_dirty(run.plan),
            stages=tuple(run.results),
            parameters=run.parameters,
            metrics=self._pipeline.metrics(),
            packages=run.packages,
        )
        self._records.append(record, self._actor)
        return record


class _Run:
    """One run under way."""

    def __init__(self, pipeline: Pipeline, actor: Actor, plan: Plan, progress: Progress) -> None:
        self.id = new_id("run")
        self.plan = plan
        self.started, self.clock = now(), time.monotonic()
        self.results: list[StageRecord] = []
        self.packages: dict[str, str] = {}
        self.parameters: dict[str, Value] = {}
        self.written: list[str] = []
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
                shown.update(stage.name, state=ran.record.state)
        _tidy(folder)

    def _one(
        self,
        stage: StageSpec,
        execution: Execution,
        shown: LiveFile,
        following: Mapping[str, str] | None,
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

    def _following(self, position: int) -> dict[str, str] | None:
        """The kernel to start while this stage runs: that of the next notebook, when it waits for this one."""
        stage, *after = self.plan.everything[position : position + 2]
        command = after[0].papermill if after and stage.name in self._graph.needs(after[0]) else None
        if command is None:
            return None
        kernel = command.kernel or Notebook.read(self._places.root, command.notebook).kernel or ""
        return {"kernel": kernel, "folder": str(self._places.root / (command.cwd or "."))}

    def _announced(self) -> LiveRun:
        endings = self._pipeline.memory.endings()
        waiting = tuple(
            LiveStage(stage.name, expected_s=endings[stage.name].seconds if stage.name in endings else None)
            for stage in self.plan.everything
        )
        pid = os.getpid()
        return LiveRun(
            self.id, pid, live.born(pid), socket.gethostname(), self.started.isoformat(), str(self._actor), waiting
        )


def _unchanged(root: Path, stage: StageSpec, locked: lock.Locked, state: str, reason: str = "") -> StageRecord:
    """The record of a stage that did not have to run: what ``dvc.lock`` says of it."""
    return StageRecord(
        name=stage.name,
        state=state,
        reason=reason,
        notebook=stage.papermill.output if stage.papermill else None,
        inputs={path: pin.md5 for path, pin in locked.deps.items() if path != stage.notebook},
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
