"""What a rendition is made of: a few blocks that have both a text and an HTML form.

They are structs, since every command line loads them, and a class of attrs takes thirty times as long to make.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
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


class Mark(msgspec.Struct, frozen=True):
    """A state in words, with its tone."""

    text: str
    tone: Tone


class Code(msgspec.Struct, frozen=True):
    """Something to type or to copy."""

    text: str


class Strong(msgspec.Struct, frozen=True):
    """What the eye should find first."""

    text: str


class Share(msgspec.Struct, frozen=True):
    """A part of a whole as a bar.

    Attributes
    ----------
    percent
        0 to 100.
    """

    percent: float


Cell = str | Mark | Code | Strong | Share


class Sentence(msgspec.Struct, frozen=True):
    """A line of text."""

    parts: tuple[Cell, ...]


class Table(msgspec.Struct, frozen=True):
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


class Facts(msgspec.Struct, frozen=True):
    """Names and values, one pair a line."""

    pairs: tuple[tuple[str, Cell], ...]
    caption: str = ""


class Histogram(msgspec.Struct, frozen=True):
    """Shares of the same bins before and after; each side sums to 1."""

    name: str
    bins: tuple[str, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    labels: tuple[str, str]


class Bar(msgspec.Struct, frozen=True):
    """A measured value beside its threshold."""

    name: str
    value: float
    threshold: float
    mark: Mark
    note: str = ""
    histogram: Histogram | None = None


class Bars(msgspec.Struct, frozen=True):
    """Values on one scale, each with its threshold."""

    caption: str
    bars: tuple[Bar, ...]
    more: int = 0


class Vertex(msgspec.Struct, frozen=True):
    """A thing in a graph; `kind` gives its colour and word."""

    id: str
    kind: str
    name: str
    note: str = ""


class Graph(msgspec.Struct, frozen=True):
    """Things and what led from one to the other, `arrows` as pairs of ids."""

    caption: str
    vertices: tuple[Vertex, ...]
    arrows: tuple[tuple[str, str], ...]


class Axis(msgspec.Struct, frozen=True):
    """An upright scale: names at places between 0, its foot, and 1."""

    name: str
    marks: tuple[tuple[float, str], ...]


class Strand(msgspec.Struct, frozen=True):
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


class Parallel(msgspec.Struct, frozen=True):
    """Many things by many quantities: parallel coordinates."""

    caption: str
    axes: tuple[Axis, ...]
    strands: tuple[Strand, ...]


class Listing(msgspec.Struct, frozen=True):
    """Lines whose spaces matter."""

    caption: str
    text: str


class Pictures(msgspec.Struct, frozen=True):
    """Before beside after; None where there is none."""

    caption: str
    before: Picture | None
    after: Picture | None


class Section(msgspec.Struct, frozen=True):
    """Blocks below a heading, folded away at first when `folded`."""

    title: str
    blocks: tuple[Block, ...]
    folded: bool = False


Block = Sentence | Table | Facts | Bars | Histogram | Graph | Parallel | Listing | Pictures | Section


class Document(msgspec.Struct, frozen=True):
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
    names = _names(columns)
    kept = [index for index in range(len(names)) if any(row[index] != "" for row in rows)]
    if not kept:
        return ()
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
        if isinstance(part, msgspec.Struct):
            return type(part)(*(said(getattr(part, name)) for name in part.__struct_fields__))
        return part

    return Document(page.title, said(page.blocks))
