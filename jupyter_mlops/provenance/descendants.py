"""What was made from data, as the lineage graph tells it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from jupyter_mlops.provenance.graph import LineageGraph, Node
from jupyter_mlops.versioning.consumers import Use

FATES = {
    "run": "its executed notebook may show rows: look, and clear its outputs",
    "model": "was trained on it: decide whether to train again",
    "deployment": "serves a model that was trained on it",
    "data": "was made from it: run makes it again",
}


class Descendants:
    """Runs, data, models and deployments downstream of a content.

    Parameters
    ----------
    graph
        The lineage as it is known now.
    """

    def __init__(self, graph: LineageGraph) -> None:
        self._graph = graph

    def uses(self, digests: Collection[str]) -> Iterator[Use]:
        """Everything that was made from `digests`, in the order of the graph."""
        start = [name for name, node in self._graph.nodes.items() if node.kind == "data" and node.digest in digests]
        for node in self._graph.around(start, up=False).nodes.values():
            if node.digest not in digests:
                yield Use(node.kind, _named(node), FATES[node.kind])

    def forget(self, digests: Collection[str]) -> None:
        """Nothing is remembered here but digests."""


def _named(node: Node) -> str:
    return f"{node.version} {node.name}" if node.kind == "run" else f"{node.name}@{node.version}"
