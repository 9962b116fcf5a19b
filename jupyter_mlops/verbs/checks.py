"""Pipelines: the check that CI makes."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import attrs
import msgspec

from jupyter_mlops.errors import EnvironmentFault, MlopsError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.records import Actor, Scalar, StageRecord, write_atomically
from jupyter_mlops.verbs.declaration import Call, Group, Option, verb
from jupyter_mlops.verbs.run_reports import StageRun, first_failure, stage_runs
from jupyter_mlops.verbs.running import Jobs, runner_of

if TYPE_CHECKING:
    from jupyter_mlops.pipelines.checking.report import Report
    from jupyter_mlops.pipelines.running.runner import Finished

CI = Actor("ci", source="service")
Kind = Literal["failed", "gates", "drift", "stale-lock", "reproduce"]
Found = dict[str, list[str]]


@attrs.frozen
class MetricChange:
    """A metric before and after."""

    name: str
    before: Scalar
    after: Scalar


@attrs.frozen
class CiReport:
    """What `ci` did and found; `failures` holds one line a reason, `notes` what else matters.

    Attributes
    ----------
    opening
        What to paste into a terminal to see the first failure on one's own machine; empty when all is well.
    lock_branch
        The branch to which ``dvc.lock`` was pushed; empty when none.
    """

    run: str
    stages: tuple[StageRun, ...]
    metrics: tuple[MetricChange, ...]
    drifted: dict[str, bool]
    failures: tuple[str, ...]
    summary_file: str
    notebooks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    opening: str = ""
    junit_file: str = ""
    lock_branch: str = ""

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
    fail_on: Annotated[tuple[Kind, ...], Option(comma=True)] = ("failed", "gates", "reproduce"),
    jobs: Jobs = 0,
    reproduce: Annotated[int, msgspec.Meta(ge=0)] = 0,
    lock_branch: str = "",
) -> CiReport:
    """Pull, run stale stages, compare metrics, write the report: the one step of a CI job.

    Parameters
    ----------
    output
        The folder for ``summary.md``, ``junit.xml`` and the executed notebooks.
    base
        The git revision to compare with; the merge base with the default branch when left out.
    remote
        The DVC remote; the default one when left out.
    fail_on
        What makes the check red: ``failed``, ``gates``, ``drift``, ``stale-lock``, ``reproduce``.
    jobs
        Stages that run at once; 0 for as many as there are processors.
    reproduce
        Execute so many stages again, chosen by the commit, and compare what they write.
    lock_branch
        Push ``dvc.lock`` and metrics that the run changed to this branch, with the data to the remote.
    """
    from jupyter_mlops.pipelines.checking.handing_over import deepen
    from jupyter_mlops.pipelines.checking.past import base_of
    from jupyter_mlops.pipelines.running.choice import Choice
    from jupyter_mlops.pipelines.running.planning import plan

    project, folder = call.project, call.path(output)
    shallow = deepen(project.git)
    older = base_of(project.git, base) or ""
    notes = [*filter(None, [shallow]), *_pulled(call, remote)]
    is_locked = all(state.state == "up-to-date" for state in project.pipeline.states())
    choice = Choice(git=False, jobs=jobs)
    done = runner_of(call, CI).run(lambda: plan(project.pipeline, (), {}), call.progress, choice)
    branch, handed = _handed_over(call, lock_branch, remote)
    notes += handed
    report, found = _examined(call, older, done.stages, tuple(notes))
    found["stale-lock"] = [] if is_locked else ["dvc.lock was not up to date: run, then commit it, then push the data"]
    found["reproduce"] = _reproduced(call, reproduce)
    return _published(call, folder, done, report, {kind: found[kind] for kind in fail_on}, branch)


def _published(call: Call, folder: str, done: Finished, report: Report, red: Found, branch: str) -> CiReport:
    """Write the reports; what is said is what they say."""
    from jupyter_mlops.pipelines.checking.junit import junit

    project = call.project
    failures = tuple(line for lines in red.values() for line in lines)
    opening = _opening(call, done.stages, red) if failures else ""
    report = attrs.evolve(report, failures=failures, opening=opening)
    notebooks = _copied(project.root, done.stages, folder)
    _publish(project.root / folder, report.markdown(), junit(done.stages, red))
    return CiReport(
        run=done.record.run if done.record else "",
        stages=stage_runs(done.stages),
        metrics=tuple(MetricChange(name, *pair) for name, pair in report.metrics.items()),
        drifted=dict(report.drifted),
        failures=report.failures,
        summary_file=f"{folder}/summary.md",
        notebooks=notebooks,
        notes=report.notes,
        opening=opening,
        junit_file=f"{folder}/junit.xml",
        lock_branch=branch,
    )


def _opening(call: Call, stages: Iterable[StageRecord], red: Mapping[str, Sequence[str]]) -> str:
    """The line that brings the first failure onto one's own machine."""
    from jupyter_mlops.pipelines.checking.blame import opening, writer_of

    project = call.project
    failed = next((stage.name for stage in stages if stage.state == "failed"), "")
    metric = next((line.partition(" ")[0] for line in red.get("gates", ())), "")
    known = project.pipeline.stages()
    if not failed and metric and (place := writer_of(project.root, known, metric)):
        failed = place.stage
    name = failed or next((stage.name for stage in reversed(known)), "")
    shared = project.git.head() if project.git.run("remote").strip() else None
    return opening(name, shared) if name else ""


