"""Where the things of a graph stand: an indented tree for text, layers for a drawing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs

from jupyter_mlops.rendering.blocks import Vertex

Arrow = tuple[str, str]


@attrs.frozen
class Spot:
    """A vertex in its layer (0 holds the sources) and its place within the layer."""

    vertex: Vertex
    layer: int
    row: int


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


def layers(vertices: Sequence[Vertex], arrows: Sequence[Arrow]) -> tuple[Spot, ...]:
    """Every vertex right of all its causes (longest path), ordered to keep arrows short.

    Rows are ordered by the mean row of the neighbours in the layer before, the
    barycentre rule of Sugiyama, Tagawa and Toda (1981), in one sweep.
    """
    named = {vertex.id: vertex for vertex in vertices}
    layer_of = _longest_paths(named, _following(named, arrows))
    causes: dict[str, list[str]] = {name: [] for name in named}
    for before, after in arrows:
        if before in named and after in named:
            causes[after].append(before)
    row_of: dict[str, int] = {}
    for layer in range(max(layer_of.values(), default=-1) + 1):
        members = [name for name in named if layer_of[name] == layer]
        members.sort(key=lambda name: _mean([row_of[each] for each in causes[name] if each in row_of]))
        row_of.update({name: row for row, name in enumerate(members)})
    return tuple(Spot(named[name], layer_of[name], row_of[name]) for name in named)


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
