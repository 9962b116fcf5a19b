"""Two-sample statistics over counts in the same bins. Pure: arrays in, numbers out; the adapter to scipy.

`before` and `after` are counts, shape (k,), of the same k bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
    Reals = NDArray[np.float64]

LEAST_EXPECTED = 5.0
"""Cochran's rule: the chi-squared distribution holds where each cell expects at least so many."""


def kolmogorov_smirnov(before: Counts, after: Counts) -> tuple[float, float]:
    """D, 0 to 1, and its two-sided p for bins in ascending order.

    The p is asymptotic with Stephens' correction (J. R. Statist. Soc. B 32, 1970); ties make it conservative.
    """
    import numpy as np
    from scipy.special import kolmogorov

    n, m = int(before.sum()), int(after.sum())
    if not n or not m:
        return 0.0, 1.0
    distance = float(np.abs(np.cumsum(before) / n - np.cumsum(after) / m).max())
    root = (n * m / (n + m)) ** 0.5
    return distance, float(kolmogorov((root + 0.12 + 0.11 / root) * distance))


def wasserstein(before: Counts, after: Counts, values: Reals) -> float:
    """The earth mover's distance in the unit of `values`, which are ascending, one a bin."""
    import numpy as np

    if len(values) < 2 or not before.sum() or not after.sum():
        return 0.0
    gap = np.abs(np.cumsum(before) / before.sum() - np.cumsum(after) / after.sum())[:-1]
    return float((gap * np.diff(values)).sum())


def chi_squared(before: Counts, after: Counts) -> tuple[float, float]:
    """Pearson's statistic of the 2 x k table, and its p; categories too rare to test are pooled."""
    import numpy as np
    from scipy.special import chdtrc

    total = before + after
    n, m, both = before.sum(), after.sum(), total.sum()
    if not n or not m:
        return 0.0, 1.0
    rare = total * (min(n, m) / both) < LEAST_EXPECTED
    table = np.stack([_pooled(before, rare), _pooled(after, rare)])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return 0.0, 1.0
    expected = np.outer([n, m], table.sum(axis=0)) / both
    statistic = float(((table - expected) ** 2 / expected).sum())
    return statistic, float(chdtrc(table.shape[1] - 1, statistic))


def jensen_shannon(before: Counts, after: Counts) -> float:
    """The Jensen-Shannon distance with logarithms to base 2: 0 (equal) to 1 (nothing in common)."""
    import numpy as np
    from scipy.special import rel_entr

    if not before.sum() or not after.sum():
        return 0.0
    p, q = before / before.sum(), after / after.sum()
    middle = (p + q) / 2
    divergence = (rel_entr(p, middle).sum() + rel_entr(q, middle).sum()) / 2 / np.log(2)
    return float(max(divergence, 0.0) ** 0.5)


def stability_index(before: Counts, after: Counts) -> float:
    """The population stability index; half a case is added to each bin so that an empty one stays finite."""
    import numpy as np

    k = len(before)
    p, q = ((counts + 0.5) / (counts.sum() + 0.5 * k) for counts in (before, after))
    return float(((q - p) * np.log(q / p)).sum())


def deciles(before: Counts) -> NDArray[np.int64]:
    """Which decile of `before` each bin belongs to, 0 to 9, by the share below its middle."""
    import numpy as np

    shares = (np.cumsum(before) - before / 2) / max(int(before.sum()), 1)
    return np.minimum((shares * 10).astype(np.int64), 9)


def adjusted(p_values: Sequence[float]) -> list[float]:
    """Benjamini and Hochberg's adjusted p values (J. R. Statist. Soc. B 57, 1995), in the order given."""
    import numpy as np

    if not p_values:
        return []
    given = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(given)[::-1]
    scaled = given[order] * len(given) / np.arange(len(given), 0, -1)
    result = np.empty_like(given)
    result[order] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    return [float(value) for value in result]


def _pooled(counts: Counts, rare: NDArray[np.bool_]) -> Counts:
    import numpy as np

    return np.append(counts[~rare], counts[rare].sum())