def _examined(call: Call, base: str, stages: tuple[StageRecord, ...], notes: tuple[str, ...]) -> tuple[Report, Found]:
    """What there is to report, and what could make the check red, by kind."""
    from jupyter_mlops.pipelines.checking.past import metrics_at
    from jupyter_mlops.pipelines.checking.report import Report

    project = call.project
    known = project.pipeline.stages()
    before = metrics_at(project.git, base, known) if base else {}
    after = project.pipeline.metrics(known)
    drifted, drift_notes = _drifted(call, base)
    metrics = {name: (before.get(name), after.get(name)) for name in sorted({*before, *after})}
    report = Report(base, (), (*notes, *drift_notes), stages, metrics, _data_changes(call, base), drifted)
    return report, {
        "failed": [line for line in [first_failure(stage_runs(stages))] if line],
        "gates": _broken_gates(call, before, after),
        "drift": [f"{name} drifted" for name, has in drifted.items() if has],
    }


def _broken_gates(call: Call, before: Mapping[str, Scalar], after: Mapping[str, Scalar]) -> list[str]:
    """Each broken gate, with the cell that wrote its metric."""
    from jupyter_mlops.pipelines.checking.blame import writer_of
    from jupyter_mlops.pipelines.checking.gates import broken

    project = call.project
    stages = project.pipeline.stages()
    lines = []
    for line in broken(project.section("gates"), before, after):
        place = writer_of(project.root, stages, line.partition(" ")[0])
        lines.append(f"{line} ({place})" if place else line)
    return lines


def _reproduced(call: Call, count: int) -> list[str]:
    """Execute `count` stages again, the same ones for the same commit; one line for each that differs."""
    from jupyter_mlops.verbs.reproduction import reproduce

    stages = [stage.name for stage in call.project.pipeline.stages() if not stage.always_changed]
    chosen = random.Random(call.project.git.head()).sample(stages, min(count, len(stages)))
    found = []
    for name in chosen:
        try:
            verdict = reproduce(call, name)
        except MlopsError as error:
            found.append(f"{name} could not be executed again: {error.message}")
            continue
        if line := verdict.gate:
            found.append(f"{name}: {line}")
    return found


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


def _handed_over(call: Call, branch: str, remote: str) -> tuple[str, tuple[str, ...]]:
    """Push what the run changed to `branch`; the branch, and what is left in the working tree or was refused."""
    from jupyter_mlops.pipelines.checking.handing_over import commit_aside, push_branch
    from jupyter_mlops.pipelines.cluster.uncommitted import changed_files
    from jupyter_mlops.verbs.remotes import push

    project = call.project
    changed = changed_files(project.git, project.pipeline.stages())
    if not changed:
        return "", ()
    left = f"Not committed, and left as the run wrote it: {', '.join(changed)}."
    if not branch:
        return "", (left,)
    refused = ""
    try:
        push(call, remote=remote)
        commit = commit_aside(project.git, changed, "run: dvc.lock of this check", CI)
        refused = push_branch(project.git, commit, branch)
    except MlopsError as error:
        refused = f"{error.message} {error.context}".strip()
    if refused:
        hint = "The check of a fork may only read: run, and commit dvc.lock on your own branch."
        return "", (left, f"{branch} was not pushed: {refused} {hint}")
    return branch, (f"{', '.join(changed)}: committed to the branch {branch}, for you to merge.",)


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


def _publish(folder: Path, text: str, junit: bytes) -> None:
    """Write the reports, and hand the summary to GitHub when that runs us."""
    write_atomically(folder / ".gitignore", b"*\n")
    write_atomically(folder / "summary.md", text.encode())
    write_atomically(folder / "junit.xml", junit)
    if step := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(step).open("a", encoding="utf-8") as handle:
            handle.write(text)
