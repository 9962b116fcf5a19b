"""What a rendition is made of: a few blocks that have both a text and an HTML form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import attrs

from jupyter_mlops.profiles.pictures import Picture

MAGIC = "%mlops"


class Tone(StrEnum):
    """What a state means to the reader; each has an icon, so that colour is never all."""

    GOOD = "good"
    BUSY = "busy"
    STALE = "stale"
    CHANGED = "changed"
    BAD = "bad"
    QUIET = "quiet"


ICONS = {
    Tone.GOOD: "✓",
    Tone.BUSY: "◌",
    Tone.STALE: "▲",
    Tone.CHANGED: "●",
    Tone.BAD: "✗",
    Tone.QUIET: "·",
}


@attrs.frozen
class Mark:
    """A state in words, with its tone."""

    text: str
    tone: Tone


@attrs.frozen
class Code:
    """Something to type or to copy."""

    text: str


@attrs.frozen
class Strong:
    """What the eye should find first."""

    text: str


@attrs.frozen
class Share:
    """A part of a whole as a bar.

    Attributes
    ----------
    percent
        0 to 100.
    """

    percent: float


Cell = str | Mark | Code | Strong | Share


@attrs.frozen
class Sentence:
    """A line of text."""

    parts: tuple[Cell, ...]


@attrs.frozen
class Table:
    """Rows below named columns.

    Attributes
    ----------
    caption
        Says what the table holds; read aloud first.
    numeric
        Columns that are aligned at the right.
    more
        Rows that were left out.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numeric: frozenset[str] = frozenset()
    more: int = 0


@attrs.frozen
class Facts:
    """Names and values, one pair a line."""

    pairs: tuple[tuple[str, Cell], ...]
    caption: str = ""


@attrs.frozen
class Histogram:
    """Shares of the same bins before and after; each side sums to 1."""

    name: str
    bins: tuple[str, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    labels: tuple[str, str]


@attrs.frozen
class Bar:
    """A measured value beside its threshold."""

    name: str
    value: float
    threshold: float
    mark: Mark
    note: str = ""
    histogram: Histogram | None = None


@attrs.frozen
class Bars:
    """Values on one scale, each with its threshold."""

    caption: str
    bars: tuple[Bar, ...]
    more: int = 0


@attrs.frozen
class Vertex:
    """A thing in a graph; `kind` gives its colour and word."""

    id: str
    kind: str
    name: str
    note: str = ""


@attrs.frozen
class Graph:
    """Things and what led from one to the other, `arrows` as pairs of ids."""

    caption: str
    vertices: tuple[Vertex, ...]
    arrows: tuple[tuple[str, str], ...]


@attrs.frozen
class Axis:
    """An upright scale: names at places between 0, its foot, and 1."""

    name: str
    marks: tuple[tuple[float, str], ...]


@attrs.frozen
class Strand:
    """A line through all axes.

    Attributes
    ----------
    places
        Where it meets each axis, 0 to 1.
    strength
        How good it is, 0 to 1.
    """

    name: str
    places: tuple[float, ...]
    strength: float
    is_best: bool = False


@attrs.frozen
class Parallel:
    """Many things by many quantities: parallel coordinates."""

    caption: str
    axes: tuple[Axis, ...]
    strands: tuple[Strand, ...]


@attrs.frozen
class Listing:
    """Lines whose spaces matter."""

    caption: str
    text: str


@attrs.frozen
class Pictures:
    """Before beside after; None where there is none."""

    caption: str
    before: Picture | None
    after: Picture | None


@attrs.frozen
class Section:
    """Blocks below a heading, folded away at first when `folded`."""

    title: str
    blocks: tuple[Block, ...]
    folded: bool = False


Block = Sentence | Table | Facts | Bars | Histogram | Graph | Parallel | Listing | Pictures | Section


@attrs.frozen
class Document:
    """One rendition: a title and its blocks."""

    title: str
    blocks: tuple[Block, ...]


def say(*parts: Cell) -> Sentence:
    """A sentence of `parts`."""
    return Sentence(parts)


Columns = str | Sequence[str]
"""Names of columns; as one text, ``Name|State``, when they are known beforehand."""


def table(
    caption: str, columns: Columns, rows: Sequence[tuple[Cell, ...]], *, numeric: Columns = "", more: int = 0
) -> tuple[Table, ...]:
    """A table, or nothing when it would be empty.

    Columns in which every cell is empty are left out.
    """
    if not rows:
        return ()
    names = _names(columns)
    kept = [index for index in range(len(names)) if any(row[index] != "" for row in rows)]
    return (
        Table(
            caption,
            tuple(names[index] for index in kept),
            tuple(tuple(row[index] for index in kept) for row in rows),
            frozenset(_names(numeric)),
            more,
        ),
    )


def _names(columns: Columns) -> Sequence[str]:
    return columns.split("|") if isinstance(columns, str) else columns


def facts(*pairs: tuple[str, Cell], caption: str = "") -> tuple[Facts, ...]:
    """The pairs whose value is not empty, or nothing when none is left."""
    kept = tuple(pair for pair in pairs if pair[1] != "")
    return (Facts(kept, caption),) if kept else ()


def prompted(page: Document, prompt: str) -> Document:
    """`page` with `prompt` for ``%mlops`` in all lines to type."""

    def said(part: object) -> Any:
        if isinstance(part, tuple):
            return tuple(said(each) for each in part)
        if isinstance(part, Code):
            return Code(re.sub(rf"^{MAGIC} ", f"{prompt} ", part.text))
        kind: Any = type(part)
        return kind(*(said(getattr(part, field.name)) for field in attrs.fields(kind))) if attrs.has(kind) else part

    return attrs.evolve(page, blocks=said(page.blocks))
