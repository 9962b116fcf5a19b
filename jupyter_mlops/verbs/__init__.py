"""Every action a person can take, declared once, one file a noun."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

import attrs

from jupyter_mlops.errors import UnknownReference, did_you_mean
from jupyter_mlops.verbs.declaration import REGISTRY, Verb

BRIEF = 40
"""Characters of a text that the short form of a result shows."""

NOUNS = (
    "project",
    "status",
    "doctor",
    "demonstration",
    "datasets",
    "imports",
    "history",
    "searching",
    "differences",
    "checkouts",
    "remotes",
    "verification",
    "keeping",
    "erasure",
    "stages",
    "runs",
    "models",
    "deployments",
    "lineage",
    "drift",
    "views",
)


@cache
def verbs() -> Mapping[str, Verb]:
    """All verbs by name, in the order of their declaration."""
    for noun in NOUNS:
        import_module(f"jupyter_mlops.verbs.{noun}")
    for verb in REGISTRY.values():
        # A result holds hundreds of records; printed whole it would bury the cell below it.
        setattr(verb.result, "__repr__", brief)  # noqa: B010 (mypy lets no method be assigned)
    return REGISTRY


def brief(result: Any) -> str:
    """``History(versions=[20], next_cursor='v3')``: what there is, not all of it."""
    fields = ((field.name, getattr(result, field.name)) for field in attrs.fields(type(result)))
    return f"{type(result).__name__}({', '.join(f'{name}={_brief(value)}' for name, value in fields if value)})"


def _brief(value: Any) -> str:
    if isinstance(value, (tuple, list, dict)):
        return f"[{len(value)}]"
    if attrs.has(type(value)):
        return f"{type(value).__name__}(…)"
    return repr(value) if len(repr(value)) <= BRIEF else f"{repr(value)[:BRIEF]}…"


def find(name: str) -> Verb:
    """The verb called `name`.

    Raises
    ------
    UnknownReference
        ``unknown-verb``, with the nearest.
    """
    known = verbs()
    if name in known:
        return known[name]
    hint = did_you_mean(name, known, f"Verbs: {', '.join(known)}.")
    raise UnknownReference("unknown-verb", f"There is no verb {name}.", hint=hint)
