"""Stages on this machine: side by side in child processes, on the files of the workspace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, ClassVar

import attrs

from jupyter_mlops.pipelines.executing.executor import Crew, Executor
from jupyter_mlops.pipelines.running.execution import Execution, Ran, Task
from jupyter_mlops.pipelines.running.machine import cpus, memory_bytes
from jupyter_mlops.pipelines.running.planning import Plan, require_kernel
from jupyter_mlops.pipelines.running.scheduling import Capacity, capacity
from jupyter_mlops.pipelines.running.sharing import Shared
from jupyter_mlops.pipelines.running.sites import Opening, unchanged
from jupyter_mlops.pipelines.stages import lock
from jupyter_mlops.pipelines.stages.lock import Locked
from jupyter_mlops.pipelines.stages.notebooks import Notebook
from jupyter_mlops.pipelines.stages.specs import StageSpec
from jupyter_mlops.pipelines.standing.pipeline import Pipeline
from jupyter_mlops.pipelines.standing.run_cache import RunCache
from jupyter_mlops.pipelines.standing.staleness import Situation, Verdict
from jupyter_mlops.records import Progress, Step


@attrs.frozen
class Local:
    """The engine that is the machine we are on.

    Attributes
    ----------
    pipeline
        The stages.
    shared
        The remote, when what others made is to be taken from there; None leaves it alone.
    """

    pipeline: Pipeline
    shared: Shared | None = None

    def require(self, plan: Plan) -> None:
        """Refuse a notebook whose kernel is not installed.

        Raises
        ------
        EnvironmentFault
            ``kernel-missing``.
        """
        for stage in plan.everything:
            if command := stage.papermill:
                require_kernel(Notebook.read(self.pipeline.places.root, command.notebook), command)

    def situation(self, stage: StageSpec) -> Situation:
        """What the workspace holds for `stage`."""
        return self.pipeline.situation(stage)

    def capacity(self, plan: Plan, jobs: int) -> Capacity:
        """As many stages at once as there are processors, when nobody said; memory as it is installed."""
        limits = [stage.limits for stage in plan.everything]
        return capacity(jobs or int(cpus()), cpus(), limits, memory_bytes())

    is_here: ClassVar[bool] = True

    @contextmanager
    def open(self, opening: Opening) -> Iterator[Here]:
        """Workers for one run, unless somebody lent it some."""
        if opening.crew:
            yield Here(self, opening, opening.crew)
            return
        with Crew(self.pipeline.places.root, opening.run, opening.folder / "log.txt", opening.size) as crew:
            yield Here(self, opening, crew)


class Here:
    """The machine we are on, while a run is under way.

    Parameters
    ----------
    engine
        The pipeline, and the remote that it may take from.
    opening
        Whom it serves.
    crew
        Each stage has a thread, and a child process in which it runs.
    """

    def __init__(self, engine: Local, opening: Opening, crew: Crew) -> None:
        self._pipeline = engine.pipeline
        self._shared = engine.shared
        self._progress = opening.progress
        self._root = engine.pipeline.places.root
        self._execution = Execution(engine.pipeline, opening.folder)
        self._heard = opening.heard
        self._crew = crew
        self._busy: dict[Future[Ran], Executor] = {}

    def situation(self, stage: StageSpec) -> Situation:
        """What the workspace holds for `stage`."""
        return self._pipeline.situation(stage)

    def spared(self, stage: StageSpec, locked: Locked | None, now: Situation, verdict: Verdict) -> Ran | None:
        """A stage that is up to date, or whose outputs could be put back into the workspace."""
        if locked and verdict.state == "up-to-date":
            return Ran(unchanged(self._root, stage, locked, "up-to-date"))
        if locked and verdict.restorable and self._restored(verdict.missing, locked):
            return Ran(unchanged(self._root, stage, locked, "restored", verdict.reason))
        return None if stage.frozen else self._from_run_cache(stage, now, verdict)

    def _from_run_cache(self, stage: StageSpec, now: Situation, verdict: Verdict) -> Ran | None:
        """What the run-cache knows of these very inputs, its outputs put back, and ``dvc.lock`` saying so."""
        deps = {path: pin for path, pin in now.deps.items() if pin}
        if len(deps) < len(now.deps):
            return None
        data = self._pipeline.data
        if self._shared:
            found = self._shared.known(stage, deps, now.params, self._progress)
        else:
            found = RunCache(data.cache).find(stage, deps, now.params)
        paths = {out.path for out in stage.outs}
        if found is None or {*found.outs} != paths or not self._restored(found.outs, found):
            return None
        with data.publishing():
            written = tuple(filter(None, (data.ignore(out.path) for out in stage.outs if out.cached)))
            lock.write(self._root, stage, attrs.evolve(found, deps=deps))
        return Ran(
            unchanged(self._root, stage, found, "restored", f"{verdict.reason}; it ran so before"), written=written
        )

    def _restored(self, paths: Iterable[str], locked: Locked) -> bool:
        data = self._pipeline.data
        wanted = {path: locked.outs[path] for path in paths}
        if not all(data.holds(pin) for pin in wanted.values()) and not self._fetched(wanted.values()):
            return False
        for path, pin in wanted.items():
            data.restore(path, pin, self._progress)
        return True

    def _fetched(self, pins: Iterable[lock.Pin]) -> bool:
        return bool(self._shared) and self._shared.fetch(pins, self._progress)  # type: ignore[union-attr]  # bool knows

    def begin(self, task: Task, report: Progress, upcoming: Iterable[StageSpec]) -> Future[Ran]:
        """Execute in an idle child process, best in the one in which its kernel waits."""
        report(Step(task.stage.name, unit="cells"))
        crew, kernel = self._crew, self._pipeline.kernel(task.stage)
        executor = crew.take(kernel)
        executor.heard = self._heard
        announced = crew.waiting
        following = next((one for one in self._kernels(upcoming) if _named(one) not in announced), None)
        following = following or (kernel if crew.repeats else None)
        future = crew.threads.submit(self._execution.run, task, executor, report, following)
        self._busy[future] = executor
        return future

    def end(self, task: Task, future: Future[Ran]) -> Ran:  # noqa: ARG002  # a cluster records only now
        """What came of it; the execution recorded it."""
        self._crew.give_back(self._busy.pop(future))
        return future.result()

    def expect(self, upcoming: Iterable[StageSpec]) -> None:
        """Start the kernels that will be needed next."""
        self._crew.warm(self._kernels(upcoming))

    def stop(self) -> None:
        """End every child process."""
        self._crew.stop()

    @property
    def is_stopped(self) -> bool:
        """Whether the child processes take no more tasks."""
        return self._crew.is_stopped

    def _kernels(self, upcoming: Iterable[StageSpec]) -> Iterator[Mapping[str, Any]]:
        """The kernels of the notebooks that start next, those that wait already left out."""
        waiting = self._crew.waiting
        for kernel in filter(None, map(self._pipeline.kernel, upcoming)):
            if _named(kernel) in waiting:
                waiting.remove(_named(kernel))
            else:
                yield kernel


def _named(kernel: Mapping[str, Any]) -> tuple[str, str]:
    return str(kernel["kernel"]), str(kernel["folder"])
