"""``%%mlops stage NAME``: the code of a cell becomes a notebook and a pipeline stage."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_mlops.errors import UsageError
from jupyter_mlops.records import write_atomically

MARK = "# parameters"
MADE = "mlops_cell"
"""In the metadata of a notebook that was made from a cell, and may be made again."""


def arguments(words: Sequence[str], folder: Path) -> list[str]:
    """The words of `stage add` for those of the magic: ``stage NAME …`` names no notebook.

    Raises
    ------
    UsageError
        ``no-cell-magic`` for anything but ``stage NAME``, ``notebook-exists``.
    """
    if len(words) < 2 or words[0] != "stage" or words[1].startswith("-"):
        is_stage = words[:1] == ["stage"]
        raise UsageError(
            "no-cell-magic",
            "Only `stage NAME` takes a cell; every other verb is one line.",
            context=" ".join(words),
            hint="%%mlops stage train -d clean.csv -o model.txt"
            if is_stage
            else f"%mlops {shlex.join(words)}".rstrip(),
        )
    name = words[1]
    place = folder / f"{name}.ipynb"
    if place.exists() and not _is_made(place):
        raise UsageError(
            "notebook-exists",
            f"{place.name} is there already, and no cell made it.",
            hint=f"Choose another name, or make the notebook a stage: %mlops stage add {name} {place.name}.",
        )
    return ["stage", "add", name, place.name, *words[2:], "--force"]


def write(place: Path, code: str, kernelspec: Mapping[str, str]) -> None:
    """Write the notebook that holds `code`; the same code makes the same bytes."""
    cells = [_cell(source, tags) for source, tags in _parts(code) if source]
    metadata = {"kernelspec": dict(kernelspec), MADE: True}
    document = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    write_atomically(place, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())


def kernelspec() -> dict[str, str]:
    """The kernel that the notebook of this session runs with; the one of this interpreter where nobody knows it."""
    session = os.environ.get("JPY_SESSION_NAME", "")
    if session.endswith(".ipynb") and Path(session).is_file():
        known = json.loads(Path(session).read_bytes()).get("metadata", {}).get("kernelspec", {})
        if known.get("name"):
            return {key: str(known[key]) for key in ("display_name", "language", "name") if key in known}
    return {"display_name": "Python 3", "language": "python", "name": _of_interpreter()}


def _of_interpreter() -> str:
    from jupyter_client.kernelspec import KernelSpecManager

    specs = KernelSpecManager().get_all_specs()
    here = os.path.realpath(sys.executable)
    own = (name for name, spec in specs.items() if os.path.realpath(spec["spec"]["argv"][0]) == here)
    return next(own, "python3")


def _parts(code: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The code before and after the blank line that ends what ``# parameters`` begins."""
    text = code.strip("\n")
    if text.partition("\n")[0].strip().lower() != MARK:
        return ((text, ()),)
    head, _, rest = text.partition("\n\n")
    return ((head, ("parameters",)), (rest.strip("\n"), ()))


def _cell(source: str, tags: Sequence[str]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": hashlib.sha256(source.encode()).hexdigest()[:8],
        "metadata": {"tags": list(tags)} if tags else {},
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }


def _is_made(place: Path) -> bool:
    try:
        return bool(json.loads(place.read_bytes())["metadata"][MADE])
    except (KeyError, TypeError, ValueError):
        return False
