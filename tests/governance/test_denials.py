"""A role denies the same in each face: every verb for every role, and nothing changed afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from IPython.core.interactiveshell import InteractiveShell
from live_server import Server, server, standing

import jupyter_mlops as mlops
from jupyter_mlops.cli import main
from jupyter_mlops.errors import Denied
from jupyter_mlops.governance.roles import ROLES
from jupyter_mlops.kernel.magic import Magic
from jupyter_mlops.server.openapi import BASE, path_of
from jupyter_mlops.verbs import verbs
from jupyter_mlops.verbs.declaration import Argument, Verb

__all__ = ["server", "standing"]

DENIALS = [(role, verb) for role, may in ROLES.items() for verb in verbs().values() if verb.action not in may]


@pytest.fixture
def cast(project: Any, git: Any) -> Iterator[Callable[[str], Path]]:
    """Give Sara a role; afterwards nothing but that was changed."""
    (project.root / "data.csv").write_text("a\n1\n")
    mlops.commit("data.csv", project=project.root)
    settings = project.root / "mlops.toml"

    def give(role: str) -> Path:
        settings.write_text(f'[roles]\n"sara@example.org" = "{role}"\n')
        return project.root

    give("admin")
    before = everything(project.root, git)
    yield give
    give("admin")
    assert everything(project.root, git) == before


def everything(root: Path, git: Any) -> tuple[str, dict[str, bytes]]:
    """Every reference, and every file but the settings, the repository's own among them."""
    files = (path for path in root.rglob("*") if path.is_file() and path.name != "mlops.toml")
    return git("for-each-ref"), {str(path): path.read_bytes() for path in files}


def some(argument: Argument) -> str:
    """A value that `argument` takes."""
    return str(get_args(argument.type)[0]) if get_origin(argument.type) is Literal else "data.csv"


def given(verb: Verb) -> dict[str, str]:
    """A value for each argument that must be given."""
    return {argument.name: some(argument) for argument in verb.arguments() if argument.required}


def line_of(verb: Verb) -> list[str]:
    positional = [some(each) for each in verb.arguments() if each.required and each.positional]
    named = [word for each in verb.arguments() if each.required and not each.positional for word in (each.flag, "x")]
    return [*verb.name.split(), *positional, *named]


def require_told(role: str, verb: Verb, message: str) -> None:
    """Both the role there is and the verb it lacks are named, and a role that would do."""
    found = re.match(rf"You are an? {role}\. `{verb.name}` needs (.+)\.", message)
    assert found, message
    assert verb.action in ROLES[found[1]]


def test_there_is_something_to_deny() -> None:
    assert {role for role, _ in DENIALS} == set(ROLES) - {"admin"}
    assert {verb.name for _, verb in DENIALS} == {verb.name for verb in verbs().values() if verb.action != "read"}


def test_python_denies(cast: Callable[[str], Path]) -> None:
    for role, verb in DENIALS:
        root = cast(role)
        with pytest.raises(Denied) as caught:
            attrgetter(verb.python_name)(**given(verb), project=root)
        require_told(role, verb, caught.value.message)


def attrgetter(name: str) -> Any:
    function: Any = mlops
    for part in name.split("."):
        function = getattr(function, part)
    return function


def test_the_command_line_denies(cast: Callable[[str], Path], capsys: pytest.CaptureFixture[str]) -> None:
    for role, verb in DENIALS:
        root = cast(role)
        capsys.readouterr()
        assert main([*line_of(verb), "--project", str(root)]) == Denied.exit_code == 4
        said = capsys.readouterr()
        assert said.out == ""
        require_told(role, verb, said.err)


def test_the_magic_denies(cast: Callable[[str], Path]) -> None:
    magic = Magic(InteractiveShell())
    for role, verb in DENIALS:
        root = cast(role)
        with pytest.raises(Denied) as caught:
            magic.line(" ".join([*line_of(verb), "--project", str(root)]))
        require_told(role, verb, caught.value.message)


def test_the_server_denies(cast: Callable[[str], Path], server: Server) -> None:
    for role, verb in DENIALS:
        cast(role)
        answer = server.ask("POST", path_of(verb).removeprefix(f"{BASE}/"), {**given(verb), "project": "project"})
        assert (answer.status, answer.body["error"]["reference"]) == (403, "denied")
        require_told(role, verb, answer.body["error"]["message"])
    assert server.get("jobs", project="project")["jobs"] == []
