"""Pipelines: what was run, and the check that CI makes."""

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
    """One run: `state` is ``running``, ``succeeded``, ``failed``, ``pruned`` or ``cancelled``.

    Attributes
    ----------
    number
        Runs are counted oldest first, from 1; 0 while it runs.
    inputs, outputs
        Path to digest: what came from outside the run, and what its stages hold afterwards.
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
    labels: dict[str, Scalar] = attrs.field(factory=dict)


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


@attrs.frozen
class MetricChange:
    """A metric before and after."""

    name: str
    before: Scalar
    after: Scalar


@attrs.frozen
class CiReport:
    """What `ci` did and found; `failures` holds one line a reason, `notes` what else matters."""

    run: str
    stages: tuple[StageRun, ...]
    metrics: tuple[MetricChange, ...]
    drifted: dict[str, bool]
    failures: tuple[str, ...]
    summary_file: str
    notebooks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

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
    fail_on: Annotated[tuple[Literal["failed", "gates", "drift", "stale-lock"], ...], Option(comma=True)] = (
        "failed",
        "gates",
    ),
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
    from jupyter_mlops.pipelines.past import base_of
    from jupyter_mlops.pipelines.planning import plan
    from jupyter_mlops.pipelines.runner import Choice

    project, folder = call.project, call.path(output)
    older = base_of(project.git, base) or ""
    notes = _pulled(call, remote)
    is_locked = all(state.state == "up-to-date" for state in project.pipeline.states())
    done = runner_of(call, CI).run(lambda: plan(project.pipeline, (), {}), call.progress, Choice(git=False))
    notes = (*notes, *_left_behind(call))
    report, found = _examined(call, older, done.stages, notes)
    found["stale-lock"] = [] if is_locked else ["dvc.lock was not up to date: run, then commit it, then push the data"]
    report = attrs.evolve(report, failures=tuple(line for kind in fail_on for line in found[kind]))
    notebooks = _copied(project.root, done.stages, folder)
    _publish(project.root / folder, report.markdown())
    return CiReport(
        run=done.record.run if done.record else "",
        stages=stage_runs(done.stages),
        metrics=tuple(MetricChange(name, *pair) for name, pair in report.metrics.items()),
        drifted=dict(report.drifted),
        failures=report.failures,
        summary_file=f"{folder}/summary.md",
        notebooks=notebooks,
        notes=report.notes,
    )


def _examined(
    call: Call, base: str, stages: tuple[StageRecord, ...], notes: tuple[str, ...]
) -> tuple[Report, dict[str, list[str]]]:
    """What there is to report, and what could make the check red, by kind."""
    from jupyter_mlops.pipelines.gates import broken
    from jupyter_mlops.pipelines.past import metrics_at
    from jupyter_mlops.pipelines.report import Report

    project = call.project
    known = project.pipeline.stages()
    before = metrics_at(project.git, base, known) if base else {}
    after = project.pipeline.metrics(known)
    drifted, drift_notes = _drifted(call, base)
    metrics = {name: (before.get(name), after.get(name)) for name in sorted({*before, *after})}
    report = Report(base, (), (*notes, *drift_notes), stages, metrics, _data_changes(call, base), drifted)
    return report, {
        "failed": [line for line in [first_failure(stage_runs(stages))] if line],
        "gates": [*broken(project.section("gates"), before, after)],
        "drift": [f"{name} drifted" for name, has in drifted.items() if has],
    }


def _pulled(call: Call, remote: str) -> tuple[str, ...]:
    """Bring data and records; what cannot be had is said, and the stages that need it fail by themselves."""
    from jupyter_mlops.verbs.remotes import pull

    if not remote and not call.project.datasets.settings.default_remote:
        return ()
    try:
        pull(call, remote=remote)
    except EnvironmentFault as error:
        return (f"Not all data was pulled. {error.message} {error.context}",)
    return ()


def _left_behind(call: Call) -> tuple[str, ...]:
    """What the check leaves changed in the working tree: it commits nothing."""
    from jupyter_mlops.pipelines.uncommitted import changed_files

    changed = changed_files(call.project.git, call.project.pipeline.stages())
    return (f"Not committed, and left as the run wrote it: {', '.join(changed)}.",) if changed else ()


def _data_changes(call: Call, base: str) -> dict[str, tuple[str, str]]:
    """Dataset to its version in `base` and now, where they differ."""
    datasets = call.project.datasets
    found: dict[str, tuple[str, str]] = {}
    for dataset in datasets.all():
        try:
            before = datasets.resolve(f"{dataset.name}@{base}") if base else None
            after = datasets.resolve(dataset.name)
        except MlopsError:
            continue  # new since then, or not here: neither can be compared
        if before and dataset.kind == "data" and before.digest != after.digest:
            found[dataset.name] = (before.label, after.label)
    return found


def _drifted(call: Call, base: str) -> tuple[dict[str, bool], tuple[str, ...]]:
    """Whether each changed dataset drifted since `base`; data that is no table is named instead."""
    from jupyter_mlops.verbs.drift import drift

    drifted: dict[str, bool] = {}
    notes: list[str] = []
    for name in _data_changes(call, base):
        try:
            drifted[name] = drift(call, name, against=f"{name}@{base}").drifted
        except MlopsError as error:
            notes.append(f"Drift of {name} was not measured: {error.message}")
    return drifted, tuple(notes)


def _copied(root: Path, stages: Iterable[StageRecord], folder: str) -> tuple[str, ...]:
    """The executed notebooks, copied beside the report."""
    import shutil

    copied = []
    for stage in stages:
        if stage.notebook and (root / stage.notebook).exists():
            target = f"{folder}/{stage.name}.ipynb"
            (root / folder).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / stage.notebook, root / target)
            copied.append(target)
    return tuple(copied)


def _publish(folder: Path, text: str) -> None:
    """Write the summary, and hand it to GitHub when that runs us."""
    write_atomically(folder / ".gitignore", b"*\n")
    write_atomically(folder / "summary.md", text.encode())
    if step := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(step).open("a", encoding="utf-8") as handle:
            handle.write(text)
