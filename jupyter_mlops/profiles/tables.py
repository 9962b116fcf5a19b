"""The adapter to polars and pyarrow: tables among data files, their schema, size, rows and exact differences.

A dataset is a table when it holds at least one file in a table format and all such files have the same
column names; other files beside them (a licence, a picture) are ignored. The format is read off the name
within the dataset, because an object in the cache has no suffix.

Equality of cells, here and everywhere in this package: null equals null, NaN equals NaN, 0.0 equals -0.0,
and null never equals NaN. An empty field of a CSV file is null.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, cast

import attrs

from jupyter_mlops.errors import EnvironmentFault, UsageError, nearest
from jupyter_mlops.records import Scalar

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    import pyarrow as pa
    from numpy.typing import NDArray

FORMATS: Mapping[str, str] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".feather": "ipc",
    ".arrow": "ipc",
    ".jsonl": "ndjson",
    ".ndjson": "ndjson",
}
BATCH_ROWS = 65_536
IPC_FILE_MAGIC = b"ARROW1"


@attrs.frozen
class ChangedColumn:
    """A column that differs in type; None stands for an absent column."""

    name: str
    before: str | None
    after: str | None


@attrs.frozen
class ChangedCell:
    """A cell that differs; `key` names its row: ``17``, or ``state=MA, id=17``."""

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

    schema: tuple[ChangedColumn, ...]
    rows_added: int
    rows_removed: int
    rows_modified: int
    cells: tuple[ChangedCell, ...] = ()
    columns: dict[str, int] = attrs.field(factory=dict)


@attrs.frozen(eq=False)
class Cells:
    """The cells of one column in one batch.

    Attributes
    ----------
    kind
        ``number``, ``integer``, ``instant`` (microseconds since 1970 as integers), ``text``, ``boolean``,
        ``empty`` (nothing but nulls so far) or ``other`` (nested or binary: only nulls are counted).
    rows, nulls
        Counts; NaN is no null.
    numbers
        What is not null: float64, int64 or uint64; None for texts.
    texts
        Each text and how often.
    """

    kind: str
    rows: int
    nulls: int
    numbers: NDArray[np.generic] | None = None
    texts: dict[str, int] = attrs.field(factory=dict)


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
    with _translated():
        old, new = _scan(before, names_before), _scan(after, names_after)
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


def schema_of(paths: Sequence[Path], names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Each column and its type in the order of the first file; empty when it is not a readable table."""
    with _translated():
        try:
            table = _scan(paths, names)
            return () if table is None else tuple((n, _spelled(t)) for n, t in table.collect_schema().items())
        except _unreadable():
            return ()


def count_rows(paths: Sequence[Path], names: Sequence[str]) -> int | None:
    """Rows of the table, or None when it is not a readable one.

    Parquet and Arrow files tell it in their metadata; text is streamed.
    """
    import polars as pl

    with _translated():
        try:
            table = _scan(paths, names)
            return None if table is None else int(table.select(pl.len()).collect(engine="streaming").item())
        except _unreadable():
            return None


def is_table(names: Sequence[str]) -> bool:
    """Whether any of the files is in a table format, going by its name."""
    return any(_format(name) for name in names)


def record_batches(paths: Sequence[Path], names: Sequence[str]) -> Iterator[pa.RecordBatch] | None:
    """The rows in small batches, or None when it is not a table.

    Memory stays bounded: parquet is read row group by row group without buffering ahead.

    Raises
    ------
    EnvironmentFault
        ``unreadable-table``.
    """
    with _translated():
        table = _scan(paths, names)
        if table is None:
            return None
        columns = table.collect_schema().names()
    files = [(path, kind) for path, name in zip(paths, names, strict=True) if (kind := _format(name))]
    if all(kind == "parquet" for _, kind in files):
        return _parquet_batches([path for path, _ in files], columns)
    return _other_batches(table)


def cells(column: pa.Array) -> Cells:
    """A column of a batch in the few types that a profile knows.

    Durations and times of day count as numbers, in seconds; decimals as float64.
    """
    import pyarrow as pa

    types, dtype = pa.types, column.type
    if types.is_dictionary(dtype):
        return cells(column.dictionary_decode())
    rows, nulls = len(column), column.null_count
    if types.is_boolean(dtype) or types.is_string(dtype) or types.is_large_string(dtype) or types.is_string_view(dtype):
        return Cells("boolean" if types.is_boolean(dtype) else "text", rows, nulls, None, _counted(column))
    kind, numbers = _numbers(column)
    return Cells(kind, rows, nulls, numbers)


def _numbers(column: pa.Array) -> tuple[str, NDArray[np.generic] | None]:
    """The kind of a column that holds no texts, and what is not null in it."""
    import pyarrow as pa

    types, dtype = pa.types, column.type
    if types.is_date(dtype) or types.is_timestamp(dtype):
        return "instant", _microseconds(column)
    if types.is_time(dtype) or types.is_duration(dtype):
        return "number", _microseconds(column) / 1e6
    if types.is_integer(dtype):
        wide = pa.uint64() if types.is_uint64(dtype) else pa.int64()
        return "integer", column.drop_null().cast(wide).to_numpy(zero_copy_only=False)
    if types.is_floating(dtype) or types.is_decimal(dtype):
        return "number", column.drop_null().cast(pa.float64()).to_numpy(zero_copy_only=False)
    return ("empty" if types.is_null(dtype) else "other"), None


