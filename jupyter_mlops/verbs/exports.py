"""Pipelines: the same stages on another engine."""

from __future__ import annotations

from typing import Annotated

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.pipelines.checking.exports import Engine
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb


@attrs.frozen
class Exported:
    """The workflow file; `needs` is what its tasks rely on and this project still lacks."""

    engine: str
    file: str
    tasks: tuple[str, ...]
    text: str
    needs: tuple[str, ...] = ()


@verb(Group.PIPELINES, Action.RUN)
def export(
    call: Call,
    engine: Engine,
    *,
    output: Annotated[str, Option("-o", names=Names.PATH)] = "",
    image: str = "python:3.12",
    force: Annotated[bool, Option("-f")] = False,
    dry_run: bool = False,
) -> Exported:
    """Write the pipeline as a workflow of Airflow, Argo or GitHub Actions, one task a stage.

    Each task calls ``run STAGE --single``: caching, limits and run records are the same everywhere.

    Parameters
    ----------
    engine
        ``airflow``, ``argo`` or ``github``.
    output
        The file; where the engine looks for it when left out.
    image
        For argo, the container image with git, the notebooks' environment and this package.
    force
        Write over a file that holds something else.
    dry_run
        Show the text; write nothing.
    """
    from jupyter_mlops.pipelines.checking.exports import place, tasks, workflow
    from jupyter_mlops.records import write_atomically

    project = call.project
    chosen = tasks(project.pipeline.graph())
    file = call.path(output) if output else place(engine, project.name)
    text = workflow(engine, project.name, chosen, image=image)
    target = project.root / file
    if not dry_run:
        if target.exists() and target.read_text(encoding="utf-8", errors="replace") != text and not force:
            hint = f"export {engine} --force writes over it; -o FILE writes elsewhere."
            raise UsageError("file-exists", f"{file} holds something else.", hint=hint)
        write_atomically(target, text.encode())
    return Exported(engine, file, tuple(each.stage for each in chosen), text, _lacking(call))


def _lacking(call: Call) -> tuple[str, ...]:
    """What a task in a clone of its own would miss."""
    project = call.project
    found = []
    if not project.datasets.settings.default_remote:
        found.append("a DVC remote, through which tasks hand on their data: init --remote URL")
    if not project.git.run("remote").strip():
        found.append("a git remote, from which tasks are cloned: git remote add origin URL")
    return tuple(found)
