"""Pipelines: stages, and running them."""

from __future__ import annotations

from typing import Annotated

import attrs

from jupyter_mlops.governance.roles import Action
from jupyter_mlops.records import Scalar
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb

Parameters = Annotated[dict[str, Scalar | list[Scalar]], Option("-p", pairs=True)]
Many = tuple[str, ...]


@attrs.frozen
class Stage:
    """A stage of ``dvc.yaml``; `notebook` is None when its command is not papermill."""

    name: str
    command: str
    notebook: str | None
    deps: tuple[str, ...] = ()
    outs: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    params: tuple[str, ...] = ()


@attrs.frozen
class Stages:
    """The stages in the order in which they run."""

    stages: tuple[Stage, ...]
    git_commit: str | None = None


@verb(Group.PIPELINES, Action.RUN, name="stage add")
def stage_add(
    call: Call,
    name: str,
    notebook: Annotated[str, Option(names=Names.PATH)],
    *,
    parameters: Parameters = {},  # noqa: B006 (msgspec copies it)
    dep: Annotated[Many, Option("-d", names=Names.PATH)] = (),
    out: Annotated[Many, Option("-o", names=Names.PATH)] = (),
    metrics: Annotated[Many, Option("-M", names=Names.PATH)] = (),
    force: Annotated[bool, Option("-f")] = False,
    git: bool = True,
    dry_run: bool = False,
) -> Stages:
    """Make a notebook a pipeline stage that plain ``dvc repro`` can run too.

    Parameters
    ----------
    name
        Letters, digits, dashes and underscores.
    notebook
        A notebook with a cell tagged ``parameters``.
    parameters
        ``key=value``, repeated; kept in ``params.yaml`` under the stage's name.
    dep
        A file or folder it reads.
    out
        A file or folder it writes.
    metrics
        A JSON or YAML file of metrics it writes.
    force
        Replace a stage of that name.
    git
        Commit ``dvc.yaml`` and ``params.yaml`` to git.
    dry_run
        Say what would be written; write nothing.
    """
    raise NotImplementedError


@verb(Group.PIPELINES, Action.READ, reads=True, name="stage list")
def stage_list(call: Call) -> Stages:
    """List the stages, their notebooks, inputs and outputs."""
    raise NotImplementedError


@verb(Group.PIPELINES, Action.RUN, name="stage remove")
def stage_remove(
    call: Call,
    name: Annotated[str, Option(names=Names.STAGE)],
    *,
    git: bool = True,
    dry_run: bool = False,
) -> Stages:
    """Remove a stage from ``dvc.yaml``; its outputs stay where they are.

    Parameters
    ----------
    name
        The stage.
    git
        Commit ``dvc.yaml`` to git.
    dry_run
        Say what would be removed; write nothing.
    """
    raise NotImplementedError


@attrs.frozen
class StageRun:
    """What became of one stage: `state` is ``ran``, ``up-to-date``, ``restored``, ``failed`` or ``skipped``."""

    name: str
    state: str
    seconds: float
    reason: str = ""
    notebook: str | None = None
    cell: int | None = None
    error: str = ""


@attrs.frozen
class RunReport:
    """What `run` did."""

    run: str
    stages: tuple[StageRun, ...]
    metrics: dict[str, Scalar] = attrs.field(factory=dict)
    git_commit: str | None = None

    @property
    def gate(self) -> str | None:
        """The first failure."""
        failed = next((stage for stage in self.stages if stage.state == "failed"), None)
        return f"{failed.name} failed: {failed.error or failed.reason}" if failed else None


@verb(Group.PIPELINES, Action.RUN, daily=True, stops=True)
def run(
    call: Call,
    targets: Annotated[Many, Option(names=Names.STAGE)] = (),
    *,
    parameters: Parameters = {},  # noqa: B006
    force: Annotated[bool, Option("-f")] = False,
    downstream: bool = False,
    git: bool = True,
    dry_run: bool = False,
) -> RunReport:
    """Run the stale stages, or one notebook, through papermill.

    Parameters
    ----------
    targets
        Stages or notebooks, with what they depend on; none means all stages.
    parameters
        ``key=value``, repeated, for the targets; kept in ``params.yaml``.
    force
        Run up-to-date stages too.
    downstream
        Also what depends on the targets.
    git
        Commit ``dvc.lock`` to git.
    dry_run
        Say what would run, and why.
    """
    raise NotImplementedError
