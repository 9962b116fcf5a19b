"""Tables compared cell for cell within a tolerance; another order of the same rows is told apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from jupyter_mlops.pipelines.reproduction.differing import Tolerance
from jupyter_mlops.profiles.comparable import comparable
from jupyter_mlops.profiles.differences import compare_tables
from jupyter_mlops.profiles.tables import scan, translated

if TYPE_CHECKING:
    import polars as pl

IN_MEMORY_BYTES = 512 * 10**6
"""Of a larger table only the exact difference is told."""


@attrs.frozen
class RowsApart:
    """In what two tables differ.

    Attributes
    ----------
    detail
        In words, without a value of the data.
    kind
        ``table`` or ``row-order``.
    within
        Whether no cell is further apart than allowed.
    """

    detail: str
    kind: str = "table"
    within: bool = False


def compare(before: Path, after: Path, name: str, tolerance: Tolerance) -> RowsApart | None:
    """In what the tables differ, or None when one of them is none.

    Parameters
    ----------
    name
        The name of the output, which tells the format.

    Raises
    ------
    EnvironmentFault
        ``unreadable-table``.
    """
    if before.stat().st_size + after.stat().st_size > IN_MEMORY_BYTES:
        return _exactly(before, after, name)
    with translated():
        lazy = scan([before], [name]), scan([after], [name])
        if lazy[0] is None or lazy[1] is None:
            return None
        schemas = [frame.collect_schema() for frame in lazy if frame is not None]
        if set(schemas[0]) != set(schemas[1]):
            return RowsApart(_columns(*map(list, schemas)))
        shared = comparable(lazy[0], lazy[1])
        old = lazy[0].select([shared.before[each] for each in shared.names]).collect()
        new = lazy[1].select([shared.after[each] for each in shared.names]).collect()
    if old.height != new.height:
        return RowsApart(f"{old.height:,} rows became {new.height:,}")
    return _compared(old, new, tolerance) or RowsApart("every cell is the same, written otherwise", within=True)


def _columns(before: Sequence[str], after: Sequence[str]) -> str:
    lost, won = sorted({*before} - {*after}), sorted({*after} - {*before})
    parts = [f"without the column {name}" for name in lost] + [f"with the new column {name}" for name in won]
    return ", ".join(parts)


def _exactly(before: Path, after: Path, name: str) -> RowsApart | None:
    """The exact difference, out of core."""
    found = compare_tables([before], [after], [name], [name], limit=0)
    if found is None:
        return None
    if not found.rows_added and not found.rows_removed and not found.schema:
        return RowsApart("the same rows in another order, or written otherwise", "row-order")
    return RowsApart(f"{found.rows_removed:,} rows are gone, {found.rows_added:,} are new")


def _compared(old: pl.DataFrame, new: pl.DataFrame, tolerance: Tolerance) -> RowsApart | None:
    """In what two frames of one shape differ; None when in nothing."""
    apart = _apart(old, new, tolerance)
    if apart is None or apart.within:
        return apart
    order = [name for name, dtype in old.schema.items() if dtype == new.schema[name] and not dtype.is_nested()]
    order.sort(key=lambda name: old.schema[name].is_float())
    if not order:
        return apart
    again = _apart(old.sort(order, nulls_last=True), new.sort(order, nulls_last=True), tolerance)
    if again is None:
        return RowsApart(f"the same {old.height:,} rows in another order", "row-order")
    if again.within:
        return RowsApart(f"the same {old.height:,} rows in another order; {again.detail}", "row-order")
    return apart


def _apart(old: pl.DataFrame, new: pl.DataFrame, tolerance: Tolerance) -> RowsApart | None:
    """In what the cells differ, each with the one in its place."""
    cells: dict[str, int] = {}
    worst, is_within = 0.0, True
    for name in old.columns:
        differs = old[name].ne_missing(new[name])
        if not (count := int(differs.sum())):
            continue
        cells[name] = count
        gap, allowed = _gap(old[name].filter(differs), new[name].filter(differs), tolerance)
        worst, is_within = max(worst, gap), is_within and allowed
    if not cells:
        return None
    named = ", ".join(f"{name} ({count:,})" for name, count in list(cells.items())[:5])
    more = f" and {len(cells) - 5} more columns" if len(cells) > 5 else ""
    largest = f", by {worst:.3g} at most" if worst else ""
    return RowsApart(f"{sum(cells.values()):,} cells differ: {named}{more}{largest}", within=is_within)


def _gap(old: pl.Series, new: pl.Series, tolerance: Tolerance) -> tuple[float, bool]:
    """How far numbers are apart at most, and whether that is allowed; other values never are."""
    import polars as pl

    if not (old.dtype.is_numeric() and new.dtype.is_numeric()) or old.null_count() or new.null_count():
        return 0.0, False
    one, other = old.cast(pl.Float64), new.cast(pl.Float64)
    gaps = (one - other).abs()
    if not gaps.is_finite().all():
        return 0.0, False
    sizes = pl.DataFrame({"one": one.abs(), "other": other.abs()}).max_horizontal()
    allowed = gaps <= pl.select(pl.max_horizontal(pl.lit(tolerance.ratio), sizes * tolerance.ratio)).to_series()
    return float(str(gaps.max())), bool(allowed.all())
