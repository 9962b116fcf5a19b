"""Pipelines: what was run."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import attrs

from jupyter_mlops.errors import EnvironmentFault, MlopsError, UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.pipelines.runs import Contrast, NumberedRun, contrasts
from jupyter_mlops.records import Actor, Instant, Scalar, StageRecord, VersionRecord, now, write_atomically
from jupyter_mlops.verbs.declaration import Call, Group, Limit, Option, verb
from jupyter_mlops.verbs.stages import StageRun, first_failure, runner_of, stage_runs

if TYPE_CHECKING:
    from jupyter_mlops.pipelines.live import LiveRun
    from jupyter_mlops.pipelines.report import Report

CI = Actor("ci", source="service")


@attrs.frozen
class RunSummary:
    """One run: `state` is ``running``, ``succeeded``, ``failed`` or ``cancelled``.

    Attributes
    ----------
    number
        Runs are counted oldest first, from 1; 0 while it runs.
    inputs, outputs
        Path to digest: what came from outside the run, and what its stages hold afterwards.
    """

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
class Runs:
    """A page of runs, newest first, and how two of them differ; `start` is what to type when there are none."""

    runs: tuple[RunSummary, ...]
    compared: tuple[Contrast, ...] = ()
    next_cursor: str | None = None
    start: str = ""


@verb(Group.PIPELINES, Action.READ, reads=True, daily=True)
def runs(
    call: Call,
    *,
    compare: Annotated[tuple[str, ...], Option(comma=True)] = (),
    sort: str = "",
    stage: str = "",
    limit: Limit = 20,
    cursor: str = "",
) -> Runs:
    """List runs, or compare two of them.

    Parameters
    ----------
    compare
        Two runs, ``18 19``: their numbers or ids.
    sort
        A metric; the best (greatest) first. ``-loss`` puts the least first.
    stage
        Only runs of this stage.
    limit
        Runs a page, at most 200.
    cursor
        Where the page before ended.
    """
    records = call.project.runs
    compared = [records.find(name) for name in compare]
    if compared:
        return Runs(tuple(_ended(run) for run in compared), contrasts(*_two(compared)))
    page = records.page(stage=stage, sort=sort, limit=limit, cursor=cursor)
    first = () if cursor or sort else tuple(_under_way(run) for run in reversed(records.running()))
    start = "" if first or page.runs or stage or cursor else _start(call)
    return Runs((*first, *(_ended(run) for run in page.runs)), (), page.next_cursor, start)


def _start(call: Call) -> str:
    """What leads to a first run."""
    try:
        return "run" if call.project.pipeline.graph().by_name else "stage add NAME NOTEBOOK"
    except UsageError:
        return "stage list"  # it says why the pipeline cannot be read


def _two(runs: list[NumberedRun]) -> tuple[VersionRecord, VersionRecord]:
    if len(runs) != 2:
        raise UsageError("compare-two", f"Two runs are compared, {len(runs)} were given.", hint="runs --compare 18 19")
    return runs[0].record, runs[1].record


def _ended(run: NumberedRun) -> RunSummary:
    record = run.record
    return RunSummary(
        run=record.run,
        number=run.number,
        state=record.state,
        started=record.started,
        seconds=record.seconds,
        author=record.author.name,
        git_commit=record.git_commit,
        dirty=record.dirty,
        stages=stage_runs(record.stages),
        parameters=record.parameters,
        metrics=record.metrics,
        inputs=record.inputs,
        outputs=record.outputs,
    )


def _under_way(run: LiveRun) -> RunSummary:
    """A run under way has no number yet: it gets one when it ends."""
    started = datetime.fromisoformat(run.started)
    return RunSummary(
        run=run.run,
        number=0,
        state="running",
        started=started,
        seconds=(now() - started).total_seconds(),
        author=run.author,
        git_commit=None,
        dirty=False,
        stages=tuple(StageRun(stage.name, stage.state, 0.0) for stage in run.stages),
        parameters={},
        metrics={},
    )
