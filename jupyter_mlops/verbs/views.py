"""Govern: a result as one HTML file."""

from __future__ import annotations

from typing import Annotated, Literal

import attrs

from jupyter_mlops.governance.roles import Action
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb


@attrs.frozen
class Viewed:
    """The file that was written."""

    file: str
    title: str
    bytes: int


@verb(Group.GOVERN, Action.READ)
def view(
    call: Call,
    what: Literal["status", "log", "show", "diff", "lineage", "drift", "profile", "runs", "models", "deployments"],
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
        What to show.
    second
        What to compare it with, for ``diff`` and ``drift``.
    output
        The file; ``mlops-WHAT.html`` when left out.
    """
    raise NotImplementedError
