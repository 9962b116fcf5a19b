"""Profiles are equal for every order and partition, and hold what the data hold."""

from __future__ import annotations

import datetime as dt
import math
import random
from fractions import Fraction
from functools import reduce

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_mlops.profiles.bins import MAX_PREFIXES, Bins, distinct, keys_of, mixed, smallest_hashes, values_of
from jupyter_mlops.profiles.profile import Column, Profile, profile_batches, profile_cells
from jupyter_mlops.profiles.tables import cells

reals = st.floats(allow_nan=True, allow_infinity=True)
finite = st.floats(allow_nan=False, allow_infinity=False)


def column(values, dtype=None) -> Column:
    return profile_cells(cells(pa.array(values, dtype)))


def profile(**columns) -> Profile:
    return profile_batches(pa.table(columns).to_batches(65_536))


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.none() | reals, min_size=1, max_size=40),
    st.lists(st.none() | st.sampled_from("abc"), min_size=1, max_size=40),
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=40),
    st.randoms(use_true_random=False),
)
def test_any_partition_in_any_order_gives_the_same_bytes(numbers, words, integers, chance):
    for values, dtype in ((numbers, pa.float64()), (words, pa.string()), (integers, pa.int64())):
        whole = Profile(len(values), {"c": column(values, dtype)})
        cuts = sorted(chance.sample(range(len(values)), chance.randrange(len(values))))
        parts = [values[i:j] for i, j in zip([0, *cuts], [*cuts, len(values)], strict=True)]
        chance.shuffle(parts)
        merged = reduce(Profile.merged, [Profile(len(p), {"c": column(p, dtype)}) for p in parts])
        assert merged.encoded() == whole.encoded()


@pytest.mark.parametrize("scale", ["normal", "latitude", "epoch", "lognormal", "text"])
def test_the_level_depends_only_on_the_union(scale):
    rng = np.random.default_rng(3)
    made = {
        "normal": lambda: rng.normal(size=30_000),
        "latitude": lambda: rng.normal(25, 0.01, 30_000),
        "epoch": lambda: rng.integers(1_600_000_000, 1_700_000_000, 30_000),
        "lognormal": lambda: rng.lognormal(0, 9, 30_000),
        "text": lambda: np.array([f"t{i}" for i in rng.integers(0, 20_000, 30_000)]),
    }[scale]()
    whole = column(made)
    pieces = [column(part) for part in np.array_split(made, 17)]
    random.Random(1).shuffle(pieces)
    assert reduce(Column.merged, pieces) == whole
    assert MAX_PREFIXES / 8 < len(whole.bins) <= MAX_PREFIXES


@given(st.lists(finite, min_size=2))
def test_keys_keep_the_order_and_come_back(values):
    array = np.array(values)
    keys = keys_of(array)
    assert np.array_equal(values_of(keys), array)
    assert np.array_equal(np.argsort(keys, kind="stable"), np.argsort(array, kind="stable"))


@given(st.lists(finite, min_size=1, max_size=50))
def test_moments_are_exact(values):
    found, exact = column(values, pa.float64()), [Fraction(value) for value in values]
    assert int(found.total, 16) == sum(exact) * 2**1074
    assert int(found.squares, 16) == sum(value * value for value in exact) * 2**2148


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50))
def test_moments_of_the_widest_integers_are_exact(values):
    found = column(values, pa.uint64())
    assert int(found.total, 16) == sum(values) << 1074
    assert int(found.squares, 16) == sum(value * value for value in values) << 2148


def test_no_cancellation_far_from_zero():
    values = 1e9 + np.random.default_rng(0).normal(0, 1e-3, 10_000)
    assert column(values).std == pytest.approx(float((values - 1e9).std()), rel=1e-6)


def test_every_sort_of_cell():
    found = column([1.0, None, math.nan, math.inf, -math.inf, 3.0])
    assert (found.rows, found.nulls, found.nans, found.above, found.below, found.finite) == (6, 1, 1, 1, 1, 2)
    assert (found.minimum, found.maximum, found.mean) == (1.0, 3.0, 2.0)
    assert column([True, False, True, None]).categories == {"false": 1, "true": 2}
    assert column(pa.array(["a", "b", "a"]).dictionary_encode()).categories == {"a": 2, "b": 1}
    assert column([[1], None]).kind == "other"
    assert (column([None, None]).kind, column([None, None]).null_ratio) == ("empty", 1.0)


@pytest.mark.parametrize("dtype", [pa.date32(), pa.date64(), *map(pa.timestamp, ("s", "ms", "us", "ns"))])
def test_instants_count_microseconds_whatever_their_unit(dtype):
    found = column([dt.date(1970, 1, 2), None], pa.date32()).minimum
    moment = dt.date(1970, 1, 2) if pa.types.is_date(dtype) else dt.datetime(1970, 1, 2)  # noqa: DTZ001 - tables hold naive moments
    assert column([moment, None], dtype).minimum == found == 86_400_000_000


def test_high_cardinality_is_bounded_and_says_so():
    found = reduce(Column.merged, (column([f"user {i}" for i in range(k, k + 9000)]) for k in (0, 9000, 4000)))
    assert found.categories == {}
    assert len(found.bins) <= MAX_PREFIXES
    assert found.distinct == pytest.approx(18_000, rel=0.1)


def test_the_sketch_is_exact_while_small():
    keys = keys_of(np.arange(1000, dtype=np.float64))
    assert distinct(smallest_hashes(mixed(np.concatenate([keys, keys])))) == 1000


def test_identifiers():
    shuffled = np.random.default_rng(0).permutation(5000) + 7
    assert column(shuffled).is_identifier("row")
    assert column(shuffled * 1000).is_identifier("user_id")
    assert not column(shuffled * 1000).is_identifier("salary")
    assert not column(shuffled % 900).is_identifier("id")
    assert not column(np.arange(100) * 0.5).is_identifier("id")


def test_a_profile_survives_its_bytes_and_refuses_others():
    made = profile(x=[1.5, None], s=["a", "b"])
    assert Profile.decoded(made.encoded()) == made
    assert Profile.decoded(made.encoded()[:-3]) is None
    assert Profile.decoded(b"") is None
    assert Bins.of(np.array([], dtype=np.uint64)) == Bins()
