"""Executed notebooks compared cell by cell: what cells show, not how often and how long they ran."""

from __future__ import annotations

import base64
import binascii
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from jupyter_mlops.pipelines.reproduction import documents
from jupyter_mlops.pipelines.reproduction.differing import Tolerance
from jupyter_mlops.pipelines.reproduction.texts import first_difference, plain, same_numbers
from jupyter_mlops.profiles.pictures import differing

PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
UNSPOKEN = frozenset({"text/html", "text/latex", "text/markdown"})
"""They say in another form what ``text/plain`` says, with ids that change every time."""
JSON = ("application/json", "+json")
Cell = Mapping[str, Any]


@attrs.frozen
class CellApart:
    """In what one cell differs; `cell` as in a `OutputDifference`."""

    cell: int
    detail: str
    within: bool = False
    before: str = ""
    after: str = ""


def code_cells(document: Mapping[str, Any]) -> list[Cell]:
    """The code cells that the author wrote, in order."""
    return [
        cell
        for cell in document.get("cells", [])
        if cell.get("cell_type") == "code" and "injected-parameters" not in cell.get("metadata", {}).get("tags", ())
    ]


def numbers(document: Mapping[str, Any]) -> dict[int, int]:
    """Execution count to the number of the code cell."""
    found = {}
    for number, cell in enumerate(code_cells(document), 1):
        if isinstance(count := cell.get("execution_count"), int):
            found[count] = number
    return found


@attrs.frozen
class Comparison:
    """How executed notebooks are compared.

    Attributes
    ----------
    tolerance
        For numbers in whatever cells show.
    roots
        The folders in which they were executed.
    """

    tolerance: Tolerance
    roots: Sequence[str] = ()

    def compare(self, before: bytes, after: bytes) -> Iterator[CellApart]:
        """The cells that differ; a document that is no notebook has none.

        Raises
        ------
        ValueError
            One of them is no notebook.
        """
        old, new = code_cells(json.loads(before)), code_cells(json.loads(after))
        for number, (one, other) in enumerate(zip(old, new, strict=False), 1):
            yield from self._cell(number, one, other)
        if len(old) != len(new):
            yield CellApart(min(len(old), len(new)) + 1, f"{len(old)} code cells became {len(new)}")

    def _cell(self, number: int, before: Cell, after: Cell) -> Iterator[CellApart]:
        if _joined(before.get("source")) != _joined(after.get("source")):
            yield CellApart(number, "its code is another")
            return
        old, new = _shown(before), _shown(after)
        for name in dict.fromkeys((*old, *new)):
            if name not in old or name not in new:
                yield CellApart(number, f"{name} is {'new' if name in new else 'gone'}")
            elif found := self._part(name, old[name], new[name]):
                yield attrs.evolve(found, cell=number)

    def _part(self, name: str, before: Any, after: Any) -> CellApart | None:
        """In what two contents of one name differ."""
        if before == after:
            return None
        kind = name.partition(" ")[0]
        if kind in PICTURES:
            return _pictures(name, str(before), str(after))
        if kind.endswith(JSON):
            apart = [*documents.compare(before, after, self.tolerance)]
            where = ", ".join(each.key for each in apart[:3])
            return CellApart(0, f"{name} differs at {where}", all(each.within for each in apart)) if apart else None
        return self._texts(name, _joined(before), _joined(after))

    def _texts(self, name: str, before: str, after: str) -> CellApart | None:
        is_stream = name in ("stdout", "stderr")
        old, new = (plain(text, self.roots, timings=not is_stream) for text in (before, after))
        if old == new:
            return None
        line, one, other = first_difference(old, new)
        if same_numbers(old, new, self.tolerance):
            return CellApart(0, f"{name}: numbers in line {line} are close enough", True, one, other)
        return CellApart(0, f"{name} differs in line {line}", False, one, other)


def _shown(cell: Cell) -> dict[str, Any]:
    """What the cell shows, by name: streams whole, displays counted, an error as its name and message."""
    found: dict[str, Any] = {}
    for output in cell.get("outputs", []):
        kind = output.get("output_type")
        if kind == "stream":
            name = str(output.get("name"))
            found[name] = found.get(name, "") + _joined(output.get("text"))
        elif kind == "error":
            found["error"] = f"{output.get('ename')}: {output.get('evalue')}"
        else:
            _add_display(found, output.get("data", {}))
    return found


def _add_display(found: dict[str, Any], data: Mapping[str, Any]) -> None:
    unspoken = UNSPOKEN if "text/plain" in data else frozenset()
    spoken = {kind: value for kind, value in data.items() if kind not in unspoken}
    if any(kind in PICTURES or kind.endswith(JSON) for kind in spoken):
        spoken.pop("text/plain", None)
    for kind, value in spoken.items():
        count = sum(name.partition(" ")[0] == kind for name in found)
        found[f"{kind} {count + 1}" if count else kind] = value if isinstance(value, dict) else _joined(value)


def _pictures(name: str, before: str, after: str) -> CellApart | None:
    try:
        share = share_of_pixels(base64.b64decode(before), base64.b64decode(after))
    except (binascii.Error, ValueError):
        share = None
    if share == 0:
        return None
    how = f"{share:.1%} of its pixels differ" if share is not None else "its size or its pixels differ"
    return CellApart(0, f"{name}: {how}")


def share_of_pixels(before: bytes, after: bytes) -> float | None:
    """The share of pixels in which two pictures differ; None when sizes differ or they cannot be decoded."""
    with tempfile.TemporaryDirectory(prefix="mlops-pictures-") as folder:
        old, new = Path(folder, "before"), Path(folder, "after")
        old.write_bytes(before)
        new.write_bytes(after)
        return differing(old, new)


def _joined(text: object) -> str:
    return "".join(map(str, text)) if isinstance(text, list) else str(text or "")
