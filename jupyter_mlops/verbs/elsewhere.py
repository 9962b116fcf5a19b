"""Verbs in a replica of the project, so that the workspace stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from jupyter_mlops.project import Project
from jupyter_mlops.verbs.checkouts import checkout
from jupyter_mlops.verbs.declaration import Call

if TYPE_CHECKING:
    from jupyter_mlops.verbs.stages import RunReport, StageRun


@contextmanager
def elsewhere(call: Call, commit: str = "", data: Sequence[str] = ()) -> Iterator[Call]:
    """The same call in a replica of `commit`, or of the work tree as it is, with the versions `data` in their places.

    Raises
    ------
    UnknownReference
        A version that is not there; nothing was changed.
    """
    from jupyter_mlops.pipelines.stages import sources
    from jupyter_mlops.versioning.replicas import replica

    with replica(call.project.datasets, commit) as made:
        below = call.folder.resolve().relative_to(call.project.root.resolve())
        folder = made.root / below
        there = attrs.evolve(call, folder=folder if folder.is_dir() else made.root, opened=Project(made.root))
        for reference in data:
            checkout(there, reference)
        made.furnish(tuple(sources(there.project.pipeline.stages())), call.progress)
        yield there


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
    from jupyter_mlops.pipelines.kept import keep

    if not stage.notebook or not run or not (replica / stage.notebook).is_file():
        return None
    return keep(replica / stage.notebook, home, stage.name, run)
