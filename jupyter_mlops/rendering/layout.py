"""Where the things of a graph stand: an indented tree for text, layers for a drawing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import msgspec

from jupyter_mlops.rendering.blocks import Vertex

Arrow = tuple[str, str]


class Spot(msgspec.Struct, frozen=True):
    """A place in the drawing: its layer (0 holds the sources) and its row within the layer."""

    layer: int
    row: int


class Layout(msgspec.Struct, frozen=True):
    """Where each vertex stands, and the spots that each arrow passes from start to end."""

    spots: Mapping[str, Spot]
    paths: tuple[tuple[Spot, ...], ...]

    def rows(self, layer: int) -> int:
        """How many rows `layer` has, those kept free for passing arrows too."""
        passed = [spot for path in self.paths for spot in path]
        return max((spot.row + 1 for spot in [*self.spots.values(), *passed] if spot.layer == layer), default=0)

    @property
    def layers(self) -> int:
        """How many layers there are."""
        return max((spot.layer + 1 for spot in self.spots.values()), default=0)


def tree(vertices: Sequence[Vertex], arrows: Sequence[Arrow]) -> Iterator[tuple[int, Vertex, bool]]:
    """Depth, vertex, and whether it stood above already; what follows from a vertex is below it.

    A vertex with several causes is written out once. A cycle is entered at its first vertex.
    """
    named = {vertex.id: vertex for vertex in vertices}
    after = _following(named, arrows)
    written: set[str] = set()
    reached = {end for ends in after.values() for end in ends}
    roots = [each.id for each in vertices if each.id not in reached]
    for root in [*roots, *named]:
        if root in written:
            continue
        stack = [(0, root)]
        while stack:
            depth, name = stack.pop()
            again = name in written
            yield depth, named[name], again
            written.add(name)
            if not again:
                stack.extend((depth + 1, end) for end in reversed(after[name]))


def layered(vertices: Sequence[Vertex], arrows: Sequence[Arrow]) -> Layout:
    """Every vertex right of all its causes (longest path); an arrow over several layers keeps a row free in each.

    Rows are ordered by the mean row of the neighbours in the layer before, the
    barycentre rule of Sugiyama, Tagawa and Toda (1981), in one sweep.
    """
    named = {vertex.id: vertex for vertex in vertices}
    after = _following(named, arrows)
    layer_of = _longest_paths(named, after)
    chains = [_chain(start, end, layer_of) for start, ends in after.items() for end in ends]
    rows = _ordered(layer_of, chains)
    spots = {name: Spot(layer_of[name], rows[name]) for name in layer_of}
    paths = tuple(tuple(spots[name] for name in chain) for chain in chains)
    return Layout({name: spots[name] for name in named}, paths)


def _ordered(layer_of: Mapping[str, int], chains: Sequence[Sequence[str]]) -> dict[str, int]:
    """The row of each vertex and stand-in."""
    causes: dict[str, list[str]] = {name: [] for name in layer_of}
    for chain in chains:
        for before, behind in pairwise(chain):
            causes[behind].append(before)
    rows: dict[str, int] = {}
    for layer in range(max(layer_of.values(), default=-1) + 1):
        members = [name for name in layer_of if layer_of[name] == layer]
        members.sort(key=lambda name: _mean([rows[each] for each in causes[name] if each in rows]))
        rows.update({name: row for row, name in enumerate(members)})
    return rows


def _chain(start: str, end: str, layer_of: dict[str, int]) -> list[str]:
    """Start, a stand-in for each layer between (added to `layer_of`), and end."""
    between = []
    for layer in range(layer_of[start] + 1, layer_of[end]):
        stand_in = f"{start}\0{end}\0{layer}"
        layer_of[stand_in] = layer
        between.append(stand_in)
    return [start, *between, end]


def _following(named: Mapping[str, Vertex], arrows: Sequence[Arrow]) -> dict[str, list[str]]:
    after: dict[str, list[str]] = {name: [] for name in named}
    for start, end in arrows:
        if start in named and end in named and end not in after[start]:
            after[start].append(end)
    return after


def _longest_paths(named: Mapping[str, Vertex], after: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The layer of each vertex (Kahn); what a cycle holds together goes behind the rest."""
    waiting = dict.fromkeys(named, 0)
    for ends in after.values():
        for end in ends:
            waiting[end] += 1
    layer = dict.fromkeys(named, 0)
    ready = [name for name in named if not waiting[name]]
    for name in ready:
        for end in after[name]:
            layer[end] = max(layer[end], layer[name] + 1)
            waiting[end] -= 1
            if not waiting[end]:
                ready.append(end)
    return layer


def _mean(rows: Sequence[int]) -> float:
    return sum(rows) / len(rows) if rows else 0.0
