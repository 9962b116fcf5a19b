"""Blocks as text: aligned tables, bars of characters, an indented tree."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import singledispatch

from jupyter_mlops.rendering.blocks import (
    ICONS,
    Bar,
    Bars,
    Cell,
    Code,
    Document,
    Facts,
    Graph,
    Histogram,
    Listing,
    Mark,
    Parallel,
    Section,
    Sentence,
    Share,
    Table,
)
from jupyter_mlops.rendering.layout import tree

BAR_WIDTH = 20
WIDEST = 60
"""Longer cells of a table are cut."""


def document(page: Document) -> str:
    """`page` as lines without trailing spaces."""
    blocks = [*_lines_of_blocks(page.blocks)]
    return "\n".join(line.rstrip() for line in [clean(page.title), *blocks]).strip("\n")


def clean(text: str) -> str:
    """`text` on one line, its control characters made visible so that no name can steer a terminal."""
    return "".join(character if character.isprintable() else _visible(character) for character in text)


def _visible(character: str) -> str:
    return " " if character in "\n\t\r" else f"\\x{ord(character):02x}"


def width(text: str) -> int:
    """Columns that `text` takes in a terminal."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    marks = sum(unicodedata.combining(character) > 0 for character in text)
    return len(text) + wide - marks


def cell(value: Cell) -> str:
    """One cell or part of a sentence."""
    if isinstance(value, Mark):
        return f"{ICONS[value.tone]} {clean(value.text)}"
    if isinstance(value, Share):
        return f"{value.percent:3.0f}% {_gauge(value.percent / 100, 10)}"
    return clean(value if isinstance(value, str) else value.text)


@singledispatch
def lines(block: object) -> Iterator[str]:
    """The lines of one block."""
    raise TypeError(f"no text form of {type(block).__name__}")


@lines.register
def _(block: Sentence) -> Iterator[str]:
    yield " ".join(cell(part) for part in block.parts if part != "")


@lines.register
def _(block: Listing) -> Iterator[str]:
    yield from (clean(line) for line in block.text.splitlines())


@lines.register
def _(block: Facts) -> Iterator[str]:
    if block.caption:
        yield clean(block.caption)
    widest = max(width(clean(name)) for name, _ in block.pairs)
    for name, value in block.pairs:
        yield f"  {_padded(clean(name), widest)}  {cell(value)}"


@lines.register
def _(block: Section) -> Iterator[str]:
    yield clean(block.title)
    yield from _lines_of_blocks(block.blocks, first=True)


@lines.register
def _(block: Table) -> Iterator[str]:
    rows = [[_fitted(value) for value in row] for row in block.rows]
    header = [clean(name) for name in block.columns]
    widths = [max(width(row[index]) for row in [header, *rows]) for index in range(len(header))]
    yield clean(block.caption)
    right = [name in block.numeric for name in block.columns]
    for row in [header, ["-" * size for size in widths], *rows]:
        yield "  " + "  ".join(map(_padded, row, widths, right))
    if block.more:
        yield f"  … {block.more:,} more"


@lines.register
def _(block: Bars) -> Iterator[str]:
    yield clean(block.caption)
    longest = max((max(bar.value, bar.threshold) for bar in block.bars), default=1.0) or 1.0
    widest = max((width(clean(bar.name)) for bar in block.bars), default=0)
    for bar in block.bars:
        name, drawn = _padded(clean(bar.name), widest), _with_threshold(bar, longest)
        yield f"  {name}  {drawn}  {bar.value:6.3f}  {cell(bar.mark)}  {clean(bar.note)}"
    if block.more:
        yield f"  … {block.more:,} more"


@lines.register
def _(block: Histogram) -> Iterator[str]:
    yield "  ".join((clean(block.name), *map(clean, block.labels)))
    for bin_, before, after in zip(block.bins, block.before, block.after, strict=False):
        yield f"  {clean(bin_)}  {before:.1%}  {after:.1%}"


@lines.register
def _(block: Parallel) -> Iterator[str]:
    yield clean(block.caption)
    for axis in block.axes:
        yield f"  {clean(axis.name)}: {' … '.join(clean(words) for _, words in axis.marks)}"


@lines.register
def _(block: Graph) -> Iterator[str]:
    for depth, vertex, again in tree(block.vertices, block.arrows):
        branch = "  " * depth + ("└ " if depth else "")
        seen = " (above)" if again else ""
        yield f"  {branch}{clean(vertex.name)} {clean(vertex.note)}".rstrip() + f"  [{clean(vertex.kind)}]{seen}"


def _lines_of_blocks(blocks: Sequence[object], *, first: bool = False) -> Iterator[str]:
    """All blocks; an empty line before each but sentences that follow each other."""
    before: object = None
    for block in blocks:
        together = isinstance(block, Sentence) and isinstance(before, Sentence)
        if not together and not (first and before is None):
            yield ""
        yield from lines(block)
        before = block


def _with_threshold(bar: Bar, longest: float) -> str:
    drawn = list(_gauge(bar.value / longest, BAR_WIDTH))
    drawn[min(round(bar.threshold / longest * BAR_WIDTH), BAR_WIDTH - 1)] = "│"
    return "".join(drawn)


def _gauge(ratio: float, size: int) -> str:
    filled = round(min(max(ratio, 0.0), 1.0) * size)
    return "▓" * filled + "░" * (size - filled)


def _padded(text: str, size: int, right: bool = False) -> str:  # noqa: FBT001, FBT002 (used by map)
    gap = " " * (size - width(text))
    return gap + text if right else text + gap


def _fitted(value: Cell) -> str:
    """What is to be typed, and what waits for the user, is never cut."""
    return cell(value) if isinstance(value, (Code, Mark)) else _cut(cell(value))


def _cut(text: str) -> str:
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"
