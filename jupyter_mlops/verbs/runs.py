"""Pipelines: what was run, and the check that CI makes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.records import Instant, Scalar, now
from jupyter_mlops.verbs.declaration import Call, Group, Option, verb
from jupyter_mlops.verbs.stages import StageRun, stage_runs

if TYPE_CHECKING:
    from jupyter_mlops.pipelines.live import LiveRun
    from jupyter_mlops.pipelines.runs import NumberedRun


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
    records = call.project.runs
    compared = [records.find(name) for name in compare]
    if compared:
        return Runs(tuple(_ended(run) for run in compared), _compared(*_two(compared)))
    page = records.page(stage=stage, sort=sort, limit=limit, cursor=cursor)
    first = () if cursor or sort else tuple(_under_way(run) for run in reversed(records.running()))
    return Runs((*first, *(_ended(run) for run in page.runs)), (), page.next_cursor)


def _two(runs: list[NumberedRun]) -> tuple[NumberedRun, NumberedRun]:
    if len(runs) != 2:
        raise UsageError("compare-two", f"Two runs are compared, {len(runs)} were given.", hint="runs --compare 18,19")
    return runs[0], runs[1]


def _compared(before: NumberedRun, after: NumberedRun) -> tuple[Contrast, ...]:
    from jupyter_mlops.pipelines.runs import contrasts

    found = contrasts(before.record, after.record)
    return tuple(Contrast(one.kind, one.name, one.before, one.after) for one in found)


def _ended(run: NumberedRun) -> RunSummary:
    record = run.record
    return RunSummary(
        run=record.run,
        number=run.number,
        state=record.state,
        started=record.started,
        seconds=record.seconds,
        author=str(record.author),
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