def _microseconds(column: pa.Array) -> NDArray[np.int64]:
    """Whole microseconds, whatever the unit; finer digits are cut off."""
    import numpy as np
    import pyarrow as pa

    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("ms"))
    unit = {"s": 1, "ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}[column.type.unit]
    small = pa.int32() if pa.types.is_time32(column.type) else pa.int64()
    ticks = column.drop_null().view(small).cast(pa.int64()).to_numpy(zero_copy_only=False)
    return np.asarray(ticks // 1000 if unit > 1_000_000 else ticks * (1_000_000 // unit), dtype=np.int64)


def _counted(column: pa.Array) -> dict[str, int]:
    """Each value but null as text, and how often."""
    import pyarrow as pa
    import pyarrow.compute as pc

    counted = pc.value_counts(column.drop_null())
    words, counts = counted.field("values").cast(pa.string()).to_pylist(), counted.field("counts").to_pylist()
    return dict(zip(words, counts, strict=True))


def unknown_column(name: str, known: Iterable[str], where: str = "") -> UsageError:
    """The error for a column that is not there, with the one most like it, or all of them."""
    names = list(known)
    near = nearest(name, names, likeness_ratio=0.5)
    hint = f"Did you mean {near}?" if near else f"The columns are {', '.join(names[:20])}."
    return UsageError("unknown-column", f"There is no column {name}{where}.", hint=hint)


def _format(name: str) -> str | None:
    return FORMATS.get(PurePosixPath(name).suffix.lower())


def _spelled(dtype: pl.DataType) -> str:
    """The type as people read it: ``int64``, ``string``, ``datetime(us, UTC)``."""
    text = str(dtype).lower()
    return text.replace("time_unit=", "").replace("time_zone=", "").replace("'", "").replace(", none", "")


@contextmanager
def _translated() -> Iterator[None]:
    """Errors of polars and pyarrow as ours; those of the disk pass."""
    try:
        yield
    except _unreadable() as error:
        raise EnvironmentFault(
            "unreadable-table",
            "A data file is not what its name says, or is damaged.",
            context=str(error).partition("\n")[0],
            hint="Open the file, or rename it when it is no table; `jupyter mlops verify` checks the cache.",
        ) from error


def _unreadable() -> tuple[type[Exception], ...]:
    import polars as pl
    import pyarrow as pa

    return (pl.exceptions.PolarsError, pa.ArrowInvalid, pa.ArrowNotImplementedError)


def _scan(paths: Sequence[Path], names: Sequence[str]) -> pl.LazyFrame | None:
    """All table files as one lazy table, or None when they are none or of several shapes."""
    import polars as pl

    tables = [_scan_one(path, kind) for path, name in zip(paths, names, strict=True) if (kind := _format(name))]
    if not tables:
        return None
    columns = tables[0].collect_schema().names()
    if any(set(table.collect_schema().names()) != set(columns) for table in tables[1:]):
        return None
    return pl.concat([table.select(columns) for table in tables], how="vertical_relaxed")


def _scan_one(path: Path, kind: str) -> pl.LazyFrame:
    import polars as pl

    if kind in ("csv", "tsv"):
        # The whole column decides on its type: a guess from the first rows breaks on a late "n/a".
        separator = "," if kind == "csv" else "\t"
        return pl.scan_csv(path, separator=separator, infer_schema_length=None, try_parse_dates=True, glob=False)
    if kind == "parquet":
        return pl.scan_parquet(path, glob=False)
    if kind == "ndjson":
        return pl.scan_ndjson(path, infer_schema_length=None)
    with path.open("rb") as handle:
        is_file = handle.read(len(IPC_FILE_MAGIC)) == IPC_FILE_MAGIC
    return pl.scan_ipc(path) if is_file else pl.read_ipc_stream(path).lazy()


def _parquet_batches(paths: Sequence[Path], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq

    with _translated():
        for path in paths:
            with pq.ParquetFile(path, pre_buffer=False) as file:
                for batch in file.iter_batches(BATCH_ROWS):
                    yield batch.select(columns)


def _other_batches(table: pl.LazyFrame) -> Iterator[pa.RecordBatch]:
    with _translated():
        for frame in table.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True):
            yield from frame.to_arrow().to_batches()


def _require_columns(key: Sequence[str], *schemas: Mapping[str, pl.DataType]) -> None:
    for schema in schemas:
        for name in key:
            if name not in schema:
                raise unknown_column(name, schema, " in both versions")


def _changed_columns(old: Mapping[str, pl.DataType], new: Mapping[str, pl.DataType]) -> tuple[ChangedColumn, ...]:
    names = [*old, *(name for name in new if name not in old)]
    pairs = ((name, old.get(name), new.get(name)) for name in names)
    return tuple(
        ChangedColumn(name, None if before is None else _spelled(before), None if after is None else _spelled(after))
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
    old: pl.LazyFrame, new: pl.LazyFrame, schema: tuple[ChangedColumn, ...], key: tuple[str, ...], limit: int
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


def _cells(marked: pl.DataFrame, key: tuple[str, ...], values: Sequence[str], limit: int) -> Iterator[ChangedCell]:
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
            yield ChangedCell(name_of_row, name, scalar(row[f"\0{name}"]), scalar(row[name]))


def _row_name(key: Sequence[str], values: Sequence[Any]) -> str:
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
