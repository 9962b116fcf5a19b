"""Telling the demo's story through the verbs themselves."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.example.story import STORY, Scene, bring, lay_out
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.project import Project
from jupyter_mlops.records import Actor
from jupyter_mlops.trust.identity import UNKNOWN
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb
from jupyter_mlops.verbs.invoking import Origin, invoke
from jupyter_mlops.verbs.lines import line
from jupyter_mlops.versioning.founding import create_repository

NARRATOR = Actor("Demo", "demo@localhost", "service")
FINISHED = "demo-finished"
FOLDER = "mlops-demo"

OUTCOMES: Mapping[str, Callable[[Any], str]] = {
    "init": lambda result: f"wrote {', '.join(result.files)}",
    "commit": lambda result: ", ".join(f"{v.dataset} {v.version}" for v in result.versions),
    "stage add": lambda result: f"pipeline stages: {', '.join(stage.name for stage in result.stages)}",
    "run": lambda result: (
        f"{', '.join(s.name + ' ' + s.state for s in result.stages)}; auc {result.metrics.get('auc', 0):.3f}"
    ),
    "register": lambda result: f"{result.tag}{f', the same file as {result.same_as}' if result.same_as else ''}",
    "alias": lambda result: f"{result.model}@{result.alias} is {result.version}",
    "deploy": lambda result: f"{result.routes[0].version} answers at {result.url}",
    "rollback": lambda result: f"{result.routes[0].version} answers again",
    "predict": lambda result: f"{result.rows} predictions by {result.version}",
    "drift": lambda result: result.gate or "nothing drifted",
}


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
    next
        What to type to open it later, from where the demo was built.
    """

    root: str
    steps: tuple[DemoStep, ...]
    seconds: float
    opens: str = ""
    next: str = ""


@verb(Group.DATA, Action.ADMINISTER, anywhere=True)
def demo(
    call: Call,
    *,
    dir: Annotated[str, Option(names=Names.PATH)] = FOLDER,  # noqa: A002
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
    root = (call.folder / dir).resolve()
    began_s = time.monotonic()
    steps = perform(call, root)
    opens = "README.ipynb" if lab else ""
    return Demo(str(root), steps, round(time.monotonic() - began_s, 3), opens, _opening(root, dir))


def _opening(root: Path, folder: str) -> str:
    """The line that opens the demo: ``make`` keeps its program off the user's PATH."""
    usual = f"--dir {shlex.quote(str(root))}"
    if "MAKELEVEL" in os.environ:
        return "make demo" if folder == FOLDER else f"make demo DEMO={shlex.quote(usual)}"
    found = shutil.which("jupyter")
    if found and Path(found).parent == Path(sys.executable).parent:
        return f"%mlops demo {usual}"
    return f"{shlex.quote(sys.executable)} -m jupyter_mlops demo {usual}"


def perform(call: Call, root: Path) -> tuple[DemoStep, ...]:
    """Build the demo in `root`, or leave an earlier finished one as it is.

    It is a repository of its own, also within another: ``make demo`` builds it inside a clone.

    Raises
    ------
    UsageError
        ``folder-not-empty``: something else is there.
    """
    if root.exists() and any(root.iterdir()):
        return _earlier(root)
    root.mkdir(parents=True, exist_ok=True)
    create_repository(root)
    steps = []
    for number, scene in enumerate(STORY):
        call.report("demo", number, len(STORY), "steps")
        steps.append(_play(scene, call, root))
    (Project(root).places.state / FINISHED).touch()
    return tuple(steps)


def _earlier(root: Path) -> tuple[DemoStep, ...]:
    if (root / ".git" / "mlops" / FINISHED).exists():
        return ()
    raise UsageError(
        "folder-not-empty",
        f"{root.name} is not empty, and no finished demo.",
        context=str(root),
        hint="demo --dir ANOTHER, or remove that folder.",
    )


def _play(scene: Scene, call: Call, root: Path) -> DemoStep:
    """Act one scene and say in a few words what came of it."""
    from jupyter_mlops.verbs import find

    if scene.year:
        bring(scene.year, root)
    chosen = find(scene.verb)
    began_s = time.monotonic()
    actor = call.actor if call.actor != UNKNOWN else NARRATOR
    result = invoke(chosen, scene.arguments, Origin("demo", root, actor, ask=call.ask))
    if scene.verb == "init":
        _settle(root, actor)
    seconds = round(time.monotonic() - began_s, 3)
    return DemoStep(line(chosen, scene.arguments), OUTCOMES[scene.verb](result), seconds)


def _settle(root: Path, actor: Actor) -> None:
    """Put the notebooks into the new repository, and a name where git has none."""
    lay_out(root)
    project = Project(root)
    if project.git.author() is None:
        project.git.run("config", "user.name", actor.name)
        project.git.run("config", "user.email", actor.email or NARRATOR.email)
    project.git.commit_only(
        ["README.ipynb", "prepare.ipynb", "train.ipynb", "evaluate.ipynb", "mlops.toml"],
        "start from the example",
        actor,
    )
