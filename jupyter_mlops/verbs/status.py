"""The project as a whole: what changed, what is stale, and what to do next."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from typing import Annotated

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.pipelines.standing.stage_status import StageStatus as StageState
from jupyter_mlops.project import Project
from jupyter_mlops.trust.identity import UNKNOWN
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb
from jupyter_mlops.versioning.pointers import PIPELINE_FILE
from jupyter_mlops.versioning.values import CUT_OFF, LAST_LOOK, DatasetState


@attrs.frozen
class NextStep:
    """Something that waits for the user.

    Attributes
    ----------
    kind
        ``changed``, ``stale``, ``failed``, ``missing``, ``untracked``, ``start``.
    text
        What waits, in words.
    line
        What to type, without ``%mlops``; one that begins with ``git`` is for a terminal.
    """

    kind: str
    name: str
    text: str
    line: str


@attrs.frozen
class Status:
    """Where the project stands.

    Attributes
    ----------
    next
        What waits for the user, most urgent first.
    clean
        Whether nothing waits.
    """

    name: str
    root: str
    branch: str | None
    head: str | None
    is_dvc: bool
    role: str
    datasets: tuple[DatasetState, ...]
    stages: tuple[StageState, ...]
    next: tuple[NextStep, ...]
    clean: bool
    note: str = ""


@verb(Group.DATA, Action.READ, reads=True, daily=True)
def status(call: Call, paths: Annotated[tuple[str, ...], Option(names=Names.PATH)] = ()) -> Status:
    """Show what changed, what is stale, and what to do next.

    Parameters
    ----------
    paths
        Datasets to look at; none means all.
    """
    project = call.project
    project.datasets.look_once()
    states = project.datasets.states([_relative(call, path) for path in paths])
    datasets = tuple(_with_rows(project, state) for state in states)
    stages, trouble = _stages(project)
    is_running = any(each.state == "running" for each in stages)
    loose = () if trouble or is_running else _uncommitted(project)
    waiting = _steps(project, datasets, stages)
    steps = (*trouble, *_broken(project), *(_besides_run(waiting, datasets) if is_running else waiting), *loose)
    return Status(
        name=project.name,
        root=str(project.root),
        branch=project.git.branch(),
        head=project.git.head(),
        is_dvc=(project.root / ".dvc").is_dir(),
        role=_role(call),
        datasets=datasets,
        stages=stages,
        next=steps,
        clean=all(step.kind == "start" for step in steps),
        note=_note(project, datasets),
    )


def _role(call: Call) -> str:
    """The role of whoever asks; git is asked for the name only where it matters."""
    roles = call.project.roles
    return roles.role_of(call.actor if roles.are_given else UNKNOWN)


def _broken(project: Project) -> Iterator[NextStep]:
    """An erasure that was cut off, and what the last look at the cache found."""
    if (project.places.state / CUT_OFF).exists():
        yield NextStep("failed", "", "An erasure was cut off", "erase --resume")
    if not (project.places.state / LAST_LOOK).exists():
        return
    from jupyter_mlops.versioning.scrubbing import LastLook

    look = LastLook.read(project.places)
    if look and look.troubles:
        objects = "object is" if look.troubles == 1 else "objects are"
        yield NextStep("failed", "", f"{look.troubles:,} {objects} damaged or missing in the cache", "verify --scrub")


def _relative(call: Call, text: str) -> str:
    """A path as typed, or the short name of a dataset, below the root."""
    path = call.path(text)
    known = call.project.datasets
    if known.workspace.exists(path) or any(one.name.startswith(path) for one in known.all()):
        return path
    return known.find(text).name


def _with_rows(project: Project, state: DatasetState) -> DatasetState:
    """`state` with how many rows a changed table gained, where that is quick to tell."""
    if state.state != "changed":
        return state
    from jupyter_mlops.verbs.versions import counted
    from jupyter_mlops.versioning.committing import Committing

    draft = Committing(project.datasets).draft(state.path, save=False)
    return attrs.evolve(state, rows_changed=counted(project.datasets, draft).rows_added)


def _stages(project: Project) -> tuple[tuple[StageState, ...], tuple[NextStep, ...]]:
    """The stages; a pipeline that cannot be read is a step of its own and hides nothing else."""
    if not _has_pipeline(project):
        return (), ()
    try:
        return tuple(project.pipeline.states()), ()
    except UsageError as error:
        return (), (NextStep("failed", "dvc.yaml", f"{error.message} {error.context}".strip(), "stage list"),)


def _has_pipeline(project: Project) -> bool:
    """Whether anything of pipelines has to be loaded at all."""
    return os.path.lexists(project.root / PIPELINE_FILE)


def _steps(project: Project, datasets: Sequence[DatasetState], stages: Sequence[StageState]) -> Iterator[NextStep]:
    """What waits, most urgent first."""
    for each in stages:
        if each.state == "failed":
            text = f"{each.name} failed{_because(each.reason)}{_where(project, each.name)}"
            yield NextStep("failed", each.name, text, f"run {_word(each.name)}")
    yield from _missing(datasets)
    for one in datasets:
        if one.kind == "data" and _waits(project, one):
            yield from _changed(one, is_detached=project.git.branch() is None)
    for each in stages:
        if each.state in {"stale", "never-run"}:
            text = f"{each.name} is stale{_because(each.reason)}" if each.state == "stale" else f"{each.name} never ran"
            yield NextStep("stale", each.name, text, f"run {_word(each.name)}")
    if not datasets and not stages:
        yield NextStep("start", "", "No datasets yet", "commit PATH")


def _besides_run(steps: Iterator[NextStep], datasets: Sequence[DatasetState]) -> Iterator[NextStep]:
    """What waits while stages run: what they are about to write is not missing, and who waits for it is not stale."""
    made = {one.path for one in datasets if one.kind != "data"}
    yield from (step for step in steps if step.kind != "stale" and step.name not in made)


def _uncommitted(project: Project) -> Iterator[NextStep]:
    """What a clone would lack, or have otherwise, though data and stages are up to date."""
    from jupyter_mlops.pipelines.cluster.uncommitted import changed_files, commit_line, untracked_code

    stages = project.pipeline.stages() if _has_pipeline(project) else ()
    for path in untracked_code(project.git, stages):
        yield NextStep("untracked", path, f"{path} is in no commit", commit_line([path], f"add {path}"))
    if changed := changed_files(project.git, stages):
        verb = "is" if len(changed) == 1 else "are"
        text = f"{' and '.join(changed)} {verb} not committed"
        yield NextStep("changed", changed[0], text, commit_line(changed, "pipeline as it ran"))


def _missing(datasets: Sequence[DatasetState]) -> Iterator[NextStep]:
    """How to get what is not here; one line does when nothing is, as in a fresh clone."""
    absent = [one for one in datasets if one.state == "absent"]
    if len(absent) > 1 and len(absent) == len(datasets):
        yield NextStep("missing", "", f"None of the {len(absent)} datasets is in the cache", "pull")
        return
    for one in absent:
        yield NextStep("missing", one.path, f"{one.path} is not in the cache", f"pull {_word(one.path)}")
    for one in datasets:
        if one.state == "missing":
            yield NextStep("missing", one.path, f"{one.path} is not in the workspace", _bring(one))


def _waits(project: Project, one: DatasetState) -> bool:
    """Whether data, or the pointer that names it, is in no commit yet."""
    if one.state in {"missing", "absent"}:
        return False
    return one.state == "changed" or (one.version != one.head_version and not project.git.is_clean(one.path + ".dvc"))


def _changed(one: DatasetState, *, is_detached: bool) -> Iterator[NextStep]:
    """Where data is not as in HEAD; what was brought back goes forward again before it becomes the newest."""
    commit = f"commit {_word(one.path)}"
    if one.at:
        text = f"{one.path} is at {one.at}, HEAD {_number(one.head_version)}"
        yield NextStep("changed", one.path, text, f"checkout {_word(one.path)}@{_number(one.head_version)}")
        if is_detached:
            return
        text = f"{one.path}: or make {one.at} the newest"
    elif one.state != "changed":
        text = f"{one.path} is committed to the cache, not to git: commit again"
    elif one.rows_changed:
        noun = "row" if abs(one.rows_changed) == 1 else "rows"
        text = f"{one.path} changed, {one.rows_changed:+,} {noun}"
    else:
        text = f"{one.path} changed: {one.added} added, {one.modified} modified, {one.removed} removed"
    yield NextStep("changed", one.path, text, commit)


def _number(label: str | None) -> str:
    """``v4`` of ``v4·7f3a``."""
    return label.partition("·")[0] if label else "HEAD"


def _bring(one: DatasetState) -> str:
    """What no commit holds has no number: the pointer alone names it."""
    return f"checkout {_word(one.path)}" if one.is_only_cached else f"checkout {_word(one.path)}@{_number(one.version)}"


def _where(project: Project, stage: str) -> str:
    """The executed notebook, with the error in it, when there is one."""
    from jupyter_mlops.pipelines.running.execution import LOCAL

    kept = f"{LOCAL}/{stage}.ipynb"
    return f" (see {kept})" if (project.root / kept).exists() else ""


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _word(text: str) -> str:
    return shlex.quote(text)


def _note(project: Project, datasets: Sequence[DatasetState]) -> str:
    """One line on how things stand when that is out of the ordinary."""
    if word := project.git.unfinished():
        return f"A {word} is in progress: finish it before you commit."
    if project.git.head() and project.git.branch() is None:
        return "HEAD is detached: commits made here belong to no branch."
    moved = [one for one in datasets if one.head_version and one.version != one.head_version]
    if not moved and datasets and not project.places.state.exists():
        versions = sum(one.versions for one in datasets)
        return (
            f"DVC project: {_counted(len(datasets), 'dataset')}, {_counted(versions, 'version')}. Nothing was changed."
        )
    return "; ".join(f"{one.path} at {one.version}, HEAD {one.head_version}" for one in moved)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
