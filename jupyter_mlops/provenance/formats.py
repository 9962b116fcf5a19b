"""The lineage graph in formats that other tools read: Mermaid and OpenLineage."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from jupyter_mlops.provenance.graph import LineageGraph, Node
from jupyter_mlops.records import VersionRecord

PRODUCER = "https://github.com/jupyter-mlops/jupyter-mlops"
RUN_EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
VERSION_FACET = "https://openlineage.io/spec/facets/1-0-1/DatasetVersionDatasetFacet.json"
SHAPES = {"data": ('[("', '")]'), "run": ('["', '"]'), "model": ('{{"', '"}}'), "deployment": ('(["', '"])')}
STATES = {"succeeded": "COMPLETE", "failed": "FAIL", "cancelled": "ABORT", "pruned": "ABORT"}


def mermaid(graph: LineageGraph) -> str:
    """A flow chart, left to right; each kind of node has a shape of its own."""
    keys = {node_id: f"n{number}" for number, node_id in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    for node_id, node in graph.nodes.items():
        before, after = SHAPES[node.kind]
        lines.append(f"  {keys[node_id]}{before}{_escaped(f'{node.name} {node.version}')}{after}")
    lines += [f"  {keys[edge.before]} -->|{edge.kind}| {keys[edge.after]}" for edge in graph.edges]
    return "\n".join(lines) + "\n"


def openlineage(graph: LineageGraph, runs: Iterable[VersionRecord], namespace: str) -> str:
    """A JSON list of OpenLineage run events, one a stage that ran and is in `graph`, oldest first.

    The run id is a version 5 UUID of our own id, because the format asks for a UUID.
    """
    events = [
        _event(graph, f"run:{run.run}/{stage.name}", run, namespace)
        for run in runs
        for stage in run.stages
        if f"run:{run.run}/{stage.name}" in graph.nodes
    ]
    return json.dumps(events, indent=2) + "\n"


def _event(graph: LineageGraph, node_id: str, run: VersionRecord, namespace: str) -> dict[str, Any]:
    inputs = [graph.nodes[edge.before] for edge in graph.edges if edge.after == node_id and edge.kind == "read"]
    outputs = [graph.nodes[edge.after] for edge in graph.edges if edge.before == node_id and edge.kind == "wrote"]
    return {
        "eventType": STATES[run.state],
        "eventTime": (run.started + timedelta(seconds=run.seconds)).isoformat(),
        "producer": PRODUCER,
        "schemaURL": RUN_EVENT,
        "run": {"runId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{PRODUCER}/{node_id}")), "facets": {}},
        "job": {"namespace": namespace, "name": graph.nodes[node_id].name, "facets": {}},
        "inputs": [_dataset(node, namespace) for node in inputs],
        "outputs": [_dataset(node, namespace) for node in outputs],
    }


def _dataset(node: Node, namespace: str) -> dict[str, Any]:
    name = node.id.removeprefix("data:").rpartition("@")[0]
    facet = {"_producer": PRODUCER, "_schemaURL": VERSION_FACET, "datasetVersion": node.digest}
    return {"namespace": namespace, "name": name, "facets": {"version": facet}}


def _escaped(text: str) -> str:
    """Text as Mermaid shows it unchanged: entities for whatever ends a label."""
    return re.sub(r'["<>#]', lambda match: f"#{ord(match[0])};", text)
