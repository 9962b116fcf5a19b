"""Every action a person can take, declared once, one file a noun."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module

from jupyter_mlops.errors import UnknownReference, did_you_mean
from jupyter_mlops.verbs.declaration import REGISTRY, Verb

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
    return REGISTRY


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
