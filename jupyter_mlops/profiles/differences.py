"""The exact difference of two tables: columns, rows and cells.

Equality of cells, here and everywhere in this package: null equals null, NaN equals NaN, 0.0 equals -0.0,
and null never equals NaN. An empty field of a CSV file is null.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.profiles.tables import scan, spelled, translated, unknown_column
from jupyter_mlops.records import Scalar

if TYPE_CHECKING:
    import polars as pl


@attrs.frozen
class SchemaChange:
    """A column whose type changed; None stands for an absent column."""

    column: str
    before: str | None
    after: str | None


@attrs.frozen
class CellChange:
    """One changed cell; `key` names its row."""

    key: str
    column: str
    before: Scalar
    after: Scalar


@attrs.frozen
class TableDifference:
    """How the rows of two tables differ.

    Attributes
    ----------
    schema
        Columns that came, went or changed type.
    rows_added, rows_removed, rows_modified
        Counts; without a key no row is ever modified: its old content is removed, its new one added.
    cells
        The first changed cells, in the order of the rows before.
    columns
        Column to the number of its changed cells; only columns in both tables, only changed ones.
    """

    schema: tuple[SchemaChange, ...]
    rows_added: int
    rows_removed: int
    rows_modified: int
    cells: tuple[CellChange, ...] = ()
    columns: dict[str, int] = attrs.field(factory=dict)


def compare_tables(  # noqa: PLR0913 - two tables, each files and their names
    before: Sequence[Path],
    after: Sequence[Path],
    names_before: Sequence[str],
    names_after: Sequence[str],
    key: tuple[str, ...] = (),
    limit: int = 20,
) -> TableDifference | None:
    """The exact difference of two tables, or None when either is not a table.

    Parameters
    ----------
    before, after
        The files; an object in the cache will do.
    names_before, names_after
        Their names in the dataset, which give the formats.
    key
        Columns that name a row. Without it rows are compared as a multiset of their contents, over the
        columns that both tables have.
    limit
        Changed cells to list, at least 0.

    Raises
    ------
    UsageError
        ``unknown-column``, ``key-not-unique``.
    """
    with translated():
        old, new = scan(before, names_before), scan(after, names_after)
        if old is None or new is None:
            return None
        types = old.collect_schema(), new.collect_schema()
        _require_columns(key, *types)
        schema = _changed_columns(*types)
        old, new = _comparable(old, new)
        if key:
            return _by_key(old, new, schema, key, limit)
        added, removed = _by_content(old, new)
        return TableDifference(schema, added, removed, 0)


def _require_columns(key: Sequence[str], *schemas: Mapping[str, pl.DataType]) -> None:
    for schema in schemas:
        for name in key:
            if name not in schema:
                raise unknown_column(name, schema, " in both versions")


def _changed_columns(old: Mapping[str, pl.DataType], new: Mapping[str, pl.DataType]) -> tuple[SchemaChange, ...]:
    names = [*old, *(name for name in new if name not in old)]
    pairs = ((name, old.get(name), new.get(name)) for name in names)
    return tuple(
        SchemaChange(name, None if before is None else spelled(before), None if after is None else spelled(after))
        for name, before, after in pairs
        if before != after
    )


def _comparable(old: pl.LazyFrame, new: pl.LazyFrame) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """The columns that both have, in types that can be compared: of unlike types the texts are."""
    import polars as pl

    left, right = old.collect_schema(), new.collect_schema()
    shared = [name for name in left if name in right]
    chosen = [(name, _common_type(left[name], right[name])) for name in shared]
    columns = [pl.col(name) if dtype is None else pl.col(name).cast(dtype) for name, dtype in chosen]
    return old.select(columns), new.select(columns)


def _common_type(left: pl.DataType, right: pl.DataType) -> pl.DataType | None:
    """The type to cast both to, or None to leave them."""
    import polars as pl

    if isinstance(left, pl.Categorical | pl.Enum) or isinstance(right, pl.Categorical | pl.Enum):
        return pl.String()
    if left == right:
        return None
    if left.is_integer() and right.is_integer():
        return pl.Int128()
    if left.is_numeric() and right.is_numeric():
        return pl.Float64()
    return pl.String()


def _by_content(old: pl.LazyFrame, new: pl.LazyFrame) -> tuple[int, int]:
    """Rows added and removed, as multisets: rows that hash alike are compared whole by the grouping."""
    import polars as pl

    sign = "\0sign"
    columns = old.collect_schema().names()
    both = pl.concat([old.with_columns(pl.lit(-1).alias(sign)), new.with_columns(pl.lit(1).alias(sign))])
    net = both.group_by(columns).agg(pl.col(sign).sum()) if columns else both.select(pl.col(sign).sum())
    counts = net.select(
        pl.col(sign).clip(0, None).sum().alias("added"), pl.col(sign).clip(None, 0).sum().alias("removed")
    )
    added, removed = counts.collect(engine="streaming").row(0)
    return int(added), -int(removed)


def _by_key(
    old: pl.LazyFrame, new: pl.LazyFrame, schema: tuple[SchemaChange, ...], key: tuple[str, ...], limit: int
) -> TableDifference:
    import polars as pl

    for table in (old, new):
        _require_unique(table, key)
    values = [name for name in old.collect_schema().names() if name not in key]
    old = old.rename({name: f"\0{name}" for name in values}).with_columns(pl.lit(True).alias("\0old"))
    new = new.with_columns(pl.lit(True).alias("\0new"))
    paired = old.join(new, on=list(key), how="full", coalesce=True, nulls_equal=True, maintain_order="left_right")
    both = pl.col("\0old").is_not_null() & pl.col("\0new").is_not_null()
    changed = [(both & pl.col(f"\0{name}").ne_missing(pl.col(name))).alias(f"\0changed {name}") for name in values]
    marked = paired.with_columns(changed).collect(engine="streaming")
    flags = [f"\0changed {name}" for name in values]
    counts = {name: int(marked[flag].sum()) for name, flag in zip(values, flags, strict=True)}
    return TableDifference(
        schema,
        rows_added=int(marked["\0old"].null_count()),
        rows_removed=int(marked["\0new"].null_count()),
        rows_modified=int(marked.select(pl.any_horizontal(flags).sum()).item()) if flags else 0,
        cells=tuple(_cells(marked, key, values, limit)),
        columns={name: count for name, count in counts.items() if count},
    )


def _require_unique(table: pl.LazyFrame, key: tuple[str, ...]) -> None:
    import polars as pl

    repeated = table.group_by(key).agg(pl.len().alias("\0len")).filter(pl.col("\0len") > 1)
    found = repeated.sort("\0len", descending=True).head(1).collect(engine="streaming")
    if found.height:
        *values, times = found.row(0)
        raise UsageError(
            "key-not-unique",
            f"{', '.join(key)} does not name one row: it repeats.",
            context=f"{_row_name(key, values)} occurs {times} times.",
            hint="Add a column to --key, or leave it out to compare rows by content.",
        )


def _cells(marked: pl.DataFrame, key: tuple[str, ...], values: Sequence[str], limit: int) -> Iterator[CellChange]:
    import polars as pl

    if not values:
        return
    rows = marked.filter(pl.any_horizontal([f"\0changed {name}" for name in values])).head(limit)
    left = limit
    for row in rows.iter_rows(named=True):
        for name in (name for name in values if row[f"\0changed {name}"]):
            if not left:
                return
            left -= 1
            name_of_row = _row_name(key, [row[part] for part in key])
            yield CellChange(name_of_row, name, scalar(row[f"\0{name}"]), scalar(row[name]))


def _row_name(key: Sequence[str], values: Sequence[Any]) -> str:
    """``17``, or ``state=MA, id=17``."""
    texts = ["null" if value is None else str(scalar(value)) for value in values]
    return texts[0] if len(key) == 1 else ", ".join(f"{n}={t}" for n, t in zip(key, texts, strict=True))


def scalar(value: object) -> Scalar:
    """A cell as JSON can carry it; NaN and infinities, which it cannot, become their names."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value).replace("nan", "NaN")
    if value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, bytes):
        return value.hex()
    isoformat = getattr(value, "isoformat", None)
    return cast("str", isoformat()) if isoformat else str(value)
