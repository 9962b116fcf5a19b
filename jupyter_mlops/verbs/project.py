"""The project as a whole: init, status, doctor, demo."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import attrs

from jupyter_mlops.checkup import Check, checks, installed_versions
from jupyter_mlops.errors import UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.pipelines.pipeline import StageStatus as StageState
from jupyter_mlops.project import Project
from jupyter_mlops.trust.identity import require_known
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb
from jupyter_mlops.versioning.values import DatasetState


@attrs.frozen
class Initialised:
    """What `init` wrote; an existing project gains only what it lacked."""

    root: str
    files: tuple[str, ...]
    git_commit: str | None = None


@verb(Group.DATA, Action.ADMINISTER, daily=True, anywhere=True)
def init(
    call: Call,
    *,
    remote: str = "",
    ci: str = "",
    yes: Annotated[bool, Option("-y")] = False,
    git: bool = True,
    dry_run: bool = False,
) -> Initialised:
    """Make this folder a project, or add what an existing one lacks.

    Parameters
    ----------
    remote
        Address of a DVC remote: a folder, ``s3://…``, ``ssh://…``.
    ci
        Write the recipe for ``github``, ``gitlab`` or ``shell``.
    yes
        Create the git repository without asking.
    git
        Commit the written files to git.
    dry_run
        Say what would be written; write nothing.
    """
    from jupyter_mlops.versioning.founding import create_repository
    from jupyter_mlops.versioning.recipes import recipe

    recipes = dict([recipe(ci)]) if ci else {}
    project = _around(call)
    if project is None:
        if not (yes or dry_run or call.ask(f"{call.folder} is not in a git repository. Create one?")):
            raise UsageError(
                "not-a-git-repository",
                "This folder is not in a git repository.",
                context=str(call.folder),
                hint="init --yes creates one.",
            )
        if not dry_run:
            create_repository(call.folder)
            project = _around(call)
    root = project.root if project else call.folder
    files = _lacking(root, remote, recipes)
    if dry_run or project is None:
        return Initialised(str(root), tuple(files))
    return _founded(attrs.evolve(call, opened=project), files, git=git)


def _around(call: Call) -> Project | None:
    try:
        return call.project
    except UsageError:
        return None


def _lacking(root: Path, remote: str, recipes: dict[str, str]) -> dict[str, str]:
    """Text of each file that `init` would write, by path."""
    from jupyter_mlops.versioning.founding import SETTINGS_FILE, missing_dvc_files, settings_text, with_remote

    files = missing_dvc_files(root)
    if not (root / SETTINGS_FILE).exists():
        files[SETTINGS_FILE] = settings_text(root.name)
    files |= {path: text for path, text in recipes.items() if not (root / path).exists()}
    if remote:
        config = root / ".dvc" / "config"
        before = config.read_text(encoding="utf-8") if config.exists() else ""
        after = with_remote(before, remote, root)
        if after != before:
            files[".dvc/config"] = after
    return files


def _founded(call: Call, files: dict[str, str], *, git: bool) -> Initialised:
    """Write `files`, set up the shared records, and commit what was written."""
    from jupyter_mlops.versioning.founding import add_refspecs, write_files

    project = call.project
    who = (
        require_known(call.actor if call.actor.source != "unknown" else project.actor) if git and files else call.actor
    )
    if git and files:
        project.git.require_committable()
    write_files(project.root, files)
    project.places.claim_scratch()
    add_refspecs(project.git)
    commit = project.git.commit_only(files, "set up jupyter-mlops", who) if git and files else None
    return Initialised(str(project.root), tuple(files), commit)


@attrs.frozen
class NextStep:
    """Something that waits for the user.

    Attributes
    ----------
    kind
        ``changed``, ``stale``, ``failed``, ``missing``, ``start``.
    text
        What waits, in words.
    line
        What to type, without ``%mlops``.
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
    states = project.datasets.states([_relative(call, path) for path in paths])
    datasets = tuple(_with_rows(project, state) for state in states)
    stages, trouble = _stages(project)
    steps = (*trouble, *_steps(project, datasets, stages))
    return Status(
        name=project.name,
        root=str(project.root),
        branch=project.git.branch(),
        head=project.git.head(),
        is_dvc=(project.root / ".dvc").is_dir(),
        role=project.roles.role_of(call.actor),
        datasets=datasets,
        stages=stages,
        next=steps,
        clean=all(step.kind == "start" for step in steps),
        note=_note(project, datasets),
    )


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
    try:
        return tuple(project.pipeline.states()), ()
    except UsageError as error:
        return (), (NextStep("failed", "dvc.yaml", f"{error.message} {error.context}".strip(), "stage list"),)


