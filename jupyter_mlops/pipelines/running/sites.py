"""Where stages are executed: what a run asks of this machine, or of a cluster."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import attrs

from jupyter_mlops.pipelines.executing.executor import Crew
from jupyter_mlops.pipelines.records.recording import traits
from jupyter_mlops.pipelines.records.reports import Heard
from jupyter_mlops.pipelines.running.execution import Ran, Task
from jupyter_mlops.pipelines.running.planning import Plan
from jupyter_mlops.pipelines.running.scheduling import Capacity
from jupyter_mlops.pipelines.stages.lock import Locked
from jupyter_mlops.pipelines.stages.notebooks import Notebook
from jupyter_mlops.pipelines.stages.specs import StageSpec
from jupyter_mlops.pipelines.standing.staleness import Situation, Verdict
from jupyter_mlops.records import Progress, StageRecord


@attrs.frozen
class Opening:
    """What a site is opened for.

    Attributes
    ----------
    run, folder
        The id of the run, and its private folder.
    plan
        What the run looks at.
    size
        How many stages run at once.
    progress
        Who hears of it.
    heard
        Who hears what notebooks report, and says whether they go on.
    crew
        Workers of somebody else, for this machine; its own when None.
    """

    run: str
    folder: Path
    plan: Plan
    size: int
    progress: Progress
    heard: Heard
    crew: Crew | None = None


class Site(Protocol):
    """Where the stages of one run are executed, while it is under way; used by one thread."""

    def situation(self, stage: StageSpec) -> Situation:
        """What `stage` will find there."""

    def spared(self, stage: StageSpec, locked: Locked | None, now: Situation, verdict: Verdict) -> Ran | None:
        """What became of a stage that need not run: nothing changed, or what it would make is known. None: it runs."""

    def begin(self, task: Task, report: Progress, upcoming: Iterable[StageSpec]) -> Future[Ran]:
        """Start to execute; `upcoming` are likely to start next. An error of the stage is in its record."""

    def end(self, task: Task, future: Future[Ran]) -> Ran:
        """What came of a `future` that is done, recorded."""

    def expect(self, upcoming: Iterable[StageSpec]) -> None:
        """All that can start has: `upcoming` will."""

    def stop(self) -> None:
        """End everything that runs; each future then is done soon."""

    @property
    def is_stopped(self) -> bool:
        """Whether it takes no more stages."""


class Engine(Protocol):
    """A kind of site."""

    @property
    def is_here(self) -> bool:
        """Whether stages run on this machine."""

    def require(self, plan: Plan) -> None:
        """Refuse what cannot be executed there, before anything is written.

        Raises
        ------
        MlopsError
            Why not.
        """

    def situation(self, stage: StageSpec) -> Situation:
        """What `stage` would find there now; what other stages make counts as they last made it."""

    def capacity(self, plan: Plan, jobs: int) -> Capacity:
        """What the run may use at a time; `jobs` is 0 when nobody said."""

    def open(self, opening: Opening) -> AbstractContextManager[Site]:
        """A site for one run; it ends with the block."""


def unchanged(root: Path, stage: StageSpec, locked: Locked, state: str, reason: str = "") -> StageRecord:
    """The record of a stage that did not have to run: what ``dvc.lock`` says of it."""
    notebook = stage.papermill
    return StageRecord(
        name=stage.name,
        state=state,
        reason=reason,
        notebook=notebook.output if notebook else None,
        inputs={path: locked.deps[path].md5 for path in stage.data if path in locked.deps},
        outputs={path: pin.md5 for path, pin in locked.outs.items()},
        **(traits(Notebook.read(root, notebook.notebook), notebook.parameters, notebook.notebook) if notebook else {}),
    )
