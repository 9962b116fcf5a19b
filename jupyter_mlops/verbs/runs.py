"""Pipelines: what was run, and the check that CI makes."""

from __future__ import annotations

from typing import Annotated

import attrs

from jupyter_mlops.governance.roles import Action
from jupyter_mlops.records import Instant, Scalar
from jupyter_mlops.verbs.declaration import Call, Group, Option, verb
from jupyter_mlops.verbs.stages import StageRun


@attrs.frozen
class RunSummary:
    """One run: `state` is ``running``, ``succeeded``, ``failed`` or ``cancelled``."""

    run: str
    number: int
    state: str
    started: Instant
    seconds: float
    author: str
    git_commit: str | None
    dirty: bool
    stages: tuple[StageRun, ...]
    parameters: dict[str, Scalar | list[Scalar]]
    metrics: dict[str, Scalar]
    inputs: dict[str, str] = attrs.field(factory=dict)
    outputs: dict[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Contrast:
    """A parameter, metric, input or package that two runs do not share."""

    kind: str
    name: str
    before: Scalar | list[Scalar]
    after: Scalar | list[Scalar]


@attrs.frozen
class Runs:
    """A page of runs, newest first, and how two of them differ."""

    runs: tuple[RunSummary, ...]
    compared: tuple[Contrast, ...] = ()
    next_cursor: str | None = None


@verb(Group.PIPELINES, Action.READ, reads=True, daily=True)
def runs(
    call: Call,
    *,
    compare: Annotated[tuple[str, ...], Option(comma=True)] = (),
    sort: str = "",
    stage: str = "",
    limit: Annotated[int, Option("-n")] = 20,
    cursor: str = "",
) -> Runs:
    """List runs, or compare two of them.

    Parameters
    ----------
    compare
        Two runs, ``18,19``: their numbers or ids.
    sort
        A metric; the best (greatest) first. ``-loss`` puts the least first.
    stage
        Only runs of this stage.
    limit
        Runs a page, at most 200.
    cursor
        Where the page before ended.
    """
    raise NotImplementedError


@attrs.frozen
class MetricChange:
    """A metric before and after."""

    name: str
    before: Scalar
    after: Scalar


@attrs.frozen
class CiReport:
    """What `ci` did and found; `failures` holds one line a reason."""

    run: str
    stages: tuple[StageRun, ...]
    metrics: tuple[MetricChange, ...]
    drifted: dict[str, bool]
    failures: tuple[str, ...]
    summary_file: str
    notebooks: tuple[str, ...] = ()

    @property
    def gate(self) -> str | None:
        """Why the check is red."""
        return self.failures[0] if self.failures else None


@verb(Group.PIPELINES, Action.RUN, stops=True)
def ci(
    call: Call,
    *,
    output: Annotated[str, Option("-o")] = "ci-report",
    base: str = "",
    remote: Annotated[str, Option("-r")] = "",
    fail_on: Annotated[tuple[str, ...], Option(comma=True)] = ("failed", "gates"),
) -> CiReport:
    """Pull, run stale stages, compare metrics, write the report: the one step of a CI job.

    Parameters
    ----------
    output
        The folder for ``summary.md`` and the executed notebooks.
    base
        The git revision to compare with; the merge base with the default branch when left out.
    remote
        The DVC remote; the default one when left out.
    fail_on
        What makes the check red: ``failed``, ``gates``, ``drift``, ``stale-lock``.
    """
    raise NotImplementedError
