"""Small drawings as inline SVG: bars, overlaid distributions, a layered graph.

Each has a label for screen readers and colours that follow the theme.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from jupyter_mlops.rendering.blocks import Bar, Graph, Histogram, Vertex
from jupyter_mlops.rendering.layout import Spot, layered
from jupyter_mlops.rendering.plain import clean
from jupyter_mlops.rendering.units import number

BAR = (180, 12)
SHARE = (90, 10)
PLOT = (560, 150)
BOX = (164, 46)
GAP = (44, 16)
MOST_LABELS = 8
# The output of a cell beside an open sidebar, and how much smaller words may become before it scrolls.
WIDEST = 860
SMALLEST = 0.7
Place = tuple[float, float]
KINDS = frozenset({"data", "run", "model", "deployment"})


def bar(value: Bar, longest: float) -> str:
    """A bar on a track of `longest`, with a line at the threshold."""
    width, height = BAR
    filled, limit = (min(max(part / longest, 0.0), 1.0) * width for part in (value.value, value.threshold))
    over = " over" if value.value > value.threshold else ""
    words = f"{value.name}: {number(value.value)}, threshold {number(value.threshold)}"
    drawn = (
        f'<rect class="track" width="{width}" height="{height}" rx="3" fill="#8884"/>'
        f'<rect class="fill{over}" width="{filled:.1f}" height="{height}" rx="3" fill="#0969da"/>'
        f'<line class="limit" x1="{limit:.1f}" x2="{limit:.1f}" y1="-2" y2="{height + 2}" stroke="#666"/>'
    )
    return svg(words, (0, -2, width + 1, height + 4), drawn)


def share(percent: float) -> str:
    """A part of 100 percent."""
    width, height = SHARE
    drawn = (
        f'<rect class="track" width="{width}" height="{height}" rx="3" fill="#8884"/>'
        f'<rect class="fill" width="{min(max(percent, 0), 100) / 100 * width:.1f}" height="{height}" rx="3"/>'
    )
    return svg(f"{percent:.0f} percent", (0, 0, width, height), drawn)


def histogram(value: Histogram) -> str:
    """Both distributions over the same bins: before filled, after outlined."""
    width, height = PLOT
    bins = max(len(value.bins), 1)
    step = width / bins
    tallest = max((*value.before, *value.after, 0.0)) or 1.0
    drawn = [_columns(value.before, step, tallest, "before"), _columns(value.after, step, tallest, "after")]
    drawn.append(f'<line class="axis" x1="0" x2="{width}" y1="{height}" y2="{height}" stroke="#8888"/>')
    every = -(-bins // MOST_LABELS)
    room = max(int(step * every / 6.4), 3)
    for index in range(0, bins if value.bins else 0, every):
        at = (index + 0.5) * step
        words = cut(value.bins[index], room)
        drawn.append(f'<text class="soft" x="{at:.0f}" y="{height + 15}" text-anchor="middle">{words}</text>')
    drawn.append(_legend(value.labels, tallest))
    return svg(f"Distribution of {value.name}", (-4, -22, width + 8, height + 42), "".join(drawn))


def graph(value: Graph) -> str:
    """The graph in layers from left to right; from top to bottom where that would be cut off."""
    layout = layered(value.vertices, value.arrows)
    heights = [layout.rows(layer) for layer in range(layout.layers)]
    tallest = max(heights)
    steps = BOX[0] + GAP[0], BOX[1] + GAP[1]
    down = layout.layers * steps[0] > max(WIDEST, tallest * (BOX[0] + GAP[1]))
    if down:
        steps = BOX[1] + GAP[0], BOX[0] + GAP[1]

    def place(spot: Spot) -> Place:
        lowered = (tallest - heights[spot.layer]) / 2
        return spot.layer * steps[0], (spot.row + lowered) * steps[1]

    arrows = [_arrow([place(spot) for spot in path], down=down) for path in layout.paths]
    boxes = [_box(vertex, _turned(place(layout.spots[vertex.id]), down=down)) for vertex in value.vertices]
    width, height = _turned((layout.layers * steps[0] - GAP[0], tallest * steps[1] - GAP[1]), down=down)
    return svg(value.caption, (-2, -2, width + 4, height + 4), "".join([*arrows, *boxes]), shrinks=True)


def _turned(place: Place, *, down: bool) -> Place:
    """Along the layers and across them, as left and top."""
    return (place[1], place[0]) if down else place


def _columns(shares: Sequence[float], step: float, tallest: float, kind: str) -> str:
    height = PLOT[1]
    colour = "#888" if kind == "before" else "#0969da"
    return "".join(
        f'<rect class="{kind}" x="{index * step + 1:.1f}" y="{height - part / tallest * height:.1f}"'
        f' width="{max(step - 2, 1):.1f}" height="{part / tallest * height:.1f}" fill="{colour}" fill-opacity=".4">'
        f"<title>{part:.1%}</title></rect>"
        for index, part in enumerate(shares)
    )


def _legend(labels: tuple[str, str], tallest: float) -> str:
    parts = [f'<text class="soft" x="{PLOT[0]}" y="-8" text-anchor="end">highest {tallest:.0%}</text>']
    for index, (kind, text) in enumerate(zip(("before", "after"), labels, strict=True)):
        left = index * 200
        parts.append(f'<rect class="{kind}" x="{left + 1}" y="-17" width="11" height="11" fill-opacity=".4"/>')
        parts.append(f'<text x="{left + 18}" y="-8">{cut(text, 26)}</text>')
    return "".join(parts)


def _arrow(places: Sequence[Place], *, down: bool) -> str:
    """A curve from box to box, straight through the rows that are free for it."""
    depth, middle = (BOX[1], BOX[0] / 2) if down else (BOX[0], BOX[1] / 2)

    def at(along: float, across: float) -> str:
        left, top = _turned((along, across + middle), down=down)
        return f"{left:.0f} {top:.0f}"

    curve = f"M{at(places[0][0] + depth, places[0][1])}"
    for (before, from_row), (behind, to_row) in pairwise(places):
        edge, bend = before + depth, GAP[0] / 2
        curve += f"L{at(edge, from_row)}C{at(edge + bend, from_row)} {at(behind - bend, to_row)} {at(behind, to_row)}"
    tip = f"M{at(*places[-1])}{'l-4 -7h8z' if down else 'l-7 -4v8z'}"
    return f'<path class="arrow" d="{curve}" fill="none" stroke="#888"/><path class="tip" d="{tip}" fill="#888"/>'


def _box(vertex: Vertex, place: Place) -> str:
    kind = vertex.kind if vertex.kind in KINDS else "other"
    note = f"{vertex.kind} {vertex.note}".strip()
    return (
        f'<g transform="translate({place[0]:.0f} {place[1]:.0f})"><title>{_text(f"{vertex.name} {note}")}</title>'
        f'<rect class="box" width="{BOX[0]}" height="{BOX[1]}" rx="6" fill="#8882" stroke="#8888"/>'
        f'<rect class="{kind}" width="4" height="{BOX[1]}" rx="2"/>'
        f'<text class="name" x="14" y="19">{cut(vertex.name, 22)}</text>'
        f'<text class="soft" x="14" y="36">{cut(note, 26)}</text></g>'
    )


def svg(words: str, view: tuple[float, float, float, float], drawn: str, *, shrinks: bool = False) -> str:
    """A drawing with `words` for who cannot see it; `view` is its left, top, width and height."""
    box = " ".join(f"{part:.0f}" for part in view)
    style = f' style="max-width:100%;min-width:{view[2] * SMALLEST:.0f}px;height:auto"' if shrinks else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{_text(words)}"{style}'
        f' width="{view[2]:.0f}" height="{view[3]:.0f}" viewBox="{box}">{drawn}</svg>'
    )


def cut(text: str, room: int) -> str:
    """`text` for a drawing, in at most `room` letters."""
    return _text(text if len(text) <= room else text[: room - 1] + "…")


def _text(text: str) -> str:
    return escape(clean(text), quote=True)
