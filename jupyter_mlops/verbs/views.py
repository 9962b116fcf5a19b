"""Govern: a result as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.records import now, write_atomically
from jupyter_mlops.verbs import find
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb

View = Literal["status", "log", "show", "diff", "lineage", "drift", "profile", "runs", "sweep", "models", "deployments"]


@attrs.frozen
class Viewed:
    """The file that was written."""

    file: str
    title: str
    bytes: int


@verb(Group.GOVERN, Action.READ)
def view(
    call: Call,
    what: View,
    reference: Annotated[str, Option(names=Names.REFERENCE)] = "",
    second: Annotated[str, Option(names=Names.REFERENCE)] = "",
    *,
    output: Annotated[str, Option("-o", names=Names.PATH)] = "",
) -> Viewed:
    """Write a view as one self-contained HTML file, for a review or a mail.

    Parameters
    ----------
    what
        Which view.
    reference
        What to show; for ``diff`` the older one, for ``drift`` the newer one.
    second
        What to compare it with, for ``diff``, ``drift`` and ``runs``.
    output
        The file; ``mlops-WHAT.html`` when left out.
    """
    from jupyter_mlops.rendering import page

    target = _target(call, output or f"mlops-{what}.html")
    result = _found(call, what, _arguments(what, reference, second))
    footer = f"jupyter-mlops, {now():%Y-%m-%d %H:%M} UTC"
    heading, html = page(result, call.project.name, footer)
    data = html.encode()
    write_atomically(target, data)
    return Viewed(call.project.places.relative(target), heading, len(data))


def _found(call: Call, what: str, arguments: Mapping[str, Any]) -> Any:
    """The result to write; a question of the viewed verb is answered by a line of this one."""
    try:
        return find(VERBS.get(what, what)).function(call, **arguments)
    except UsageError as error:
        if error.reference == "which-dataset":
            error.hint = f"view {error.hint}"
        raise


def _target(call: Call, output: str) -> Path:
    """The file to write; an existing notebook or dataset is never taken for a view.

    Raises
    ------
    UsageError
        ``outside-project``, ``not-html``.
    """
    target = call.project.root / call.path(output)
    if target.suffix not in (".html", ".htm"):
        raise UsageError("not-html", f"{output} is no HTML file.", hint=f"--output {target.stem}.html")
    return target


def _arguments(what: str, reference: str, second: str) -> Mapping[str, Any]:
    """What the viewed verb is given.

    Raises
    ------
    UsageError
        ``reference-needed``, ``reference-unused``.
    """
    if what in NEEDED and not reference:
        raise UsageError("reference-needed", f"`view {what}` needs a reference.", hint=f"view {what} NAME")
    names = TAKEN[what]
    texts = tuple(text for text in (reference, second) if text)
    if len(texts) > len(names):
        raise UsageError("reference-unused", f"`view {what}` cannot use {texts[-1]}.", hint=f"view {what}")
    if what == "runs":
        return {"compare": texts, "limit": 200}
    if what == "status":
        return {"paths": texts}
    return FIXED.get(what, {}) | dict(zip(names, texts, strict=False))


VERBS: Mapping[str, str] = {"sweep": "sweeps"}
"""Views that are called otherwise than the verb that answers them."""
TAKEN: Mapping[str, tuple[str, ...]] = {
    "status": ("paths",),
    "log": ("name",),
    "show": ("reference",),
    "diff": ("before", "after"),
    "lineage": ("reference",),
    "drift": ("reference", "against"),
    "profile": ("reference",),
    "runs": ("compare", "compare"),
    "sweep": ("name",),
    "models": ("name",),
    "deployments": ("name",),
}
NEEDED = frozenset({"show", "drift", "profile"})
FIXED: Mapping[str, dict[str, Any]] = {
    "diff": {"rows": 1000, "limit": 200, "stats": True},
    "drift": {"distributions": True},
    "log": {"limit": 200},
}
