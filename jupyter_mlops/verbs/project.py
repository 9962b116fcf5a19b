"""The project as a whole: init, status, doctor, demo."""

from __future__ import annotations

import time
from typing import Annotated

import attrs

from jupyter_mlops.checkup import Check, checks, installed_versions
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb


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
    raise NotImplementedError


@attrs.frozen
class DatasetState:
    """A dataset in the workspace.

    Attributes
    ----------
    kind
        ``data`` (a ``.dvc`` file) or ``stage`` (an out of ``dvc.yaml``).
    state
        ``up-to-date``, ``changed``, ``missing`` (not in the workspace) or ``absent`` (not in the cache either).
    version, head_version
        Labels ``v4·7f3a`` of the pointer in the workspace and in HEAD; None before the first commit.
    added, modified, removed
        Files, against the pointer.
    """

    path: str
    kind: str
    state: str
    version: str | None
    head_version: str | None
    added: int = 0
    modified: int = 0
    removed: int = 0
    files: int = 0
    bytes: int = 0
    versions: int = 0
    rows_changed: int | None = None


@attrs.frozen
class StageState:
    """A pipeline stage.

    Attributes
    ----------
    state
        ``up-to-date``, ``stale``, ``running``, ``failed`` or ``never-run``.
    reason
        Why, in words: ``prepare.ipynb changed``.
    done, total
        Cells, while it runs.
    """

    name: str
    state: str
    reason: str = ""
    notebook: str | None = None
    done: int = 0
    total: int = 0
    eta_s: float | None = None
    run: str | None = None


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
    raise NotImplementedError


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
