"""Verbs killed at any moment: nothing is lost, and the next call goes on."""

from __future__ import annotations

import random

import pytest
from survivors import history, leftovers, require_sound, run, unlock
from works import WORKS, fill, require_same_or_more

__all__ = ["fill"]  # the first version is written by it
KILLED = ("commit", "checkout", "push", "gc", "retain", "erase")
BLOCKS = [pytest.param(range(n, n + 25), marks=pytest.mark.slow, id=f"{n}-{n + 24}") for n in range(0, 100, 25)]
"""A hundred in four: each begins with a young project, or most of the time would go into looking at its history."""


@pytest.mark.parametrize("rounds", [pytest.param(range(2), id="2"), *BLOCKS])
@pytest.mark.parametrize("verb", KILLED)
def test_a_kill_at_any_moment_loses_nothing_and_the_next_call_goes_on(root, damaged, verb, rounds):
    """By turns the process dies alone, between two things that it does, and with all that it started, at any time."""
    work, chance = WORKS[verb], random.Random(f"kill {verb} {rounds}")
    whole = run(root, verb, work.prepare(root, "count"), 0, "count")
    assert (whole.code, whole.error) == (0, "")
    for number in rounds:
        arguments = work.prepare(root, f"round {number}")
        before = history(root, "data")["data"]
        if number % 2:
            run(root, verb, arguments, chance.uniform(0, whole.seconds), "group")
            unlock(root)
        else:
            assert run(root, verb, arguments, chance.randint(1, whole.count), "kill").code <= 0
        assert damaged() == damaged(root.parent / "remote") == []
        require_same_or_more(root, before)
        work.finish(root, arguments)
        assert work.done(root, arguments)
        assert leftovers(root) == []
        require_sound(root)
