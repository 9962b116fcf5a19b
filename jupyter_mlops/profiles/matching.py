"""Which row of one table is which of the other, by digests of 128 bits; what is equal is never looked at again.

A digest is made of two independent 64-bit hashes of polars, in which null, NaN and the two zeros each count as
one value. Two of 100 million different rows share one with a probability below 1e-22.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    import polars as pl

SEEDS = (0x6A09E667F3BCC908, 0xBB67AE8584CAA73B)
KEY_SEEDS = (0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1)
"""A key is not hashed as the content is: their sum must tell a pair of cells from the swapped one."""
KEY, CONTENT, WHOLE, ROW, TIMES = "\0key", "\0content", "\0whole", "\0row", "\0times"
OLD, NEW = "\0old", "\0new"
SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835 >> 2
"""An odd number without pattern; its multiples are no neighbours."""


@attrs.frozen
class RepeatedKey(Exception):
    """A key names several rows.

    Attributes
    ----------
    side
        0 for the table before, 1 for the one after.
    row, times
        One of the rows, and how many there are.
    """

    side: int
    row: int
    times: int


def digest(frame: pl.DataFrame, columns: Sequence[str], height: int, seeds: tuple[int, int] = SEEDS) -> pl.Series:
    """One 128-bit integer for each of `height` rows, equal for rows of equal cells."""
    import polars as pl

    if not columns:
        return pl.repeat(0, height, dtype=pl.Int128, eager=True)
    high, low = (frame.select(columns).hash_rows(seed=seed) for seed in seeds)
    shift = pl.lit(2**64, dtype=pl.Int128)
    return pl.select(high.reinterpret(signed=True).cast(pl.Int128) * shift + low.cast(pl.Int128)).to_series()


def records(frame: pl.DataFrame, key: Sequence[str], values: Sequence[str], rows: range) -> pl.DataFrame:
    """The key and the content of each row as digests, with its number; without a key the content is it.

    Row numbers take 32 bits: a table of more than four thousand million rows is refused, not wrapped.

    Parameters
    ----------
    frame
        The shared columns in their comparable form; a frame without columns forgets its height.
    values
        The columns beside the key; may be empty although the table has some, where all are known to be equal.
    rows
        The numbers of the rows.
    """
    import polars as pl

    content = digest(frame, values, len(rows))
    named = digest(frame, key, len(rows), KEY_SEEDS) if key else content
    rest = content if key else pl.repeat(0, len(rows), dtype=pl.Int128, eager=True)
    numbers = pl.int_range(rows.start, rows.stop, dtype=pl.UInt32, eager=True)
    return pl.DataFrame({KEY: named, CONTENT: rest, ROW: numbers})


def matched(old: pl.DataFrame, new: pl.DataFrame, *, keyed: bool) -> pl.DataFrame:
    """The rows that differ: `OLD` and `NEW` are their numbers, null where a side has none.

    Raises
    ------
    RepeatedKey
        When `keyed`; without a key equal rows are matched one by one.
    """
    import polars as pl

    if keyed:
        _require_unique(old, 0)
        _require_unique(new, 1)
    elif _repeats(old) or _repeats(new):
        old, new = _numbered(old), _numbered(new)
    # Dropping equal rows before the join makes it small: that takes a third of the time of joining all.
    whole = [side.lazy().with_columns((pl.col(KEY) + pl.col(CONTENT)).alias(WHOLE)) for side in (old, new)]
    lone = [
        one.join(other.select(WHOLE), on=WHOLE, how="anti").select(KEY, ROW) for one, other in (whole, reversed(whole))
    ]
    left, right = pl.collect_all(lone, engine="streaming")
    pairs = left.rename({ROW: OLD}).join(right.rename({ROW: NEW}), on=KEY, how="full", coalesce=True)
    return pairs.select(OLD, NEW)


def ordered(pairs: pl.DataFrame) -> pl.DataFrame:
    """In the order of the rows before; what was added follows in its own order."""
    return pairs.sort(OLD, NEW, nulls_last=True)


def _numbered(side: pl.DataFrame) -> pl.DataFrame:
    """Equal rows told apart: the second of them is paired with the second of the other side."""
    import polars as pl

    nth = pl.int_range(pl.len(), dtype=pl.Int64).over(KEY).cast(pl.Int128)
    return side.with_columns(pl.col(KEY) + nth * pl.lit(SPREAD, dtype=pl.Int128))


def _repeats(side: pl.DataFrame) -> bool:
    """Whether two rows may have one digest: 64 bits decide, sorted, which is fastest by far."""
    import numpy as np

    hashes = np.sort(side[KEY].hash().to_numpy())
    return bool((hashes[1:] == hashes[:-1]).any())


def _require_unique(side: pl.DataFrame, number: int) -> None:
    import polars as pl

    if not _repeats(side) or side[KEY].n_unique() == side.height:
        return
    worst = side.group_by(KEY).agg(pl.col(ROW).min(), pl.len().alias(TIMES)).sort(TIMES, ROW, descending=[True, False])
    raise RepeatedKey(number, int(worst[ROW][0]), int(worst[TIMES][0]))
