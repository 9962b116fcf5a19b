"""Parallel coordinates: an axis for each quantity, a line for each trial, as inline SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jupyter_mlops.rendering.blocks import Axis, Parallel, Strand
from jupyter_mlops.rendering.charts import cut, svg

HEIGHT, GAP, EDGE, ROOM = 190, 150, 70, 20
"""Of an axis, between two, beside the outer ones, and letters of a name."""


def parallel(value: Parallel) -> str:
    """The axes from left to right; the best line is drawn last and strongest."""
    width = GAP * (len(value.axes) - 1) + 2 * EDGE
    order = sorted(value.strands, key=lambda each: (each.is_best, each.strength))
    drawn = [*map(_line, order), *(part for index, axis in enumerate(value.axes) for part in _axis(index, axis))]
    return svg(value.caption, (-EDGE, -40, width, HEIGHT + 62), "".join(drawn), shrinks=True)


def _line(strand: Strand) -> str:
    points = [f"{index * GAP:.0f} {_down(place):.1f}" for index, place in enumerate(strand.places)]
    kind = "best" if strand.is_best else "strand"
    colour, thick = ("#1a7f37", 2.6) if strand.is_best else ("#0969da", 1.2)
    opacity = 1 if strand.is_best else 0.15 + 0.6 * min(max(strand.strength, 0), 1)
    return (
        f'<g><title>{cut(strand.name, 200)}</title><path class="{kind}" d="M{"L".join(points)}" fill="none"'
        f' stroke="{colour}" stroke-width="{thick}" stroke-opacity="{opacity:.2f}"/></g>'
    )


def _axis(index: int, axis: Axis) -> Iterator[str]:
    left = index * GAP
    yield f'<line class="axis" x1="{left}" x2="{left}" y1="0" y2="{HEIGHT}" stroke="#8888"/>'
    yield f'<text class="name" x="{left}" y="-22" text-anchor="middle">{cut(axis.name, ROOM)}</text>'
    for place, words in axis.marks:
        yield f'<text class="soft" x="{left + 5}" y="{_down(place) + 4:.0f}">{cut(words, ROOM)}</text>'


def _down(place: float) -> float:
    """From the share of the axis, 0 at its foot, to pixels from the top."""
    return HEIGHT * (1 - min(max(place, 0.0), 1.0))


def scaled(values: Sequence[float]) -> list[float]:
    """`values` between 0 and 1; all in the middle when they are equal."""
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high > low else 0.5 for value in values]
