"""Graphs: every vertex right of its causes, none on another, nothing lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.rendering import charts
from jupyter_mlops.rendering.blocks import Graph, Vertex
from jupyter_mlops.rendering.layout import layered, tree

NAMES = "abcdef"
VERTICES = tuple(Vertex(name, "data", name) for name in NAMES)
ARROWS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=12)
FORWARD = ARROWS.map(lambda arrows: [(min(a, b), max(a, b)) for a, b in arrows if a != b])


@given(FORWARD)
def test_causes_stand_to_the_left(arrows):
    spots = layered(VERTICES, arrows).spots
    assert all(spots[a].layer < spots[b].layer for a, b in arrows)


@given(ARROWS)
def test_no_two_things_share_a_spot(arrows):
    layout = layered(VERTICES, arrows)
    assert len(set(layout.spots.values())) == len(NAMES)
    passed = {spot for path in layout.paths for spot in path[1:-1]}
    assert not passed & set(layout.spots.values())


@given(ARROWS)
def test_the_tree_writes_every_vertex_out_once(arrows):
    written = [vertex.id for _, vertex, again in tree(VERTICES, arrows) if not again]
    assert sorted(written) == sorted(NAMES)


@pytest.mark.parametrize("layers", [4, 5, 9])
def test_a_long_chain_runs_down_so_that_its_end_is_not_cut_off(layers: int) -> None:
    vertices = tuple(Vertex(str(at), "data", "thing") for at in range(layers))
    arrows = tuple((str(at), str(at + 1)) for at in range(layers - 1))
    drawn = charts.graph(Graph("Lineage", vertices, arrows))
    width, height = (int(text) for text in re.search(r'width="(\d+)" height="(\d+)" viewBox', drawn).groups())
    assert width <= charts.WIDEST
    assert (width > height) is (layers == 4)
    assert "max-width:100%" in drawn
