"""Two columns of one name in a form in which equal cells are equal values, whatever their types.

Numbers are compared as numbers and moments as moments, exactly: no cast makes two different values equal, but
for decimals beside reals, which become reals. What has nothing in common is compared as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    import polars as pl

    Schema = Mapping[str, pl.DataType]

EXACT_INTEGERS = 2**53
"""Up to here every whole number is a float64 of its own."""
MOST_DIGITS = 38
MOST_WHOLE = 2.0**126
"""Reals below it fit a 128-bit integer; no integer column reaches it."""
NANOSECONDS = {"ms": 1_000_000, "us": 1_000, "ns": 1}
NANOSECONDS_A_DAY = 86_400 * 10**9


@attrs.frozen
class Comparable:
    """The columns that two tables share, each side in its comparable form.

    Attributes
    ----------
    names
        In the order of the table before.
    before, after
        One expression a column, under the column's own name.
    """

    names: tuple[str, ...]
    before: Mapping[str, pl.Expr]
    after: Mapping[str, pl.Expr]


def comparable(old: pl.LazyFrame, new: pl.LazyFrame) -> Comparable:
    """How the shared columns of two tables are compared.

    Reads a column only where whole numbers meet reals and may be too large for them.
    """
    left, right = old.collect_schema(), new.collect_schema()
    names = tuple(name for name in left if name in right)
    forms = {name: _forms(name, left[name], right[name], (old, new)) for name in names}
    return Comparable(names, {name: form[0] for name, form in forms.items()}, {n: form[1] for n, form in forms.items()})


def _forms(
    name: str, left: pl.DataType, right: pl.DataType, tables: tuple[pl.LazyFrame, pl.LazyFrame]
) -> tuple[pl.Expr, pl.Expr]:
    """The column `name` of both sides, as values that can be compared."""
    import polars as pl

    column = pl.col(name)
    if isinstance(left, pl.Categorical | pl.Enum) or isinstance(right, pl.Categorical | pl.Enum):
        return column.cast(pl.String), column.cast(pl.String)
    if left == right:
        return column, column
    if left.is_numeric() and right.is_numeric():
        return _numbers(name, left, right, tables)
    instants = _instant(column, left), _instant(column, right)
    if instants[0] is not None and instants[1] is not None and _zoned(left) == _zoned(right):
        return instants[0], instants[1]
    return _text(column, left), _text(column, right)


def _numbers(
    name: str, left: pl.DataType, right: pl.DataType, tables: tuple[pl.LazyFrame, pl.LazyFrame]
) -> tuple[pl.Expr, pl.Expr]:
    """Both sides in a type that holds every number of both."""
    import polars as pl

    column, types = pl.col(name), (left, right)
    if left.is_integer() and right.is_integer():
        return column.cast(pl.Int128), column.cast(pl.Int128)
    if left.is_decimal() or right.is_decimal():
        return column.cast(_decimal(left, right)), column.cast(_decimal(left, right))
    if any(dtype.is_integer() and _exceeds(table, name) for table, dtype in zip(tables, types, strict=True)):
        before, after = (_digits(column, dtype) for dtype in types)
        return before, after
    return column.cast(pl.Float64), column.cast(pl.Float64)


def _digits(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A whole number as its digits, whether it is stored as a real or not."""
    import polars as pl

    if dtype.is_integer():
        return column.cast(pl.String)
    is_whole = (column == column.floor()) & (column.abs() < MOST_WHOLE)
    whole = column.cast(pl.Int128, strict=False).cast(pl.String)
    return pl.when(is_whole).then(whole).otherwise(column.cast(pl.String))


def _decimal(left: pl.DataType, right: pl.DataType) -> pl.DataType:
    import polars as pl

    if left.is_float() or right.is_float():
        return pl.Float64()
    digits = [(getattr(one, "precision", None) or 20, getattr(one, "scale", 0)) for one in (left, right)]
    scale = max(each for _, each in digits)
    whole = max(precision - each for precision, each in digits)
    return pl.Decimal(MOST_DIGITS, scale) if whole + scale <= MOST_DIGITS else pl.Float64()


def _exceeds(table: pl.LazyFrame, name: str) -> bool:
    """Whether the whole numbers of a column are too large for float64."""
    import polars as pl

    least, greatest = table.select(pl.col(name).min().alias("a"), pl.col(name).max().alias("b")).collect().row(0)
    return least is not None and (least < -EXACT_INTEGERS or greatest > EXACT_INTEGERS)


def _instant(column: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    """Nanoseconds since 1970 as whole numbers that never overflow; None for what is no moment."""
    import polars as pl

    if isinstance(dtype, pl.Date):
        return column.cast(pl.Int32).cast(pl.Int128) * pl.lit(NANOSECONDS_A_DAY, dtype=pl.Int128)
    if isinstance(dtype, pl.Datetime):
        return column.cast(pl.Int64).cast(pl.Int128) * pl.lit(NANOSECONDS[dtype.time_unit], dtype=pl.Int128)
    return None


def _zoned(dtype: pl.DataType) -> bool:
    """A time of day somewhere is no moment until it has a zone, so both never compare."""
    return getattr(dtype, "time_zone", None) is not None


def _text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    import polars as pl

    if isinstance(dtype, pl.Struct):
        return column.struct.json_encode()
    if isinstance(dtype, pl.List | pl.Array):
        return pl.struct(column).struct.json_encode()
    if isinstance(dtype, pl.Binary):
        return column.bin.encode("hex")
    return column.cast(pl.String)


def keys(chosen: Sequence[str], shared: Comparable) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The shared columns, apart: those of the key in its order, and all others."""
    return tuple(chosen), tuple(name for name in shared.names if name not in chosen)
