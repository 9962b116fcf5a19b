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

NOUNS = {
    "project": ("init",),
    "status": ("status",),
    "doctor": ("doctor",),
    "demonstration": ("demo",),
    "datasets": ("commit", "tag"),
    "imports": ("import",),
    "history": ("log", "show"),
    "searching": ("search",),
    "differences": ("diff",),
    "checkouts": ("checkout",),
    "remotes": ("push", "fetch", "pull"),
    "verification": ("verify",),
    "keeping": ("gc", "retain"),
    "erasure": ("erase",),
    "stages": ("stage",),
    "running": ("run",),
    "runs": ("runs",),
    "cancelling": ("cancel",),
    "checks": ("ci",),
    "reproduction": ("reproduce",),
    "sweeps": ("sweep", "sweeps"),
    "environments": ("environment",),
    "exports": ("export",),
    "models": ("register", "models", "alias"),
    "deployments": ("deploy", "deployments", "rollback", "undeploy", "predict"),
    "lineage": ("lineage",),
    "drift": ("profile", "drift"),
    "views": ("view",),
}
"""The files, and the first words of the verbs in each: one verb can be used without loading all."""


@cache
def verbs() -> Mapping[str, Verb]:
    """All verbs by name, in the order of their declaration."""
    for noun in NOUNS:
        _load(noun)
    order = {word: place for place, word in enumerate(word for words in NOUNS.values() for word in words)}
    return dict(sorted(REGISTRY.items(), key=lambda item: order.get(item[0].partition(" ")[0], len(order))))


def named(word: str) -> Mapping[str, Verb]:
    """The verbs that begin with `word`, by name; no others are loaded for it."""
    if noun := next((noun for noun, words in NOUNS.items() if word in words), None):
        _load(noun)
    return {name: verb for name, verb in REGISTRY.items() if name.partition(" ")[0] == word}


def _load(noun: str) -> None:
    import_module(f"jupyter_mlops.verbs.{noun}")
    for name, verb in REGISTRY.items():
        if name.partition(" ")[0] in NOUNS[noun]:
            # A result holds hundreds of records; printed whole it would bury the cell below it.
            setattr(verb.result, "__repr__", brief)  # noqa: B010 (mypy lets no method be assigned)


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
    if verb := named(name.partition(" ")[0]).get(name):
        return verb
    known = verbs()
    hint = did_you_mean(name, known, f"Verbs: {', '.join(known)}.")
    raise UnknownReference("unknown-verb", f"There is no verb {name}.", hint=hint)
