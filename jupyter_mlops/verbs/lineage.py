"""Watch: what made what."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import attrs

from jupyter_mlops.errors import UnknownReference
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.provenance.graph import Edge
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb

NUMBER = re.compile(r"v\d+(\.\d+)*")


@attrs.frozen
class Node:
    """A thing in the graph: `kind` is ``data``, ``run``, ``model`` or ``deployment``.

    Attributes
    ----------
    id
        ``data:data/wages.csv@7f3a…`` (the whole digest), ``run:ID/STAGE``, ``model:credit@v2``, ``deployment:credit``.
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
    from jupyter_mlops.provenance.formats import mermaid, openlineage

    project = call.project
    graph = project.lineage
    if reference:
        both = up == down
        graph = graph.around(graph.find(_known_name(call, reference)), up=up or both, down=down or both)
    text = mermaid(graph) if format == "mermaid" else ""
    if format == "openlineage":
        text = openlineage(graph, [run.record for run in project.runs.all()], project.name)
    nodes = tuple(Node(one.id, one.kind, one.name, one.version, one.target, one.detail) for one in graph.nodes.values())
    return Lineage(nodes, graph.edges, text)


def _known_name(call: Call, reference: str) -> str:
    """`reference` as the graph knows it: tags, days, revisions and aliases become versions."""
    if reference.startswith("run:"):
        return call.project.runs.find(reference).record.run
    name, _, version = reference.removeprefix("model:").partition("@")
    if not version or NUMBER.fullmatch(version) or reference.startswith("deployment:"):
        return reference
    models = {model.name: model for model in call.project.models.all()}
    if name in models:
        label = models[name].aliases.get(version)
        return f"model:{name}@{label}" if label else reference
    try:
        found = call.project.datasets.resolve(reference)
    except UnknownReference:
        return reference
    return f"data:{found.dataset}@{found.digest}"
