"""Notebooks without what running them left: what a record keeps, and what two runs are compared by."""

from __future__ import annotations

import json
from typing import Any

TRACES = frozenset({"widgets", "papermill"})
CELL_TRACES = frozenset({"execution", "papermill", "collapsed", "scrolled"})


def stripped(name: str, data: bytes) -> bytes:
    """A notebook without outputs, counts and traces of a run, one line of code a line; other files as they are."""
    if not name.endswith(".ipynb"):
        return data
    try:
        document = json.loads(data)
        for cell in document["cells"]:
            _strip_cell(cell)
        document["metadata"] = {key: value for key, value in document.get("metadata", {}).items() if key not in TRACES}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return data
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def _strip_cell(cell: dict[str, Any]) -> None:
    if cell.get("cell_type") == "code":
        cell.update(outputs=[], execution_count=None)
    source, metadata = cell.get("source", ""), cell.get("metadata")
    lines = source if isinstance(source, list) else [source]
    cell["source"] = "".join(map(str, lines)).splitlines(keepends=True)
    if isinstance(metadata, dict):
        kept = {key: value for key, value in metadata.items() if key not in CELL_TRACES}
        cell["metadata"] = kept
