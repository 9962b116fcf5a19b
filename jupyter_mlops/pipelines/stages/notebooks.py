"""What a notebook says about itself, read as JSON: nbformat costs 0.9 s to import and is not needed to look."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.stages import notebook_key
from jupyter_mlops.pipelines.stages.papermill_command import Value, is_value

HINT = "Give the path of an .ipynb file that JupyterLab saved."


@attrs.frozen(eq=False)
class Notebook:
    """A notebook file.

    Attributes
    ----------
    path
        As the user named it, for messages.
    document
        The parsed JSON.
    """

    path: str
    document: dict[str, Any]

    @classmethod
    def read(cls, root: Path, path: str) -> Notebook:
        """The notebook at `path` below `root`.

        Raises
        ------
        UsageError
            ``notebook-missing``, ``not-a-notebook``.
        """
        try:
            return cls.parse(path, (root / path).read_bytes())
        except (FileNotFoundError, NotADirectoryError) as error:
            raise UsageError("notebook-missing", f"There is no notebook {path}.", hint=HINT) from error
        except IsADirectoryError as error:
            raise UsageError("notebook-missing", f"{path} is a folder, not a notebook.", hint=HINT) from error

    @classmethod
    def parse(cls, path: str, data: bytes) -> Notebook:
        """The notebook in `data`, called `path` in messages.

        Raises
        ------
        UsageError
            ``not-a-notebook``.
        """
        try:
            document = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise UsageError("not-a-notebook", f"{path} is not a notebook.", context=str(error), hint=HINT) from error
        if not notebook_key.is_notebook(document):
            raise UsageError("not-a-notebook", f"{path} is not a notebook of format 4.", hint="Save it in JupyterLab.")
        return cls(path, document)

    def code(self) -> Iterator[str]:
        """The source of each code cell."""
        for cell in self.document["cells"]:
            if cell.get("cell_type") == "code":
                yield "".join(cell.get("source", ""))

    @property
    def kernel(self) -> str | None:
        """The kernel it asks for."""
        return notebook_key.kernel_of(self.document)

    @property
    def language(self) -> str:
        """The language of its code, lower case."""
        return notebook_key.language_of(self.document)

    @property
    def code_digest(self) -> str:
        """Sha256 over its key: kernel, language and code, and nothing else, decide it."""
        return hashlib.sha256(notebook_key.key_of(self.document)).hexdigest()

    def imports(self, packages: Collection[str]) -> tuple[str, ...]:
        """The modules of `packages` that its cells import, sorted; cells with magics are passed over."""
        found = {module for source in self.code() for module in _imported(source)}
        return tuple(sorted(module for module in found if module.partition(".")[0] in packages))

    def parameters(self) -> tuple[str, ...] | None:
        """The names its ``parameters`` cell sets; None when it has no such cell.

        Empty too when the language is not Python: then the names are not known.
        """
        for cell in self.document["cells"]:
            if "parameters" in cell.get("metadata", {}).get("tags", ()):
                return _assigned("".join(cell.get("source", ""))) if self.language == "python" else ()
        return None

    def defaults(self) -> dict[str, Value]:
        """The values that its ``parameters`` cell sets, of those that are written out; empty without such a cell."""
        for cell in self.document["cells"]:
            if "parameters" in cell.get("metadata", {}).get("tags", ()) and self.language == "python":
                return dict(_literals("".join(cell.get("source", ""))))
        return {}

    def likely_parameters(self) -> int | None:
        """The number (from 1) of the first code cell that does nothing but set values; None when there is none."""
        for number, source in enumerate(self.code(), 1):
            statements = _statements(source)
            if statements and len(statements) == len(dict(_literals(source))):
                return number
        return None


def _statements(source: str) -> list[ast.stmt]:
    """The top-level statements of a cell; none when it is not plain Python."""
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _imported(source: str) -> Iterator[str]:
    """The modules that plain imports at the top level of `source` name."""
    for statement in _statements(source):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            yield statement.module


def _literals(source: str) -> Iterator[tuple[str, Value]]:
    """The names that `source` binds to a single value, or a list of those, that is written out."""
    for statement in _statements(source):
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target: ast.expr = statement.targets[0]
        elif isinstance(statement, ast.AnnAssign):
            target = statement.target
        else:
            continue
        with contextlib.suppress(ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            value = ast.literal_eval(statement.value or target)
            if isinstance(target, ast.Name) and is_value(value):
                yield target.id, value


def _assigned(source: str) -> tuple[str, ...]:
    """The names that plain assignments in `source` bind."""
    targets: list[ast.expr] = []
    for statement in _statements(source):
        if isinstance(statement, ast.Assign):
            targets += statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets.append(statement.target)
    return tuple(target.id for target in targets if isinstance(target, ast.Name))
