"""A run: the stale stages, each executed in a child process as soon as its inputs are there, recorded as DVC does."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import attrs

from jupyter_mlops.errors import Cancelled, UsageError
from jupyter_mlops.pipelines.capturing.capture import Captured
from jupyter_mlops.pipelines.executing import kernels
from jupyter_mlops.pipelines.executing.secrecy import named_in, require_secrets
from jupyter_mlops.pipelines.executing.worker import INSIDE
from jupyter_mlops.pipelines.records import live
from jupyter_mlops.pipelines.records.recording import Beginning
from jupyter_mlops.pipelines.records.runs import RunRecords
from jupyter_mlops.pipelines.running.choice import Choice
from jupyter_mlops.pipelines.running.execution import ASIDE, Aside
from jupyter_mlops.pipelines.running.here import Local
from jupyter_mlops.pipelines.running.planning import Plan, require_kernel, with_parameters
from jupyter_mlops.pipelines.running.sites import Engine
from jupyter_mlops.pipelines.running.turns import stoppable, turn
from jupyter_mlops.pipelines.running.under_way import ROOT_FILE, RunUnderWay
from jupyter_mlops.pipelines.stages import lock
from jupyter_mlops.pipelines.stages.notebooks import Notebook
from jupyter_mlops.pipelines.stages.papermill_command import NotebookCommand, Value
from jupyter_mlops.pipelines.stages.specs import StageSpec
from jupyter_mlops.pipelines.standing.pipeline import Pipeline
from jupyter_mlops.pipelines.standing.staleness import judge
from jupyter_mlops.records import Actor, Places, Progress, Scalar, StageRecord, VersionRecord
from jupyter_mlops.versioning.git import Git


@attrs.frozen
class Finished:
    """How a run ended.

    Attributes
    ----------
    record
        None when nothing had to run: such a run is not recorded.
    git_commit
        The commit of ``dvc.lock``, None without one.
    captured
        What each notebook that was listened to read and wrote, by stage; those that failed are left out.
    """

    stages: tuple[StageRecord, ...]
    record: VersionRecord | None = None
    git_commit: str | None = None
    captured: Mapping[str, Captured] = attrs.field(factory=dict)


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
    engine
        Where stages are executed; this machine when nobody says.
    """

    def __init__(
        self, pipeline: Pipeline, records: RunRecords, git: Git, actor: Actor, engine: Engine | None = None
    ) -> None:
        self._pipeline = pipeline
        self._records = records
        self._git = git
        self._actor = actor
        self._engine = engine or Local(pipeline)
        self._places = pipeline.places

    def preview(
        self, plan: Plan, *, force: bool = False, chosen: Mapping[str, Mapping[str, Value]] = MappingProxyType({})
    ) -> tuple[StageRecord, ...]:
        """What a run would do, and why, with the parameters `chosen` by file; nothing is run or written."""
        locked, pending = self._pipeline.locked(), set[str]()
        graph = self._pipeline.graph()
        found = []
        for stage in plan.stages:
            now_there = self._engine.situation(stage)
            will_be = attrs.evolve(now_there, params=with_parameters(now_there.params, chosen))
            verdict = judge(stage, locked.get(stage.name), will_be)
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
            self.require_secrets(plan, force=choice.force)
            available = self._engine.capacity(plan, choice.jobs)
            beginning = self._records.recording.look(plan.everything)
            refreshed = self._refreshed(plan)
            run = RunUnderWay(self._pipeline, self._actor, plan, progress, available)
            state = "cancelled"
            try:
                run.stages(self._engine, choice)
                state = run.state
            except KeyboardInterrupt as error:
                raise Cancelled("the run; finished stages are kept") from error
            finally:
                also = (*choice.also, *refreshed)
                commit = self._committed(run, also) if choice.git and state != "cancelled" else None
                record = self._kept(run, state, commit, beginning, choice.labels) if choice.executes else None
        return Finished(run.results, record, commit, run.files.captured())

    def _refreshed(self, plan: Plan) -> tuple[str, ...]:
        """Bring the keys of the plan's notebooks up to date; the files that changed."""
        if not plan.keys:
            return ()
        with self._pipeline.data.publishing():
            return self._pipeline.keys.refresh(plan.keys, self._pipeline.locked())

    def require_runnable(self, plan: Plan, *, git: bool) -> None:
        """Refuse before anything is written.

        Raises
        ------
        UsageError
            ``nested-run``; with `git` also ``detached-head``, ``unfinished-merge``.
        MlopsError
            What the engine cannot execute: ``kernel-missing``, and what a cluster misses.
        """
        self.require_outside()
        if git:
            self._git.require_committable()
        self._engine.require(plan)

    @staticmethod
    def require_outside() -> None:
        """Refuse to run from within a run.

        Raises
        ------
        UsageError
            ``nested-run``.
        """
        if os.environ.get(INSIDE):
            raise UsageError(
                "nested-run",
                "A notebook that runs as a stage cannot start another run.",
                hint="Make both stages, and let one depend on the other.",
            )

    def require_secrets(self, plan: Plan, given: Mapping[str, Value] | None = None, *, force: bool = False) -> None:
        """Refuse before anything is written or run when a secret is missing that a stage about to run asks for.

        Parameters
        ----------
        given
            Parameters that ``params.yaml`` does not hold yet.

        Raises
        ------
        EnvironmentFault
            ``secret-missing``, ``keyring-missing``.
        UsageError
            ``bad-secret-reference``, ``secret-needs-python``.
        """
        if not self._engine.is_here:
            return  # whoever executes has them, and says so when not
        root = self._places.root
        asking: dict[str, tuple[Notebook, NotebookCommand, Mapping[str, Value]]] = {}
        for stage in plan.everything:
            if command := stage.papermill:
                notebook = Notebook.read(root, command.notebook)
                own = {name: value for name, value in (given or {}).items() if name in command.parameters}
                values = {**command.parameters, **own}
                if named_in(notebook, values):
                    asking[stage.name] = notebook, command, values
        if not asking:
            return
        idle = {one.name for one in self.preview(plan, force=force) if one.state != "ran" and not given}
        for name, (notebook, command, known) in asking.items():
            if name not in idle:
                kernel = require_kernel(notebook, command)
                require_secrets(notebook, known, root, kernels.environment(kernel))

    def _can_restore(self, missing: Iterable[str], locked: lock.Locked) -> bool:
        return all(self._pipeline.data.holds(locked.outs[path]) for path in missing)

    def _recover(self) -> None:
        """Put right what killed runs of this work tree left: their live files, and outputs they had set aside."""
        live.sweep(self._places)
        outs = {stage.name: stage.outs for stage in self._pipeline.graph().by_name.values()}
        # `Path.glob` fails when a folder goes while it looks: runs of other work trees are not ours to wait for.
        for folder in map(Path, glob.glob(str(self._places.state / "runs" / "run-*" / ASIDE / "*"))):  # noqa: PTH207
            run = folder.parent.parent
            if folder.name in outs and _is_of(run, self._places):
                Aside(self._places.root, run, folder.name).recover(outs[folder.name])

    def _committed(self, run: RunUnderWay, also: Sequence[str]) -> str | None:
        if not run.has_written and "dvc.lock" not in also:
            return None
        metrics = [out.path for stage in run.plan.stages for out in stage.outs if not out.cached]
        kept = [path for path in metrics if not self._git.succeeds("check-ignore", "-q", "--", path)]
        paths = ["dvc.lock", *also, *kept, *run.written]
        existing = [path for path in paths if (self._places.root / path).exists()]
        names = ", ".join(stage.name for stage in run.results if stage.state in ("ran", "restored"))
        names = names or "keys of notebooks"
        return self._git.commit_only(existing, f"run: {names}", self._actor)

    def _is_dirty(self, plan: Plan) -> bool:
        """Whether tracked files differ from HEAD, or an input is kept by nobody."""
        deps = sorted({dep for stage in plan.everything for dep in stage.deps if "://" not in dep})
        return bool(
            self._git.run("status", "--porcelain", "--untracked-files=no")
            or self._git.run("status", "--porcelain", "--", "dvc.yaml", *deps)
        )

    def _kept(
        self, run: RunUnderWay, state: str, commit: str | None, beginning: Beginning, labels: Mapping[str, Scalar]
    ) -> VersionRecord | None:
        """Append the record of a run in which anything happened, or that is part of something."""
        if not labels and not any(stage.state in ("ran", "failed", "pruned", "restored") for stage in run.results):
            return None
        record = VersionRecord(
            run=run.id,
            state=state,
            started=run.started,
            seconds=round(time.monotonic() - run.clock, 3),
            author=self._actor,
            git_commit=commit or self._git.head(),
            dirty=self._is_dirty(run.plan),
            stages=run.results,
            parameters=run.parameters,
            metrics=self._pipeline.metrics(_good(run)),
            packages=run.packages,
            labels=dict(labels),
            history=run.curves.points(),
        )
        record = self._records.recording.complete(record, beginning)
        self._records.append(record, self._actor)
        return record


def _is_of(run: Path, places: Places) -> bool:
    """Whether the run whose folder is `run` worked in this work tree."""
    try:
        return (run / ROOT_FILE).read_text() == str(places.root)
    except FileNotFoundError:
        return True


def _good(run: RunUnderWay) -> tuple[StageSpec, ...]:
    """The stages whose metrics files are of this run: after a failure they are of an earlier one."""
    lost = ("failed", "pruned", "skipped", "up-to-date") if run.has_failed else ("failed", "pruned", "skipped")
    good = {stage.name for stage in run.results if stage.state not in lost}
    return tuple(stage for stage in run.plan.stages if stage.name in good)
