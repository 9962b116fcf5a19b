"""Drift statistics against scipy on the arrays themselves, and how often the rule is wrong."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from jupyter_mlops.profiles import statistics
from jupyter_mlops.profiles.drift import CODES_MAX, PLOT_BINS, compare
from jupyter_mlops.profiles.profile import Profile, profile_batches


def profile(**columns) -> Profile:
    return profile_batches(pa.table(columns).to_batches(65_536))


def moved(before, after, **options):
    return compare(profile(x=before), profile(x=after), **options)[0]


@pytest.mark.parametrize("offset", [0.0, 25.2, 1.7e9])
@pytest.mark.parametrize("shift", [0.0, 0.15])
def test_numbers_agree_with_scipy(offset, shift):
    rng = np.random.default_rng(11)
    a, b = offset + rng.normal(0, 1, 40_000), offset + rng.normal(shift, 1.1, 30_000)
    found, exact = moved(a, b), stats.ks_2samp(a, b, method="asymp")
    assert found.statistics["ks"] == pytest.approx(exact.statistic, abs=5e-4)
    assert found.statistics["wasserstein"] == pytest.approx(stats.wasserstein_distance(a, b) / a.std(), rel=1e-3)
    assert statistics.kolmogorov_smirnov(*_counts(a[:500], b[:400]))[1] == pytest.approx(
        stats.ks_2samp(a[:500], b[:400], method="exact").pvalue, abs=0.02
    )


def _counts(a, b):
    values = np.unique(np.concatenate([a, b]))
    return [np.histogram(side, bins=[*values, np.inf])[0] for side in (a, b)]


def test_categories_agree_with_scipy_exactly():
    rng = np.random.default_rng(2)
    a, b = rng.choice(list("abcd"), 3000, p=[0.4, 0.3, 0.2, 0.1]), rng.choice(list("abcd"), 2000)
    table = [[int((side == word).sum()) for word in "abcd"] for side in (a, b)]
    exact = stats.chi2_contingency(table, correction=False)
    found = moved(a, b)
    assert found.kind == "categorical"
    assert found.statistics["chi2"] == pytest.approx(exact.statistic, rel=1e-12)
    assert found.shift.p_value == pytest.approx(exact.pvalue, rel=1e-9)


def test_adjustment_agrees_with_scipy():
    p_values = np.random.default_rng(0).uniform(0, 0.2, 30)
    assert statistics.adjusted(p_values.tolist()) == pytest.approx(stats.false_discovery_control(p_values).tolist())


def test_false_alarms_and_power():
    rng = np.random.default_rng(8)

    def table(n, shift=0.0):
        return profile(
            **{f"n{i}": rng.normal(shift, 1, n) for i in range(6)},
            **{f"c{i}": rng.choice(list("abcde"), n) for i in range(2)},
        )

    reference = table(5000)
    for n in (50, 300):
        alarms = [any(column.drifted for column in compare(reference, table(n))) for _ in range(150)]
        assert np.mean(alarms) <= 0.09
    found = [c.drifted for _ in range(40) for c in compare(reference, table(300, 0.5)) if c.kind == "numeric"]
    assert np.mean(found) >= 0.98


def test_a_significant_trifle_is_no_drift():
    rng = np.random.default_rng(1)
    found = moved(rng.normal(0, 1, 100_000), rng.normal(0.04, 1, 100_000))
    assert found.p_adjusted < 0.001
    assert not found.drifted


def test_missing_cells_are_a_test_of_their_own():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=2000), rng.normal(size=2000)
    b[:400] = np.nan
    found = moved(a, b)
    assert (found.drifted, found.shift.measure, round(found.shift.effect, 3)) == (True, "nulls", 0.2)
    assert moved(a, pa.nulls(2000, pa.float64())).shift.measure == "nulls"


def test_infinities_rank_beyond_all_numbers():
    a = np.random.default_rng(1).normal(size=1000)
    b = a.copy()
    b[a > 0] = np.inf
    found = moved(a, b)
    assert found.drifted
    assert found.statistics["ks"] == pytest.approx((a > 0).mean())


@pytest.mark.parametrize(
    ("before", "after", "kind", "drifted"),
    [
        (np.arange(500), np.arange(500, 1000), "identifier", False),
        ([f"u{i}" for i in range(500)], [f"w{i}" for i in range(500)], "identifier", False),
        (np.arange(500) % CODES_MAX, np.arange(500) % CODES_MAX, "categorical", False),
        (np.arange(500) % 50, np.arange(500) % 50, "numeric", False),
        ([True, False] * 250, [True] * 500, "categorical", True),
        ([2015] * 500, [2018] * 500, "categorical", True),
        (["1", "2"] * 250, [1, 2] * 250, "type-changed", True),
        ([1, 2, 3] * 20, [1.0, 2.0, 3.0] * 20, "numeric", False),
        (np.arange(500).astype("datetime64[D]"), np.arange(500).astype("datetime64[us]"), "temporal", True),
        ([[1]] * 5, [[2]] * 5, "other", False),
        ([None], [1.0], "numeric", False),
    ],
)
def test_kinds(before, after, kind, drifted):
    found = moved(pa.array(before), pa.array(after))
    assert (found.kind, found.drifted) == (kind, drifted)


def test_texts_too_various_to_list_are_tested_by_their_hashes():
    rng = np.random.default_rng(4)
    a = [f"city {i}" for i in rng.integers(0, 6000, 20_000)]
    assert (moved(a, a).kind, moved(a, a).drifted) == ("text", False)
    assert moved([*a, *["here"] * 5000], a).drifted


def test_distributions_to_plot():
    rng = np.random.default_rng(4)
    numbers = moved(rng.normal(size=900), rng.normal(size=900), distributions=True).shares
    assert len(numbers.bins) <= PLOT_BINS
    assert sum(numbers.before) == pytest.approx(1) == sum(numbers.after)
    words = moved([f"c{i % 30}" for i in range(900)], ["c1"] * 9, distributions=True).shares
    assert (len(words.bins), words.bins[0], words.bins[-1]) == (21, "c1", "other")
    ages = moved(np.arange(900) % 96, np.arange(900) % 96, distributions=True).shares
    assert max(ages.before[:-1]) / min(ages.before[:-1]) < 1.2


def test_ranked_by_effect_and_only_the_columns_asked_for():
    rng = np.random.default_rng(4)
    a = profile(x=rng.normal(size=900), y=rng.normal(size=900), z=rng.normal(size=900))
    b = profile(x=rng.normal(size=900), y=rng.normal(2, 1, 900), z=rng.normal(1, 1, 900))
    assert [column.name for column in compare(a, b)] == ["y", "z", "x"]
    assert [column.name for column in compare(a, b, ["x", "z"])] == ["z", "x"]
