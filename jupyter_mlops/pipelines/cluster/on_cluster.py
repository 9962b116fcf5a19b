"""Stages on a Dask cluster: each goes to a worker as soon as what it needs ended; what is known of data is its digest.

Workers take what they need from git and from the DVC remote, and leave what they made there. The coordinator moves no
data through itself; it alone writes ``dvc.lock``, its memory and the record of the run.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, ClassVar

import attrs
import msgspec

from jupyter_mlops.errors import EnvironmentFault, MlopsError, UsageError
from jupyter_mlops.pipelines.cluster.dask_cluster import FAREWELL_S, Cluster, DaskSettings, connected
from jupyter_mlops.pipelines.cluster.orders import Done, Order, decoded
from jupyter_mlops.pipelines.cluster.published import Published, published, require_known
from jupyter_mlops.pipelines.cluster.tracing import Tracing
from jupyter_mlops.pipelines.records import deposit
from jupyter_mlops.pipelines.records.reports import Report
from jupyter_mlops.pipelines.running.execution import LOCAL, Ran, Task, failed, remove
from jupyter_mlops.pipelines.running.planning import Plan
from jupyter_mlops.pipelines.running.scheduling import Capacity
from jupyter_mlops.pipelines.running.sharing import Shared, not_on_remote
from jupyter_mlops.pipelines.running.sites import Opening, unchanged
from jupyter_mlops.pipelines.stages import lock
from jupyter_mlops.pipelines.stages.lock import Locked, Pin
from jupyter_mlops.pipelines.stages.specs import Out, StageSpec
from jupyter_mlops.pipelines.standing.memory import fingerprint
from jupyter_mlops.pipelines.standing.pipeline import Pipeline
from jupyter_mlops.pipelines.standing.staleness import Situation, Verdict, judge
from jupyter_mlops.records import Progress, Step, new_id, silent, write_atomically
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.pointers import PIPELINE_FILE

MOST_AT_ONCE = 256


@attrs.frozen
class OnCluster:
    """A Dask cluster as an engine.

    Attributes
    ----------
    pipeline, git
        The stages, and the repository that workers clone a commit of.
    shared
        The remote through which data goes.
    settings
        Where the cluster is.
    force
        Stages run even when the remote knows what they would make.
    """

    pipeline: Pipeline
    git: Git
    shared: Shared
    settings: DaskSettings
    force: bool = False
    is_here: ClassVar[bool] = False

    def require(self, plan: Plan) -> None:
        """Refuse what no worker could clone.

        Raises
        ------
        UsageError
            ``stages-only``, ``no-git-remote``, ``not-committed``, ``not-pushed``.
        """
        if plan.notebook:
            raise UsageError(
                "stages-only",
                "A cluster runs pipeline stages.",
                hint=f"stage add NAME {plan.notebook.name}.ipynb makes it one; without --engine it runs here.",
            )
        self.published()
        tracing = Tracing(self.pipeline, _nobody_knows)
        read = {path for one in plan.stages for path in (*one.data, one.notebook, *one.params) if path}
        require_known(self.git, {PIPELINE_FILE, *(path for path in read if not tracing.keeps(path))})

    def published(self) -> Published:
        """What workers clone."""
        stages = self.pipeline.graph().by_name.values()
        return published(self.git, stages, self.settings.repository)

    def situation(self, stage: StageSpec) -> Situation:
        """What `stage` reads, by digest; what nobody has made yet counts as it was."""
        locked = self.pipeline.locked().get(stage.name)
        now = Tracing(self.pipeline, _nobody_knows).situation(stage, locked.outs if locked else {})
        before = locked.deps if locked else {}
        return attrs.evolve(now, deps={path: pin or before.get(path) for path, pin in now.deps.items()})

    def capacity(self, plan: Plan, jobs: int) -> Capacity:  # noqa: ARG002  # the same for every plan
        """Everything that is ready goes out; the cluster knows what it can take."""
        return Capacity(jobs or MOST_AT_ONCE, math.inf)

    @contextmanager
    def open(self, opening: Opening) -> Iterator[ClusterSite]:
        """A connection for one run.

        Raises
        ------
        EnvironmentFault
            ``cluster-unreachable``, ``not-on-remote``.
        """
        with (
            ThreadPoolExecutor(opening.size, thread_name_prefix="far") as threads,
            connected(self.settings) as cluster,
        ):
            yield ClusterSite(self, opening, cluster, threads)


class ClusterSite:
    """A Dask cluster, while a run is under way.

    Parameters
    ----------
    engine
        The pipeline and its remotes.
    opening
        Whom it serves.
    cluster, threads
        The connection, and a thread for each stage that waits for its worker.
    """

    def __init__(self, engine: OnCluster, opening: Opening, cluster: Cluster, threads: ThreadPoolExecutor) -> None:
        self._engine = engine
        self._pipeline = engine.pipeline
        self._shared = engine.shared
        self._opening = opening
        self._cluster = cluster
        self._threads = threads
        self._published = engine.published()
        self._locked = engine.pipeline.locked()
        self._tracing = Tracing(engine.pipeline, self._known)
        outs = [out for stage in engine.pipeline.graph().by_name.values() for out in stage.outs]
        self._kept_by_git = {out.path for out in outs if not out.cached}
        self.is_stopped = False
        self._reports: dict[str, Progress] = {}
        self._done: dict[str, Done] = {}
        self._at_work: set[str] = set()
        self._quiet = threading.Condition()
        self._gone = self._lost_data(opening.plan)
        cluster.hear(self._hear)
        if not cluster.crew().workers:
            opening.progress(Step("the cluster has no worker yet"))

    def _known(self, stage: StageSpec, deps: Mapping[str, Pin], params: lock.Values) -> Locked | None:
        return self._shared.known(stage, deps, params, self._opening.progress)

    def _lost_data(self, plan: Plan) -> frozenset[str]:
        """Outputs that were made before and that the remote lacks, when anything has to run at all.

        Raises
        ------
        EnvironmentFault
            ``not-on-remote``: an input that no stage of the plan makes.
        """
        dry = Tracing(self._pipeline, _nobody_knows)
        verdicts = [judge(one, self._locked.get(one.name), self._situation(dry, one, ())) for one in plan.stages]
        if all(verdict.state == "up-to-date" for verdict in verdicts):
            return frozenset()
        chosen = {stage.name for stage in plan.stages}
        parts = [part for stage in plan.stages for dep in stage.deps for part in dry.parts(dep)]
        sources = {path: pin for path, pin, maker in parts if pin and maker not in chosen}
        sources = {path: pin for path, pin in sources.items() if path not in self._kept_by_git}
        locked = [self._locked[name].outs for name in chosen & self._locked.keys()]
        made = {path: pin for outs in locked for path, pin in outs.items() if path not in self._kept_by_git}
        lacking = self._shared.lacking({**sources, **made}, self._opening.progress)
        if lost := [path for path in lacking if path in sources]:
            raise not_on_remote(lost, self._shared.remote)
        return frozenset(lacking)

    def _situation(self, tracing: Tracing, stage: StageSpec, gone: Iterable[str]) -> Situation:
        locked = self._locked.get(stage.name)
        outs = {path: pin for path, pin in locked.outs.items() if path not in gone} if locked else {}
        return tracing.situation(stage, outs)

    def situation(self, stage: StageSpec) -> Situation:
        """What `stage` reads, by digest; of a part of an output only the data itself can tell."""
        now = self._situation(self._tracing, stage, self._gone)
        if inexact := tuple(path for path, pin in now.deps.items() if pin is None and [*self._tracing.parts(path)]):
            absent = self._tracing.absent([attrs.evolve(stage, deps=inexact)])
            self._shared.bring(absent, self._opening.progress)
            now = self._situation(self._tracing, stage, self._gone)
        return now

    def spared(
        self,
        stage: StageSpec,
        locked: Locked | None,
        now: Situation,  # noqa: ARG002  # the verdict says it all
        verdict: Verdict,
    ) -> Ran | None:
        """A stage that is up to date; what the remote knows of others, a worker finds."""
        if locked is None or verdict.state != "up-to-date":
            return None
        self._tracing.note(stage, locked.outs)
        return Ran(unchanged(self._pipeline.places.root, stage, locked, "up-to-date"))

    def begin(self, task: Task, report: Progress, upcoming: Iterable[StageSpec]) -> Future[Ran]:  # noqa: ARG002  # workers start no kernel beforehand
        """Send the stage out."""
        self._reports[task.stage.name] = report
        return self._threads.submit(self._executed, task, self._order(task).encoded())

    def _executed(self, task: Task, order: bytes) -> Ran:
        """Wait for the worker that runs it, and bring what a coordinator shows: metrics, the executed notebook."""
        if missing := [path for path, pin in task.now.deps.items() if pin is None]:
            return Ran(failed(task, f"{missing[0]} is missing"))
        try:
            answer = self._cluster.execute(new_id(task.stage.name), order, self._needs(task.stage))
            done: Done = decoded(answer, Done)
            shown = [done.outs[out.path] for out in task.stage.outs if done.outs and _is_shown(task.stage, out)]
            self._shared.fetch(shown, silent)
        except MlopsError as error:
            hint = f" {error.hint}" if error.hint else ""
            return Ran(failed(task, f"{error.message}{hint}"))
        except msgspec.DecodeError as error:
            return Ran(failed(task, f"the worker has another version of jupyter-mlops ({error})"))
        self._done[task.stage.name] = done
        return Ran(done.record, done.packages)

    def _needs(self, stage: StageSpec) -> dict[str, float]:
        """The resources of a worker that `stage` takes: those that workers have a name for, and what is asked by name.

        Raises
        ------
        EnvironmentFault
            ``no-such-worker``.
        """
        settings, limits, crew = self._engine.settings, stage.limits, self._cluster.crew()
        limited = {"cpus": limits.cpus, "memory": limits.memory_bytes or 0}
        named = {settings.resources[kind]: float(amount) for kind, amount in limited.items() if amount}
        needs = {name: amount for name, amount in named.items() if name in crew.resources}
        needs |= settings.stages.get(stage.name, {})
        for name, amount in needs.items() if crew.workers else ():
            if amount > (most := crew.resources.get(name, 0)):
                message = f"it needs {name}={amount:g}, and no worker has more than {most:g}"
                raise EnvironmentFault("no-such-worker", message)
        return needs

    def _order(self, task: Task) -> Order:
        return Order(
            run=self._opening.run,
            stage=task.stage.name,
            repository=self._published.repository,
            commit=self._published.commit,
            folder=self._published.folder,
            remote=self._shared.remote,
            deps={path: pin for path, pin in task.now.deps.items() if pin},
            parts=self._parts(task),
            fingerprint=fingerprint(task.stage, task.now),
            reason=task.reason,
            is_forced=self._engine.force,
            preload=tuple(self._pipeline.preload),
        )

    def _parts(self, task: Task) -> dict[str, Pin]:
        """What DVC keeps of the inputs (of a folder that one file is read of, that file), and outputs that persist."""
        locked = self._locked.get(task.stage.name)
        before = locked.outs if locked else {}
        stay = [out.path for out in task.stage.outs if out.persist and out.path not in self._gone]
        found = {path: before[path] for path in stay if path in before}
        for dep, whole in task.now.deps.items():
            for path, pin, _ in self._tracing.parts(dep):
                if pin and whole:
                    found |= {dep: whole} if dep.startswith(f"{path}/") else {path: pin}
        return found

    def _hear(self, message: dict[str, Any]) -> None:
        """A worker tells how far it is, perhaps for another run."""
        if message.get("run") != self._opening.run or (report := self._reports.get(message["stage"])) is None:
            return
        name = message["stage"]
        with self._quiet:
            (self._at_work.discard if "ended" in message else self._at_work.add)(name)
            self._quiet.notify_all()
        if "report" in message:
            self._opening.heard(Report.of(message["report"]))
        elif message.get("unit") == "cells":
            report(Step(name, message["done"], message["total"], "cells"))
        elif "what" in message:
            what = f"{name} on {message['host']}: {message['what']}"
            self._opening.progress(Step(what, message["done"], message["total"], message["unit"]))

    def end(self, task: Task, future: Future[Ran]) -> Ran:
        """What came of it, with ``dvc.lock`` saying so."""
        ran, name = future.result(), task.stage.name
        done = self._done.pop(name, None)
        if done is None:
            return ran
        if done.environment:
            deposit.keep(deposit.folder(self._pipeline.places), done.environment)
        log = self._opening.folder / f"{name}.log"
        if done.log:
            log.write_text(done.log, encoding="utf-8")
        if not done.outs:
            return attrs.evolve(ran, record=attrs.evolve(ran.record, notebook=self._kept(name, done.notebook)))
        return attrs.evolve(ran, written=self._record(task, done.outs))

    def _kept(self, name: str, notebook: bytes) -> str | None:
        """Put the executed notebook of a failed stage where people can open it."""
        if not notebook:
            return None
        path = f"{LOCAL}/{name}.ipynb"
        place = self._pipeline.places.root / path
        write_atomically(place.with_name(".gitignore"), b"*\n")
        write_atomically(place, notebook)
        return path

    def _record(self, task: Task, outs: Mapping[str, Pin]) -> tuple[str, ...]:
        data, stage = self._pipeline.data, task.stage
        self._tracing.note(stage, outs)
        for out in stage.outs:
            self._place(out.path, outs[out.path])
        deps = {path: pin for path, pin in task.now.deps.items() if pin}
        with data.publishing():
            written = tuple(filter(None, (data.ignore(out.path) for out in stage.outs if out.cached)))
            lock.write(self._pipeline.places.root, stage, Locked(stage.command, deps, outs, task.now.params))
        return written

    def _place(self, path: str, pin: Pin) -> None:
        """What lies in the workspace is of this run, or not there: `pull` brings it."""
        data = self._pipeline.data
        if data.holds(pin):
            data.restore(path, pin)
        elif os.path.lexists(self._pipeline.places.root / path):
            remove(self._pipeline.places.root / path)

    def expect(self, upcoming: Iterable[StageSpec]) -> None:
        """Nothing: each worker sees to itself."""

    def stop(self) -> None:
        """Want nothing any more, and wait until the workers have ended what they ran."""
        self.is_stopped = True
        self._cluster.cancel()
        with self._quiet:
            self._quiet.wait_for(lambda: not self._at_work, FAREWELL_S)


def _is_shown(stage: StageSpec, out: Out) -> bool:
    """Whether the coordinator has to have an output: git keeps it, or people look at it."""
    executed = stage.papermill.output if stage.papermill else None
    return not out.cached or out.kind == "metrics" or out.path == executed


def _nobody_knows(_stage: StageSpec, _deps: Mapping[str, Pin], _params: lock.Values) -> Locked | None:
    return None
