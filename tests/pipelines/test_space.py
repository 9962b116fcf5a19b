"""The space of a sweep: what a person writes is understood, and written back."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.sweeps.space import Choice, Domain, Range, grid, grid_size, parse, parse_all

FINITE = st.floats(-1e9, 1e9, allow_nan=False)
POSITIVE = st.floats(1e-9, 1e9)
STEP = st.none() | st.floats(1e-3, 1e3)
WHOLE = st.integers(-(10**9), 10**9)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT


def ordered(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[tuple[float, float]]:
    return st.tuples(numbers, numbers).map(lambda pair: (min(pair), max(pair)))


RANGES = st.one_of(
    st.builds(lambda ends, step: Range(*ends, step), ordered(FINITE), STEP),
    st.builds(lambda ends: Range(*ends, is_log=True), ordered(POSITIVE)),
    st.builds(lambda ends, step: Range(*ends, step, is_whole=True), ordered(WHOLE), st.none() | st.integers(1, 99)),
    st.builds(lambda ends: Range(*ends, is_log=True, is_whole=True), ordered(st.integers(1, 10**9))),
)
CHOICES = st.lists(SCALARS, min_size=1, max_size=5, unique_by=lambda value: value).map(lambda v: Choice(tuple(v)))


@given(RANGES | CHOICES)
def test_what_is_written_is_read_back_as_it_was(domain: Domain):
    assert parse("p", str(domain)) == domain
    assert str(parse("p", str(domain))) == str(domain)


@given(st.dictionaries(st.sampled_from("abc"), CHOICES, min_size=1))
def test_a_grid_has_every_point_once(space: dict[str, Domain]):
    points = [tuple(map(repr, point.values())) for point in grid(space)]
    assert len(points) == len(set(points)) == grid_size(space)


@given(ordered(FINITE), st.floats(0.5, 100))
def test_the_points_of_a_range_lie_in_it_a_step_apart(ends, step):
    domain = Range(ends[0], min(ends[1], ends[0] + 50 * step), step)
    points = domain.points()
    assert points[0] == domain.low
    assert domain.high - step * (1 + 1e-9) <= points[-1] <= domain.high + step * 1e-6
    assert all(math.isclose(b - a, step, rel_tol=1e-5) for a, b in pairwise(points))


@pytest.mark.parametrize(
    ("written", "domain"),
    [
        ("log(1e-3,10)", Range(1e-3, 10.0, is_log=True)),
        (" int( 2, 9 ) ", Range(2, 9, is_whole=True)),
        ("int(2,9,3)", Range(2, 9, 3, is_whole=True)),
        ("float(0,1)", Range(0.0, 1.0)),
        ("choice(a,b)", Choice(("a", "b"))),
        ("choice(true, none, 'a, b', 1e-3)", Choice((True, "none", "a, b", 1e-3))),
        ("[0.1,0.2]", Choice((0.1, 0.2))),
        ([0.1, "x"], Choice((0.1, "x"))),
    ],
)
def test_each_form_is_understood(written, domain):
    assert parse("p", written) == domain


@pytest.mark.parametrize(
    ("written", "reference", "words"),
    [
        ("log(0,1)", "log-of-zero", "no logarithm of 0"),
        ("logint(0,8)", "log-of-zero", "no logarithm of 0"),
        ("log(-1,1)", "log-of-zero", "no logarithm of -1"),
        ("choice()", "empty-space", "no values"),
        ("[]", "empty-space", "no values"),
        ("int(9,2)", "empty-space", "from 9 to 2"),
        ("int(1.5,2)", "bad-space", "no whole number"),
        ("float(0,1,0)", "bad-space", "step of 0"),
        ("float(a,1)", "bad-space", "a is no number"),
        ("float(true,1)", "bad-space", "no number"),
        ("float(0,.inf)", "bad-space", "no number"),
        ("log(1,10,2)", "bad-space", "least and greatest"),
        ("float(1)", "bad-space", "least and greatest"),
        ("choice(1,1.0)", "bad-space", "twice"),
        ("choice({a: 1})", "bad-space", "no text, number"),
        ("choice(a,[)", "bad-space", "cannot be read"),
        ("uniform(0,1)", "bad-space", "no range"),
        ("0.1", "bad-space", "no range"),
        (0.1, "bad-space", "no range"),
    ],
)
def test_what_cannot_be_tried_is_said_kindly(written, reference, words):
    with pytest.raises(UsageError, match=words) as raised:
        parse("C", written)
    assert raised.value.reference == reference
    assert raised.value.hint
    assert "C" in raised.value.message


def test_nothing_to_try_is_said():
    with pytest.raises(UsageError, match="Nothing to try"):
        parse_all({})


def test_a_grid_cannot_list_a_continuous_range():
    with pytest.raises(UsageError, match="every value of C=log") as raised:
        grid_size(parse_all({"C": "log(1,10)"}))
    assert raised.value.reference == "endless-grid"