def _steps(project: Project, datasets: Sequence[DatasetState], stages: Sequence[StageState]) -> Iterator[NextStep]:
    """What waits, most urgent first."""
    for each in stages:
        if each.state == "failed":
            yield NextStep("failed", each.name, f"{each.name} failed{_because(each.reason)}", f"run {_word(each.name)}")
    for one in datasets:
        if one.state == "absent":
            yield NextStep("missing", one.path, f"{one.path} is not in the cache", f"pull {_word(one.path)}")
        if one.state == "missing":
            yield NextStep("missing", one.path, f"{one.path} is not in the workspace", _bring(one))
    yield from (_changed(one) for one in datasets if one.kind == "data" and _waits(project, one))
    for each in stages:
        if each.state in {"stale", "never-run"}:
            word = "is stale" if each.state == "stale" else "never ran"
            yield NextStep("stale", each.name, f"{each.name} {word}{_because(each.reason)}", f"run {_word(each.name)}")
    if not datasets and not stages:
        yield NextStep("start", "", "No datasets yet", "commit PATH")


def _waits(project: Project, one: DatasetState) -> bool:
    """Whether data, or the pointer that names it, is in no commit yet."""
    pointer = one.path + ".dvc"
    return one.state == "changed" or (one.version != one.head_version and not project.git.is_clean(pointer))


def _changed(one: DatasetState) -> NextStep:
    if one.state != "changed":
        text = f"{one.path} is at {one.version}, HEAD {one.head_version or 'has none'}"
    elif one.rows_changed:
        text = f"{one.path} changed, {one.rows_changed:+,} rows"
    else:
        text = f"{one.path} changed: {one.added} added, {one.modified} modified, {one.removed} removed"
    return NextStep("changed", one.path, text, f"commit {_word(one.path)}")


def _bring(one: DatasetState) -> str:
    return f"checkout {_word(one.path)}@{one.version.partition('·')[0] if one.version else 'HEAD'}"


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
    return "; ".join(f"{one.path} at {one.version}, HEAD {one.head_version}" for one in moved)


@attrs.frozen
class Diagnosis:
    """What `doctor` found."""

    checks: tuple[Check, ...]
    versions: dict[str, str]

    @property
    def gate(self) -> str | None:
        """The first failed check."""
        return next((check.message for check in self.checks if check.state == "failed"), None)


@verb(Group.GOVERN, Action.READ, reads=True, anywhere=True)
def doctor(call: Call) -> Diagnosis:
    """Check the installation, the project, git, DVC and Jupyter."""
    return Diagnosis(tuple(checks(call.opened)), installed_versions())


@attrs.frozen
class DemoStep:
    """One step of the demo: the line, what it gave, how long it took."""

    line: str
    outcome: str
    seconds: float


@attrs.frozen
class Demo:
    """The demo project and what was done in it.

    Attributes
    ----------
    opens
        The notebook that JupyterLab opens next; empty with ``--no-lab``.
    """

    root: str
    steps: tuple[DemoStep, ...]
    seconds: float
    opens: str = ""


@verb(Group.DATA, Action.ADMINISTER, anywhere=True)
def demo(
    call: Call,
    *,
    dir: Annotated[str, Option(names=Names.PATH)] = "mlops-demo",  # noqa: A002
    lab: bool = True,
) -> Demo:
    """Build the example project on real data, and open it in JupyterLab.

    Parameters
    ----------
    dir
        The folder to build it in; an earlier demo there is opened as it is.
    lab
        Open JupyterLab afterwards.
    """
    from jupyter_mlops.verbs.demonstration import perform

    root = (call.folder / dir).resolve()
    began_s = time.monotonic()
    steps = perform(call, root)
    opens = "README.ipynb" if lab else ""
    return Demo(str(root), steps, round(time.monotonic() - began_s, 3), opens)
