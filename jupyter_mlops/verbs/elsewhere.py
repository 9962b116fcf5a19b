"""Verbs in a replica of the project, so that the workspace stays as it is."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.project import Project
from jupyter_mlops.records import VersionRecord
from jupyter_mlops.verbs.checkouts import checkout
from jupyter_mlops.verbs.declaration import Call

if TYPE_CHECKING:
    from jupyter_mlops.verbs.run_reports import RunReport, StageRun


@contextmanager
def elsewhere(call: Call, commit: str = "", data: Sequence[str] = ()) -> Iterator[Call]:
    """The same call in a replica of `commit`, or of the work tree as it is, with the versions `data` in their places.

    Raises
    ------
    UnknownReference
        A version that is not there; nothing was changed.
    """
    from jupyter_mlops.pipelines.stages.specs import sources
    from jupyter_mlops.versioning.replicas import replica

    with replica(call.project.datasets, commit) as made:
        below = call.folder.resolve().relative_to(call.project.root.resolve())
        folder = made.root / below
        there = attrs.evolve(call, folder=folder if folder.is_dir() else made.root, opened=Project(made.root))
        for reference in data:
            checkout(there, reference)
        made.furnish(tuple(sources(there.project.pipeline.stages())), call.progress)
        yield there


@contextmanager
def as_it_was(call: Call, record: VersionRecord) -> Iterator[Call]:
    """The same call in a replica whose HEAD holds what `record` says: a commit that is on no branch.

    Nothing is executed: outputs come from the caches. What the block tags stays, all else goes.

    Raises
    ------
    UsageError
        ``run-not-repeatable``: its commit, parameters and the caches do not give its outputs.
    """
    with elsewhere(call, record.git_commit or "") as there:
        branch = f"mlops/{record.run}-{secrets.token_hex(3)}"
        git = there.project.git
        git.run("switch", "--quiet", "--create", branch)
        try:
            _restore(there, record)
            yield there
        finally:
            git.run("checkout", "--quiet", "--force", "--detach")
            git.run("branch", "--quiet", "-D", branch)


def _restore(there: Call, record: VersionRecord) -> None:
    """Write the parameters of `record`, put back its outputs, and commit both."""
    from jupyter_mlops.pipelines.running.choice import Choice
    from jupyter_mlops.pipelines.running.planning import plan
    from jupyter_mlops.pipelines.stages import yaml_files
    from jupyter_mlops.pipelines.stages.dvc_yaml import PARAMS
    from jupyter_mlops.verbs.running import runner_of

    pipeline = there.project.pipeline
    file = there.project.root / PARAMS
    before = yaml_files.load_mapping(file)
    known = {key: value for key, value in record.parameters.items() if yaml_files.lookup(before, key)[0]}

    def change(document: object) -> None:
        for key, value in known.items():
            yaml_files.assign(document, key, value)

    if any(yaml_files.lookup(before, key)[1] != value for key, value in known.items()):
        yaml_files.edit(file, change)
    names = [stage.name for stage in record.stages]
    choice = Choice(also=(PARAMS,), executes=False)
    done = runner_of(there).run(lambda: plan(pipeline, names, {}), there.progress, choice)
    if failed := next((stage for stage in done.stages if stage.state == "failed"), None):
        raise UsageError(
            "run-not-repeatable",
            f"What run {record.run} made cannot be had from its commit.",
            context=f"{failed.name}: {failed.reason or failed.error}.",
            hint="It ran on changes that no commit holds, or gc let it go: commit, run it again, then register it.",
        )


def run_on(call: Call, data: Sequence[str], run: Callable[[Call], RunReport]) -> RunReport:
    """`run` on the versions `data`; its notebooks are kept where people can open them."""
    with elsewhere(call, data=data) as there:
        report = run(there)
        kept = tuple(
            attrs.evolve(stage, notebook=kept_notebook(call.project.root, there.project.root, stage, report.run))
            for stage in report.stages
        )
    return attrs.evolve(report, stages=kept, untracked=())


def kept_notebook(home: Path, replica: Path, stage: StageRun, run: str) -> str | None:
    """A copy of the executed notebook of `stage` in the project at `home`; its path there."""
    from jupyter_mlops.pipelines.running.kept import keep

    if not stage.notebook or not run or not (replica / stage.notebook).is_file():
        return None
    return keep(replica / stage.notebook, home, stage.name, run)
