"""What drifted between two profiles. Pure: profiles in, judgements out; no data is read again.

The rule: a column drifted when a test is significant after Benjamini and Hochberg's adjustment over all
tests (q = .05) and the shift is large enough to matter. Which test:

==============  =====================================================  =====================================
kind            columns                                                effect and its floor
==============  =====================================================  =====================================
numeric         numbers; Kolmogorov-Smirnov                            Wasserstein / sd > .1 or KS D > .1
temporal        dates, timestamps; Kolmogorov-Smirnov                  the same
categorical     texts up to 4096 values, booleans, integers of at      Jensen-Shannon distance > .1
                most 10 values in both versions; chi-squared
text            texts of more values, by 64 groups of hashes           Jensen-Shannon distance > .1
identifier      names rows (see `Column.is_identifier`)                not tested, never drifts
other           nested or binary                                       only nulls
type-changed    a number became a text, say                            always drifted
==============  =====================================================  =====================================

In every kind but ``identifier`` a changed share of nulls (NaN counted) is a test of its own, floor .05. The
Jensen-Shannon distance was chosen over Cramér's V, which shrinks when one sample is much smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import attrs

from jupyter_mlops.profiles import statistics
from jupyter_mlops.profiles.bins import middles, values_of
from jupyter_mlops.profiles.profile import NUMBERS, TEXTS, Column, Profile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
    Reals = NDArray[np.float64]

SIGNIFICANCE = 0.05
FLOOR = 0.1
NULL_FLOOR = 0.05
CODES_MAX = 10
TEXT_GROUP_BITS = 6
PLOT_BINS = 40
PLOT_CATEGORIES = 20
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.frozen
class Shares:
    """Shares of the values in the same bins; each side sums to 1, or to 0 when it has none."""

    bins: tuple[str, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]


@attrs.frozen
class Shift:
    """One test of one column: its p, and how large the shift is against its floor."""

    measure: str
    p_value: float
    effect: float
    floor: float


@attrs.frozen
class Movement:
    """How one column moved.

    Attributes
    ----------
    shift
        The test that decides: the drifted one of the greatest effect / floor.
    p_adjusted
        The p of `shift` adjusted over all tests of all columns.
    ks, wasserstein, psi, js, chi2
        What applies to the kind; Wasserstein in standard deviations of the older data.
    """

    name: str
    kind: str
    drifted: bool
    shift: Shift
    p_adjusted: float
    statistics: dict[str, float]
    shares: Shares | None = None


@attrs.frozen
class _Measured:
    """A column before its p values are adjusted."""

    name: str
    kind: str
    shifts: tuple[Shift, ...]
    statistics: dict[str, float]
    shares: Shares | None = None


def compare(
    before: Profile, after: Profile, columns: Sequence[str] = (), *, distributions: bool = False
) -> tuple[Movement, ...]:
    """How each column that both have moved, ranked by effect / floor.

    Parameters
    ----------
    columns
        Only these; none means all that both have.
    distributions
        Include the shares to plot.
    """
    names = [name for name in before.columns if name in after.columns and (not columns or name in columns)]
    measured = [_measure(name, before.columns[name], after.columns[name], distributions) for name in names]
    adjusted = iter(statistics.adjusted([shift.p_value for column in measured for shift in column.shifts]))
    judged = [_judged(column, [next(adjusted) for _ in column.shifts]) for column in measured]
    return tuple(sorted(judged, key=lambda column: -column.shift.effect / column.shift.floor))


def kind_of(name: str, before: Column, after: Column) -> str:
    """The kind of a column, by the documented rule."""
    kinds = {before.kind, after.kind} - {"empty"}
    if kinds and before.is_identifier(name) and after.is_identifier(name) and len(kinds) == 1:
        return "identifier"
    if kinds <= NUMBERS:
        return "categorical" if kinds == {"integer"} and _codes(before, after) else "numeric"
    if kinds == {"instant"}:
        return "temporal"
    if kinds <= TEXTS and len(kinds) == 1:
        return "text" if before.bins.level or after.bins.level else "categorical"
    return "other" if kinds == {"other"} else "type-changed"


def _codes(before: Column, after: Column) -> bool:
    """Whether so few whole numbers occur that they are codes rather than amounts."""
    exact = not before.bins.level and not after.bins.level
    return exact and len(before.bins.merged(after.bins)) <= CODES_MAX


def _measure(name: str, before: Column, after: Column, distributions: bool) -> _Measured:  # noqa: FBT001 - passed on
    kind = kind_of(name, before, after)
    if kind == "identifier":
        return _Measured(name, kind, (), {})
    if kind == "type-changed":
        return _Measured(name, kind, (Shift("type", 0.0, 1.0, FLOOR),), {})
    nulls = _null_shift(before, after)
    if kind == "other":
        return _Measured(name, kind, nulls, {})
    shifts, numbers = _ordered(before, after) if kind in ("numeric", "temporal") else _named(before, after, kind)
    testable = bool(before.rows - before.nulls and after.rows - after.nulls)
    shares = _shares(kind, before, after) if distributions else None
    return _Measured(name, kind, (*(shifts if testable else ()), *nulls), numbers if testable else {}, shares)


def _judged(column: _Measured, adjusted: Sequence[float]) -> Movement:
    """Decide on a column: one of its tests must be both significant and large."""
    pairs = list(zip(column.shifts, adjusted, strict=True))
    passed = [pair for pair in pairs if pair[1] <= SIGNIFICANCE and pair[0].effect > pair[0].floor]
    untested = (Shift("none", 1.0, 0.0, FLOOR), 1.0)
    shift, p_adjusted = max(passed or pairs, key=lambda pair: pair[0].effect / pair[0].floor, default=untested)
    return Movement(column.name, column.kind, bool(passed), shift, p_adjusted, column.statistics, column.shares)


def _null_shift(before: Column, after: Column) -> tuple[Shift, ...]:
    import numpy as np

    missing = [column.nulls + column.nans for column in (before, after)]
    if not any(missing):
        return ()
    table = [np.array([gone, column.rows - gone]) for gone, column in zip(missing, (before, after), strict=True)]
    _, p_value = statistics.chi_squared(*table)
    return (Shift("nulls", p_value, abs(before.null_ratio - after.null_ratio), NULL_FLOOR),)


def _ordered(before: Column, after: Column) -> tuple[tuple[Shift, ...], dict[str, float]]:
    """The tests of numbers: infinities rank beyond all others, and have no place in a mean distance."""
    import numpy as np

    old, new, values = _aligned(before, after)
    ends = [np.concatenate([[c.below], counts, [c.above]]) for c, counts in ((before, old), (after, new))]
    ks, p_value = statistics.kolmogorov_smirnov(*ends)
    spread = before.std or after.std
    moved = statistics.wasserstein(old, new, values) / spread if spread else 0.0
    groups = statistics.deciles(old)
    tenths = [np.bincount(groups, weights=counts, minlength=10).astype(np.int64) for counts in (old, new)]
    numbers = {
        "ks": ks,
        "wasserstein": moved,
        "psi": statistics.stability_index(*tenths),
        "js": statistics.jensen_shannon(*tenths),
    }
    measure, effect = ("wasserstein/sd", moved) if moved >= ks else ("ks", ks)
    return (Shift(measure, p_value, effect, FLOOR),), numbers


def _named(before: Column, after: Column, kind: str) -> tuple[tuple[Shift, ...], dict[str, float]]:
    """The tests of categories."""
    old, new = _grouped_texts(before, after) if kind == "text" else _aligned(before, after)[:2]
    chi2, p_value = statistics.chi_squared(old, new)
    js = statistics.jensen_shannon(old, new)
    numbers = {"chi2": chi2, "js": js, "psi": statistics.stability_index(old, new)}
    return (Shift("jensen-shannon", p_value, js, FLOOR),), numbers


def _aligned(before: Column, after: Column) -> tuple[Counts, Counts, Reals]:
    """Both counts over the union of the prefixes, at the coarser level, and the middle value of each."""
    import numpy as np

    level = max(before.bins.level, after.bins.level)
    sides = [column.bins.arrays(level) for column in (before, after)]
    # With counts np.unique sorts, which is much faster here than its hash table.
    prefixes, _ = np.unique(np.concatenate([own for own, _ in sides]), return_counts=True)
    counts = [np.zeros(len(prefixes), dtype=np.int64) for _ in sides]
    for side, (own, numbers) in zip(counts, sides, strict=True):
        side[np.searchsorted(prefixes, own)] = numbers
    extremes = [v for c in (before, after) for v in (c.minimum, c.maximum) if v is not None]
    values = middles(prefixes, level, min(extremes), max(extremes)) if extremes else np.zeros(len(prefixes))
    return counts[0], counts[1], values


def _grouped_texts(before: Column, after: Column) -> tuple[Counts, Counts]:
    """Counts by the leading bits of the hash: a test for texts too various to be listed."""
    import numpy as np

    sides = [column.bins.arrays(64 - TEXT_GROUP_BITS) for column in (before, after)]
    counts = [np.zeros(1 << TEXT_GROUP_BITS, dtype=np.int64) for _ in sides]
    for side, (own, numbers) in zip(counts, sides, strict=True):
        side[own.astype(np.int64)] = numbers
    return counts[0], counts[1]


def _shares(kind: str, before: Column, after: Column) -> Shares | None:
    """At most 40 bins snapped to the prefixes, or the 20 commonest categories and the rest."""
    if kind in ("numeric", "temporal"):
        return _binned_shares(kind, before, after)
    if kind != "categorical":
        return None
    old, new = categories(before), categories(after)
    ranked = sorted({*old, *new}, key=lambda name: (-old.get(name, 0) - new.get(name, 0), name))
    top, rest = ranked[:PLOT_CATEGORIES], ranked[PLOT_CATEGORIES:]
    labels = (*top, "other") if rest else tuple(top)
    sides = [
        [side.get(n, 0) for n in top] + ([sum(side.get(n, 0) for n in rest)] if rest else []) for side in (old, new)
    ]
    return Shares(labels, _normalised(sides[0]), _normalised(sides[1]))


def categories(column: Column) -> dict[str, int]:
    """Exact counts of texts, or of the few whole numbers that are codes."""
    if column.kind != "integer":
        return column.categories
    prefixes, counts = column.bins.arrays()
    return {f"{value:.0f}": int(count) for value, count in zip(values_of(prefixes), counts, strict=True)}


def _binned_shares(kind: str, before: Column, after: Column) -> Shares:
    """Equal widths over the middle 99.8 % of both; what lies outside joins the outermost bins."""
    import numpy as np

    old, new, values = _aligned(before, after)
    if not len(values):
        return Shares((), (), ())
    shares = np.cumsum(old + new) / (old + new).sum()
    outer = np.minimum(np.searchsorted(shares, [0.001, 0.999]), len(values) - 1)
    low, high = values[outer]
    if before.kind == after.kind == "integer":
        # Bins of as many whole numbers each, or the plot would show a comb that is not in the data.
        width = max(1.0, np.ceil((high - low + 1) / PLOT_BINS))
        edges = np.arange(low - 0.5, high + width, width)
    else:
        edges = np.linspace(low, high, min(PLOT_BINS, len(values)) + 1)
    places = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    sides = [np.bincount(places, weights=counts, minlength=len(edges) - 1).tolist() for counts in (old, new)]
    labels = tuple(spelled(kind, edge) for edge in (edges[:-1] + edges[1:]) / 2)
    return Shares(labels, _normalised(sides[0]), _normalised(sides[1]))


def spelled(kind: str, value: float) -> str:
    """A number for people; microseconds since 1970 as a moment when `kind` is ``temporal``."""
    if kind != "temporal":
        return f"{value:.4g}"
    try:
        return (EPOCH + timedelta(microseconds=float(value))).isoformat(timespec="seconds")
    except OverflowError:
        return f"{value:.4g} µs"


def _normalised(counts: Sequence[float]) -> tuple[float, ...]:
    total = sum(counts)
    return tuple(count / total if total else 0.0 for count in counts)
