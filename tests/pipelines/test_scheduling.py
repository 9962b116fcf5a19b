"""The schedule: nothing before what it needs, nothing beyond what there is, everything in the end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.pipelines.running.scheduling import GOOD, Capacity, Schedule, capacity
from jupyter_mlops.pipelines.stages.limits import Limits

GB = 10**9


@st.composite
def worlds(draw):
    """Stages in a random graph, what each takes, and what there is."""
    count = draw(st.integers(1, 9))
    names = [f"s{number}" for number in range(count)]
    needs = {
        name: frozenset(draw(st.lists(st.sampled_from(names[:at]), max_size=3))) if at else frozenset()
        for at, name in enumerate(names)
    }
    some = st.builds(Limits, cpus=st.sampled_from([1, 2, 4]), memory_bytes=st.sampled_from([None, GB, 5 * GB]))
    limits = {name: draw(some) for name in names}
    seconds = {name: draw(st.floats(0, 100)) for name in names}
    there = Capacity(draw(st.integers(1, 4)), draw(st.sampled_from([1.0, 2.0, 4.0])), 4 * GB)
    return names, needs, limits, there, seconds


@given(worlds(), st.randoms(use_true_random=False))
def test_it_is_safe_and_comes_to_an_end(world, chance):
    names, needs, limits, there, seconds = world
    schedule = Schedule(names, needs, limits, there, seconds)
    running: list[str] = []
    ended: dict[str, str] = {}
    while not schedule.is_over:
        for name, cause in schedule.blocked():
            assert ended[cause] not in GOOD
            ended[name] = "skipped"
            schedule.end(name, "skipped")
        while (name := next(schedule.startable(), None)) is not None:
            assert all(ended[need] in GOOD for need in needs[name])
            assert there.holds([limits[one] for one in running], limits[name])
            schedule.start(name)
            running.append(name)
        if running:
            name = chance.choice(running)
            running.remove(name)
            ended[name] = chance.choice(["ran", "failed", "up-to-date"])
            schedule.end(name, ended[name])
    assert {*ended} == {*names}


@given(worlds())
def test_what_fails_stops_only_what_depends_on_it(world):
    names, needs, limits, there, seconds = world
    schedule = Schedule(names, needs, limits, there, seconds)
    ended: dict[str, str] = {}
    while not schedule.is_over:
        for name, _ in schedule.blocked():
            ended[name] = "skipped"
            schedule.end(name, "skipped")
        if (name := next(schedule.startable(), None)) is not None:
            ended[name] = "failed" if name == names[0] else "ran"
            schedule.start(name)
            schedule.end(name, ended[name])
    below: set[str] = {names[0]}
    for name in names:
        if needs[name] & below:
            below.add(name)
    assert {name for name, state in ended.items() if state != "ran"} == below


def test_the_longest_way_starts_first():
    needs = {"a": (), "b": (), "c": ("b",)}
    schedule = Schedule(["a", "b", "c"], needs, {}, Capacity(1, 1), {"a": 5, "b": 1, "c": 9})
    assert next(schedule.startable()) == "b"


def test_a_stage_larger_than_the_machine_runs_alone():
    large = Limits(cpus=64, memory_bytes=10**15)
    schedule = Schedule(["a", "b"], {}, {"a": large}, Capacity(2, 2, GB))
    assert next(schedule.startable()) == "a"
    schedule.start("a")
    assert next(schedule.startable(), None) is None


def test_memory_counts_only_when_a_stage_tells_its_own():
    assert capacity(0, 2, [Limits()], GB) == Capacity(1, 2, None)
    assert capacity(3, 2, [Limits(memory_bytes=1)], GB) == Capacity(3, 2, GB)


def test_kernels_of_what_comes_next_are_known():
    schedule = Schedule(["a", "b", "c"], {"b": ("a",), "c": ("b",)}, {}, Capacity(2, 2))
    schedule.start("a")
    assert list(schedule.upcoming()) == ["b"]
