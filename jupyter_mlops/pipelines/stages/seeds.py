"""What fixes the random numbers of a notebook, as far as its code says it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeGuard

from jupyter_mlops.records import Scalar

CALL = re.compile(
    r"(?:^|[._])(?:manual_)?seed(?:_everything|_all)?$|^set_(?:random_)?seed$|^default_rng$|^PRNGKey$|RandomState$|^Random$"
)
"""Functions whose first argument is a seed: ``np.random.seed``, ``torch.manual_seed``, ``default_rng``."""
NAME = re.compile(r"(?:^|_)(?:seed|random_state)$", re.IGNORECASE)
"""Arguments, names and variables that hold one."""


def seeds(code: Iterable[str], parameters: Mapping[str, object]) -> dict[str, Scalar]:
    """The seeds that `code` sets, by what sets them; None is a seed left to chance.

    Parameters
    ----------
    code
        The sources of the cells; what is no plain Python is passed over.
    parameters
        What the parameters of the notebook are, where it names one instead of a number.
    """
    known: dict[str, object] = {}
    found: dict[str, Scalar] = {}
    for source in code:
        for node in _nodes(source):
            _note_name(node, known)
            for name, value in _seeding(node):
                found[name] = _value(value, {**known, **parameters})
    given = {name: value for name, value in parameters.items() if NAME.search(name)}
    return {**found, **{name: value for name, value in given.items() if _is_scalar(value)}}


def _nodes(source: str) -> Iterator[ast.AST]:
    try:
        yield from ast.walk(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return


def _note_name(node: ast.AST, known: dict[str, object]) -> None:
    """Remember what a plain assignment binds."""
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
        known.update({target.id: node.value.value for target in node.targets if isinstance(target, ast.Name)})


def _seeding(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """What seeds here, and by which expression."""
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        if CALL.search(name.rpartition(".")[2]) or CALL.search(name):
            yield name, node.args[0] if node.args else next((one.value for one in node.keywords), None)
            return
        yield from ((one.arg, one.value) for one in node.keywords if one.arg and NAME.search(one.arg))
    elif isinstance(node, ast.Assign):
        yield from ((one.id, node.value) for one in node.targets if isinstance(one, ast.Name) and NAME.search(one.id))


def _value(node: ast.expr | None, known: Mapping[str, object]) -> Scalar:
    """The seed as a value; an expression as it is written."""
    if node is None:
        return None
    value = known.get(node.id, ast.unparse(node)) if isinstance(node, ast.Name) else None
    if isinstance(node, ast.Constant):
        value = node.value
    elif not isinstance(node, ast.Name):
        value = ast.unparse(node)
    return value if _is_scalar(value) else str(value)


def _is_scalar(value: object) -> TypeGuard[Scalar]:
    return value is None or isinstance(value, str | int | float | bool)
