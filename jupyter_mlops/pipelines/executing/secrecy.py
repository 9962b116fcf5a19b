"""The secrets of one execution: which parameters name one, how the kernel gets them, and that nothing keeps them."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.stages.notebooks import Notebook
from jupyter_mlops.trust.secrets import Scrubber, is_reference, references, require_present

INJECTED, DECLARED = "injected-parameters", "parameters"


def named_in(notebook: Notebook, given: Mapping[str, object]) -> dict[str, str]:
    """The parameters of `notebook` that name a secret, `given` or as its own defaults, and the reference of each.

    Raises
    ------
    UsageError
        ``bad-secret-reference``; ``secret-needs-python``: only Python kernels can look one up.
    """
    cells = notebook.document["cells"]
    tagged = (cell for cell in cells if DECLARED in cell.get("metadata", {}).get("tags", ()))
    defaults = {name: value for cell in tagged for name, value in _constants("".join(cell.get("source", "")))}
    found = references({**defaults, **given})
    if found and notebook.language != "python":
        message = f"{notebook.path} is no Python notebook: a secret cannot be handed to it."
        raise UsageError("secret-needs-python", message, hint="Let it read the secret from its environment.")
    return found


def require_secrets(
    notebook: Notebook, given: Mapping[str, object], root: Path, environment: Mapping[str, str]
) -> None:
    """Check that all secrets which `notebook` will ask for are there.

    Raises
    ------
    EnvironmentFault
        ``secret-missing``, ``keyring-missing``.
    UsageError
        ``bad-secret-reference``, ``secret-needs-python``.
    """
    require_present(named_in(notebook, given), root, environment)


def _constants(source: str) -> Iterable[tuple[str, str]]:
    """The texts that plain assignments bind, by name."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for statement in body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        value = getattr(statement, "value", None)
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and is_reference(value.value):
            yield from ((one.id, value.value) for one in targets if isinstance(one, ast.Name))


class Secrecy:
    """Hands secrets to one kernel, and takes their values out of what it answers.

    Parameters
    ----------
    names
        The parameters that name one.
    root
        Where relative paths of secrets begin.
    scrubber
        Learns the values; whoever keeps something of this execution asks it.
    """

    def __init__(self, names: Sequence[str], root: Path, scrubber: Scrubber) -> None:
        self.names = tuple(names)
        self.scrubber = scrubber
        self._root = root

    def cell(self, cells: Sequence[Mapping[str, Any]]) -> int | None:
        """The position of the cell after which the values take the place of the references; None without secrets."""
        if not self.names:
            return None
        tags = [cell.get("metadata", {}).get("tags", ()) for cell in cells]
        places = [number for tag in (INJECTED, DECLARED) for number, known in enumerate(tags) if tag in known]
        return places[0] if places else None

    def expression(self) -> str:
        """What a Python kernel evaluates to replace the references; it holds no value."""
        given = f"globals(), {list(self.names)!r}, {str(self._root)!r}"
        return f"(lambda space: (exec({_source()!r}, space), space['resolve']({given}))[1])({{}})"

    def learn(self, answer: str) -> None:
        """Scrub the values that the kernel's `answer` tells.

        Raises
        ------
        UsageError
            ``secret-too-short``.
        """
        self.scrubber.add(json.loads(answer).values())

    def clean(self, notebook: Any) -> None:
        """Take the values out of everything that `notebook` holds, streams that were cut between two messages too."""
        if not self.scrubber:
            return
        for cell in notebook.cells:
            _join_streams(cell.get("outputs", []), self.scrubber)
        self.scrubber.document(notebook)

    def leaks(self, paths: Iterable[str]) -> str:
        """The first of `paths` in which a value stands, empty when there is none."""
        return next((path for path in paths if self.scrubber and _holds(Path(path), self.scrubber)), "")


def _holds(path: Path, scrubber: Scrubber) -> bool:
    inside = sorted(path.rglob("*")) if path.is_dir() else [path]
    return any(scrubber.stands_in(file) for file in inside if file.is_file())


def _join_streams(outputs: list[Any], scrubber: Scrubber) -> None:
    """Join neighbouring pieces of a stream between which a value was cut."""
    position = 0
    while position + 1 < len(outputs):
        one, other = outputs[position : position + 2]
        same = one.get("output_type") == other.get("output_type") == "stream" and one.get("name") == other.get("name")
        whole = f"{one.get('text', '')}{other.get('text', '')}" if same else ""
        if same and scrubber.text(whole) != scrubber.text(one["text"]) + scrubber.text(other["text"]):
            one["text"] = whole
            del outputs[position + 1]
        else:
            position += 1


@cache
def _source() -> str:
    return files("jupyter_mlops.pipelines.executing").joinpath("resolving.py").read_text(encoding="utf-8")
