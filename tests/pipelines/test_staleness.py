"""The rule that decides what is stale, for any stage."""

from __future__ import annotations

import attrs
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.pipelines.stages.lock import Locked, Pin
from jupyter_mlops.pipelines.stages.specs import Out, StageSpec
from jupyter_mlops.pipelines.standing.staleness import Situation, judge

PINS = st.builds(Pin, md5=st.sampled_from(["aa", "bb", "cc"]), size=st.just(1))
VALUES = st.one_of(
    st.integers(0, 3), st.booleans(), st.sampled_from(["x", "y"]), st.lists(st.integers(0, 2), max_size=2)
)
LOCKS = st.builds(
    Locked,
    command=st.sampled_from(["run a", "run b"]),
    deps=st.dictionaries(st.sampled_from(["d1", "d2"]), PINS, min_size=1),
    outs=st.dictionaries(st.sampled_from(["o1", "o2"]), PINS, min_size=1),
    params=st.builds(lambda values: {"params.yaml": values}, st.dictionaries(st.sampled_from(["p", "q"]), VALUES)),
)


def stage_of(locked: Locked) -> StageSpec:
    keys = tuple(locked.params["params.yaml"])
    params = {"params.yaml": keys} if keys else {}
    outs = tuple(Out(path) for path in locked.outs)
    return StageSpec("s", locked.command, locked.command, tuple(locked.deps), outs, params)


def unchanged(locked: Locked) -> Situation:
    return Situation(dict(locked.deps), dict(locked.outs), locked.params)


@given(LOCKS)
def test_what_did_not_change_is_up_to_date(locked):
    assert judge(stage_of(locked), locked, unchanged(locked)).state == "up-to-date"
    assert judge(stage_of(locked), None, unchanged(locked)).state == "never-run"


@given(LOCKS, st.data())
def test_any_one_change_is_stale_and_named(locked, data):
    now = unchanged(locked)
    part = data.draw(st.sampled_from(["deps", "outs"]))
    path = data.draw(st.sampled_from(sorted(getattr(locked, part))))
    there = data.draw(st.sampled_from([None, Pin("dd", 1)]))
    changed = attrs.evolve(now, **{part: {**getattr(now, part), path: there}})

    verdict = judge(stage_of(locked), locked, changed)

    assert verdict.state == "stale"
    assert path in verdict.reason
    assert verdict.restorable == (part == "outs" and there is None)


@given(LOCKS, VALUES, VALUES)
def test_a_parameter_is_stale_exactly_when_its_value_differs(locked, old, new):
    before = attrs.evolve(locked, params={"params.yaml": {"p": old}})
    now = attrs.evolve(unchanged(before), params={"params.yaml": {"p": new}})

    is_same = old == new and isinstance(old, bool) == isinstance(new, bool)

    assert (judge(stage_of(before), before, now).state == "up-to-date") == is_same


def test_a_frozen_stage_looks_at_its_outputs_only():
    locked = Locked("c", {"d": Pin("aa", 1)}, {"o": Pin("aa", 1)}, {})
    stage = attrs.evolve(stage_of(attrs.evolve(locked, params={"params.yaml": {}})), frozen=True)
    now = Situation({"d": Pin("bb", 1)}, {"o": Pin("aa", 1)}, {})

    assert judge(stage, locked, now).state == "up-to-date"
    assert judge(stage, locked, attrs.evolve(now, outs={"o": None})).state == "stale"
