"""Pipelines: what was run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.pipelines.records.contrasts import CodeChange, Contrast
from jupyter_mlops.pipelines.records.run_filters import RunFilter
from jupyter_mlops.pipelines.records.runs import NumberedRun, RunRecords
from jupyter_mlops.records import Instant, Scalar, now
from jupyter_mlops.verbs.declaration import Call, Group, Limit, Names, Option, verb
from jupyter_mlops.verbs.run_reports import StageRun, stage_runs

if TYPE_CHECKING:
    from jupyter_mlops.pipelines.records.live import LiveRun


@attrs.frozen
class RunSummary:
    """One run: `state` is ``running``, ``succeeded``, ``failed``, ``pruned`` or ``cancelled``.

    Attributes
    ----------
    number
        Runs are counted oldest first, from 1; 0 while it runs.
    inputs, outputs
        Path to digest: what came from outside the run, and what its stages hold afterwards.
    seeds
        What fixes random numbers, by stage and by what sets it.
    environments, declared
        The digests of what was installed where it ran, and the lock file that the project declared.
    patch, unkept
        The digest of what the tree had besides the commit, and what of it is not kept, and why.
    verdict
        What its last re-execution found: ``identical``, ``different`` …; empty when there was none.
    labels
        What it is part of: ``sweep`` and ``trial``.
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
    seeds: dict[str, Scalar] = attrs.field(factory=dict)
    environments: tuple[str, ...] = ()
    declared: dict[str, str] = attrs.field(factory=dict)
    patch: str | None = None
    unkept: tuple[str, ...] = ()
    verdict: str = ""
    labels: dict[str, Scalar] = attrs.field(factory=dict)


@attrs.frozen
class Runs:
    """A page of runs, newest first, and how some of them differ.

    Attributes
    ----------
    compared, cells
        What the runs do not share, and the code cells in which the first differs from the last.
    start
        What to type when there are none.
    """

    runs: tuple[RunSummary, ...]
    compared: tuple[Contrast, ...] = ()
    next_cursor: str | None = None
    start: str = ""
    cells: tuple[CodeChange, ...] = ()


@verb(Group.PIPELINES, Action.READ, reads=True, daily=True)
def runs(
    call: Call,
    *,
    compare: Annotated[tuple[str, ...], Option(comma=True)] = (),
    sort: str = "",
    stage: Annotated[str, Option(names=Names.STAGE)] = "",
    author: str = "",
    state: Literal["", "succeeded", "failed", "cancelled"] = "",
    since: str = "",
    metric: Annotated[tuple[str, ...], Option("-m")] = (),
    parameter: Annotated[tuple[str, ...], Option("-p")] = (),
    limit: Limit = 20,
    cursor: str = "",
) -> Runs:
    """List runs, or compare some of them.

    Parameters
    ----------
    compare
        Two runs or more, ``18,19``: their numbers or ids.
    sort
        A metric; the best (greatest) first. ``-loss`` puts the least first.
    stage
        Only runs of this stage.
    author
        Only runs of whoever has this in the name or address.
    state
        Only runs that ``succeeded``, ``failed`` or were ``cancelled``.
    since
        Only runs from then on: ``2026-05-01``, or an age, ``24h``, ``7d``, ``2w``.
    metric
        Only runs whose metric compares so: ``auc>0.8``; repeated, all must hold.
    parameter
        Only runs whose parameter compares so: ``C=1.5``, ``train.C>=1``; repeated, all must hold.
    limit
        Runs a page, at most 200.
    cursor
        Where the page before ended.
    """
    records = call.project.runs
    verdicts = call.project.verdicts.by_run()
    if compare:
        return _compared(records, [records.find(name) for name in compare], verdicts)
    wanted = RunFilter(stage, author, state, since, metric, parameter)
    page = records.page(wanted, sort=sort, limit=limit, cursor=cursor)
    is_whole = wanted == RunFilter() and not cursor
    first = tuple(map(_under_way, reversed(records.running()))) if is_whole and not sort else ()
    start = _start(call) if is_whole and not first and not page.runs else ""
    return Runs((*first, *(summary(run, verdicts) for run in page.runs)), (), page.next_cursor, start)


def _start(call: Call) -> str:
    """What leads to a first run."""
    try:
        return "run" if call.project.pipeline.graph().by_name else "stage add NAME NOTEBOOK"
    except UsageError:
        return "stage list"  # it says why the pipeline cannot be read


def _compared(records: RunRecords, runs: list[NumberedRun], verdicts: Mapping[str, str]) -> Runs:
    """How `runs` differ."""
    from jupyter_mlops.pipelines.records.contrasts import cell_changes, contrasts, environments_of

    if len(runs) < 2:
        raise UsageError("compare-two", "A run is compared with others, one was given.", hint="runs --compare 18 19")
    each = [run.record for run in runs]
    found = contrasts(each, environments_of(each, records.recording))
    cells = cell_changes(each[0], each[-1], records.recording)
    return Runs(tuple(summary(run, verdicts) for run in runs), found, cells=cells)


def summary(run: NumberedRun, verdicts: Mapping[str, str] = {}) -> RunSummary:
    """A run that ended, as every verb shows it."""
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
        seeds={f"{stage.name}.{name}": value for stage in record.stages for name, value in stage.seeds.items()},
        environments=record.environments,
        declared=record.declared,
        patch=record.patch,
        unkept=record.unkept,
        verdict=verdicts.get(record.run, ""),
        labels=record.labels,
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
