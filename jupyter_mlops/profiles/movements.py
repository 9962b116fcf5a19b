"""How the changed cells of each column moved: what became null, how far numbers went, which words replaced which."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from jupyter_mlops.profiles.changes import AFTER, BEFORE, FLAG, Changes
from jupyter_mlops.profiles.rows import scalar
from jupyter_mlops.records import Scalar

if TYPE_CHECKING:
    import polars as pl

BINS = 20
COMMON = 10
MOST_PAIRED = 1_000_000
"""So many changed cells of a column are looked at for the most frequent replacements."""
TEXT_LENGTH = 80


@attrs.frozen
class Replacement:
    """A value, what stands in its place, and how often; texts are cut after 80 characters."""

    before: Scalar
    after: Scalar
    cells: int


@attrs.frozen
class ColumnMovement:
    """The changed cells of one column.

    Attributes
    ----------
    changed
        How many cells.
    emptied, filled
        Those that became null, and those that were.
    mean_change
        The mean of after minus before, over cells that are finite numbers on both sides; None without any.
    edges
        The edges of equally wide bins over the finite numbers of both sides; empty when they are none or all the
        same.
    before, after
        The cells in each bin.
    common
        The most frequent replacements, when a value is replaced more than once.
    """

    column: str
    changed: int
    emptied: int = 0
    filled: int = 0
    mean_change: float | None = None
    edges: tuple[float, ...] = ()
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    common: tuple[Replacement, ...] = ()


def movements(changes: Changes, columns: dict[str, int]) -> tuple[ColumnMovement, ...]:
    """The movement of each changed column; `columns` as `Tally.columns`. Streams, so memory stays bounded."""
    import polars as pl

    if not columns:
        return ()
    table = pl.scan_ipc([changes.path(chunk) for chunk in range(len(changes.chunks))])
    return tuple(_movement(table, column, changed) for column, changed in columns.items())


def _movement(table: pl.LazyFrame, column: str, changed: int) -> ColumnMovement:
    import polars as pl

    names = [f"{BEFORE}{column}", f"{AFTER}{column}"]
    cells = table.filter(pl.col(f"{FLAG}{column}")).select(pl.col(names[0]).alias("b"), pl.col(names[1]).alias("a"))
    nulls = cells.select(pl.all().null_count()).collect(engine="streaming").row(0)
    found = ColumnMovement(column, changed, filled=nulls[0], emptied=nulls[1], common=tuple(_common(cells)))
    types = cells.collect_schema().values()
    if not all(dtype.is_numeric() for dtype in types):
        return found
    return _numeric(found, cells.select(pl.all().cast(pl.Float64)))


def _numeric(found: ColumnMovement, cells: pl.LazyFrame) -> ColumnMovement:
    import polars as pl

    before, after = (pl.when(pl.col(name).is_finite()).then(pl.col(name)) for name in ("b", "a"))
    finite = cells.select(before.alias("b"), after.alias("a"))
    bounds = finite.select(
        pl.min_horizontal(pl.col("a").min(), pl.col("b").min()).alias("least"),
        pl.max_horizontal(pl.col("a").max(), pl.col("b").max()).alias("greatest"),
        (pl.col("a") - pl.col("b")).mean().alias("mean"),
    )
    least, greatest, mean = bounds.collect(engine="streaming").row(0)
    mean = mean if mean is not None and abs(mean) != float("inf") else None
    width = (greatest - least) / BINS if least is not None else 0.0
    if not 0 < width < float("inf"):
        return attrs.evolve(found, mean_change=mean)
    edges = (*(least + width * i for i in range(BINS)), greatest)
    sides = [_counted(finite, name, least, width) for name in ("b", "a")]
    return attrs.evolve(found, mean_change=mean, edges=edges, before=sides[0], after=sides[1])


def _counted(cells: pl.LazyFrame, name: str, least: float, width: float) -> tuple[int, ...]:
    import polars as pl

    bins = ((pl.col(name) - least) / width).floor().clip(0, BINS - 1).cast(pl.Int32)
    counted = cells.select(bins.alias("bin")).drop_nulls().group_by("bin").len().collect(engine="streaming")
    counts = dict(counted.iter_rows())
    return tuple(counts.get(number, 0) for number in range(BINS))


def _common(cells: pl.LazyFrame) -> Iterator[Replacement]:
    import polars as pl

    if any(dtype.is_nested() for dtype in cells.collect_schema().values()):
        return
    counted = cells.head(MOST_PAIRED).group_by("b", "a").agg(pl.len().alias("n")).filter(pl.col("n") > 1)
    top = counted.sort("n", "b", "a", descending=[True, False, False], nulls_last=True).head(COMMON)
    for before, after, count in top.collect(engine="streaming").iter_rows():
        yield Replacement(_cut(scalar(before)), _cut(scalar(after)), count)


def _cut(value: Scalar) -> Scalar:
    return f"{value[:TEXT_LENGTH]}…" if isinstance(value, str) and len(value) > TEXT_LENGTH else value
