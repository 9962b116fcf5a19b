"""The order of stages, for any graph."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.errors import UnknownReference, UsageError
from jupyter_mlops.pipelines.stages.specs import Out, StageGraph, StageSpec


def stage(name: str, deps: tuple[str, ...] = (), outs: tuple[str, ...] = ()) -> StageSpec:
    return StageSpec(name, "true", "true", deps, tuple(Out(path) for path in outs))


@given(st.permutations(range(7)), st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6))))
def test_each_stage_comes_after_what_it_needs(order, pairs):
    forward = {(one, other) for one, other in pairs if one < other}
    specs = [stage(f"s{n}", tuple(f"o{one}" for one, other in forward if other == n), (f"o{n}",)) for n in order]

    names = [one.name for one in StageGraph(specs).ordered()]

    assert sorted(names) == sorted(one.name for one in specs)
    assert all(names.index(f"s{one}") < names.index(f"s{other}") for one, other in forward)


def test_a_circle_is_shown():
    with pytest.raises(UsageError) as raised:
        StageGraph([stage("a", ("y",), ("x",)), stage("b", ("x",), ("y",))]).ordered()

    assert raised.value.reference == "pipeline-cycle"
    assert "a → b" in raised.value.context or "b → a" in raised.value.context


def test_a_stage_that_reads_what_it_writes_is_a_circle():
    with pytest.raises(UsageError, match="circle"):
        StageGraph([stage("a", ("x/part",), ("x",))]).ordered()


def test_a_folder_and_a_file_in_it_have_one_writer():
    with pytest.raises(UsageError, match="both write x/y"):
        StageGraph([stage("a", (), ("x",)), stage("b", (), ("x/y",))]).ordered()


def test_selection_goes_up_and_if_asked_down():
    graph = StageGraph([stage("c", ("y",)), stage("b", ("x",), ("y",)), stage("a", (), ("x",)), stage("z")])

    assert [one.name for one in graph.select(["b"])] == ["a", "b"]
    assert [one.name for one in graph.select(["b"], downstream=True)] == ["a", "b", "c"]
    with pytest.raises(UnknownReference) as raised:
        StageGraph([stage("train")]).find("trian")
    assert raised.value.hint == "Did you mean train?"
