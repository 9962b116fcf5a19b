"""Watch: what made what."""

from __future__ import annotations

from typing import Annotated, Literal

import attrs

from jupyter_mlops.governance.roles import Action
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb


@attrs.frozen
class Node:
    """A thing in the graph: `kind` is ``data``, ``run``, ``model`` or ``deployment``.

    Attributes
    ----------
    id
        ``data:employment@7f3a…``, ``run:…``, ``model:credit@v2``, ``deployment:credit``.
    target
        What opens when it is clicked: a reference, or the path of an executed notebook.
    """

    id: str
    kind: str
    name: str
    version: str
    target: str = ""
    detail: str = ""


@attrs.frozen
class Edge:
    """`before` was needed for `after`: `kind` is ``read``, ``wrote``, ``registered`` or ``serves``."""

    before: str
    after: str
    kind: str


@attrs.frozen
class Lineage:
    """Nodes and edges; `text` holds the other formats."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    text: str = ""


@verb(Group.WATCH, Action.READ, reads=True)
def lineage(
    call: Call,
    reference: Annotated[str, Option(names=Names.REFERENCE)] = "",
    *,
    up: bool = False,
    down: bool = False,
    format: Literal["json", "mermaid", "openlineage"] = "json",  # noqa: A002
) -> Lineage:
    """Show what a version was made from and what was made from it.

    Parameters
    ----------
    reference
        A data version, model version, run or deployment; none means the whole graph.
    up
        Only what it was made from.
    down
        Only what was made from it.
    format
        ``json``, ``mermaid`` or ``openlineage``.
    """
    raise NotImplementedError
