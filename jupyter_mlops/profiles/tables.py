"""The adapter to polars and pyarrow: tables among data files, their schema, size and rows.

A dataset is a table when it holds at least one file in a table format and all such files have the same
column names; other files beside them (a licence, a picture) are ignored. The format is read off the name
within the dataset, because an object in the cache has no suffix.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import attrs

from jupyter_mlops.errors import EnvironmentFault, UsageError, nearest
from jupyter_mlops.profiles.delimited import scan_delimited

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
SUFFIXES = tuple(FORMATS)
BATCH_ROWS = 65_536
IPC_FILE_MAGIC = b"ARROW1"


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


def schema_of(paths: Sequence[Path], names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Each column and its type in the order of the first file; empty when it is not a readable table."""
    with translated():
        try:
            table = scan(paths, names)
            return () if table is None else tuple((n, spelled(t)) for n, t in table.collect_schema().items())
        except _unreadable():
            return ()


def outline(paths: Sequence[Path], names: Sequence[str]) -> tuple[int | None, dict[str, str]]:
    """Rows of the table, and its columns with their types; None and nothing when it is not a readable one.

    Parquet and Arrow files tell it in their metadata; text is streamed.
    """
    import polars as pl

    with translated():
        try:
            table = scan(paths, names)
            if table is None:
                return None, {}
            columns = {name: spelled(dtype) for name, dtype in table.collect_schema().items()}
            return int(table.select(pl.len()).collect(engine="streaming").item()), columns
        except _unreadable():
            return None, {}


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
    with translated():
        table = scan(paths, names)
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
    if not name.lower().endswith(SUFFIXES):
        return None  # most of a hundred thousand files: a path object for each would take a second
    return FORMATS.get(PurePosixPath(name).suffix.lower())


def spelled(dtype: pl.DataType) -> str:
    """The type as people read it: ``int64``, ``string``, ``datetime(us, UTC)``."""
    text = str(dtype).lower()
    return text.replace("time_unit=", "").replace("time_zone=", "").replace("'", "").replace(", none", "")


@contextmanager
def translated() -> Iterator[None]:
    """Errors of polars and pyarrow as ours; those of the disk pass."""
    try:
        yield
    except _unreadable() as error:
        raise unreadable(error) from error


def unreadable(error: Exception) -> EnvironmentFault:
    """The error for a file that is no sound table, as `error` says."""
    return EnvironmentFault(
        "unreadable-table",
        "A data file is not what its name says, or is damaged.",
        context=str(error).partition("\n")[0],
        hint="Open the file, or rename it when it is no table; `jupyter mlops verify` checks the cache.",
    )


def _unreadable() -> tuple[type[Exception], ...]:
    import polars as pl
    import pyarrow as pa

    return (pl.exceptions.PolarsError, pa.ArrowInvalid, pa.ArrowNotImplementedError)


def scan(paths: Sequence[Path], names: Sequence[str]) -> pl.LazyFrame | None:
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
        return scan_delimited(path, "," if kind == "csv" else "\t")
    if kind == "parquet":
        return pl.scan_parquet(path, glob=False)
    if kind == "ndjson":
        return pl.scan_ndjson(path, infer_schema_length=None)
    with path.open("rb") as handle:
        is_file = handle.read(len(IPC_FILE_MAGIC)) == IPC_FILE_MAGIC
    return pl.scan_ipc(path) if is_file else pl.read_ipc_stream(path).lazy()


def _parquet_batches(paths: Sequence[Path], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq

    with translated():
        for path in paths:
            with pq.ParquetFile(path, pre_buffer=False) as file:
                for batch in file.iter_batches(BATCH_ROWS):
                    yield batch.select(columns)


def _other_batches(table: pl.LazyFrame) -> Iterator[pa.RecordBatch]:
    with translated():
        for frame in table.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True):
            yield from frame.to_arrow().to_batches()
