"""The stages of a run executed again in a replica of the project at its commit."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from jupyter_mlops.errors import Cancelled
from jupyter_mlops.pipelines.records.runs import NumberedRun
from jupyter_mlops.pipelines.reproduction.differing import Tolerance
from jupyter_mlops.pipelines.reproduction.fresh import FreshEnvironment, build, lock_of
from jupyter_mlops.pipelines.reproduction.recorded import Revival, require_commit
from jupyter_mlops.pipelines.reproduction.reproducing import Choice, Reproduced, Reproducing
from jupyter_mlops.pipelines.reproduction.rerun import Reruns
from jupyter_mlops.pipelines.running.planning import require_kernel
from jupyter_mlops.pipelines.running.turns import stoppable
from jupyter_mlops.pipelines.stages.notebooks import Notebook
from jupyter_mlops.pipelines.stages.specs import StageSpec
from jupyter_mlops.project import Project
from jupyter_mlops.records import StageRecord, listed
from jupyter_mlops.registry.agreement import agree
from jupyter_mlops.verbs.declaration import Call
from jupyter_mlops.versioning.occupancy import private_folder
from jupyter_mlops.versioning.replicas import replica
from jupyter_mlops.versioning.transfer import Request


def executed_again(
    call: Call,
    run: NumberedRun,
    recorded: Sequence[StageRecord],
    tolerance: float,
    *,
    causes: bool,
    fresh_env: bool,
) -> tuple[tuple[Reproduced, ...], str, str]:
    """What came of each stage, the commit they were executed at, and the digest of the fresh environment's lock.

    Raises
    ------
    UnknownReference
        ``commit-gone``, ``no-environment``.
    UsageError
        ``stage-gone``, ``code-gone``.
    EnvironmentFault
        ``data-let-go``, ``input-gone``, ``kernel-missing``, ``environment-unavailable``; ``cancelled``.
    """
    project, name = call.project, f"run #{run.number}"
    commit = require_commit(project.git, run.record, name)
    predictions = partial(agree, trusted=listed(project.section("serving"), "trusted"))
    choice = Choice(Tolerance(tolerance), predictions, causes=causes, is_fresh=fresh_env)
    revival = Revival(run.record, name, project.runs, project.datasets, partial(_fetch, call))
    try:
        with stoppable(), _scene(project, commit, revival) as (there, folder):
            stages = _stages(there, recorded)
            fresh = _fresh(call, there, run, stages) if fresh_env else None
            if fresh is None:
                _require_kernels(there, stages)
            variables = {**revival.surroundings.variables, **(fresh.variables if fresh else {})}
            reruns = Reruns(there.pipeline, there.datasets, folder, variables, call.progress)
            work = Reproducing(revival, there.pipeline, reruns, choice)
            found = tuple(work.stage(each) for each in recorded)
    except KeyboardInterrupt as error:
        raise Cancelled("the reproduction; nothing of it is left") from error
    return found, commit, fresh.digest if fresh else ""


@contextmanager
def _scene(project: Project, commit: str, revival: Revival) -> Iterator[tuple[Project, Path]]:
    """The project as the run had it, and a private folder; neither is left."""
    with (
        replica(project.datasets, commit) as made,
        private_folder(project.places.claim_scratch() / "reproductions") as folder,
    ):
        revival.write_changes(made.root)
        yield Project(made.root), folder


def _fetch(call: Call, digests: Collection[str]) -> None:
    """Bring versions from the default remote; without one, whoever needs them says that they are gone."""
    datasets = call.project.datasets
    remote = datasets.settings.default_remote
    if remote:
        with datasets.store.in_use():
            call.project.remotes.move(Request("fetch", remote, (), tuple(digests)), call.progress)


def _stages(there: Project, recorded: Sequence[StageRecord]) -> tuple[StageSpec, ...]:
    """Those of the stages that the commit knows; of others it is said when their turn comes."""
    known = there.pipeline.graph().by_name
    return tuple(known[each.name] for each in recorded if each.name in known)


def _require_kernels(there: Project, stages: Sequence[StageSpec]) -> None:
    for stage in stages:
        if command := stage.papermill:
            require_kernel(Notebook.read(there.root, command.notebook), command)


def _fresh(call: Call, there: Project, run: NumberedRun, stages: Sequence[StageSpec]) -> FreshEnvironment:
    """The environment that the run recorded, built anew or found as it was built before."""
    commands = [stage.papermill for stage in stages if stage.papermill]
    notebooks = [(command, Notebook.read(there.root, command.notebook)) for command in commands]
    names = {command.kernel or book.kernel or "python3" for command, book in notebooks if book.language == "python"}
    lock, titles = lock_of(run.record, call.project.runs), dict.fromkeys(names, f"run #{run.number}")
    return build(lock, there.root, call.project.places.claim_scratch(), titles, call.progress)
