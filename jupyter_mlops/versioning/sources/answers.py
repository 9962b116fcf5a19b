"""Batches of rows written as one table: it need not fit into memory, and its types may be known only at the end."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mlops.records import Progress, Step, silent
from jupyter_mlops.versioning.sources.tabular import write

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

NUMBER = r"^-?\d{1,28}(\.\d{1,9})?$"
SCALE = 9
COMPRESSION = "lz4"
GROUP_ROWS = 1 << 16
MOST_BYTES = 1 << 28
"""Rows are written in groups of one number, so that equal rows give equal bytes; of rows that are huge, sooner."""


def write_batches(batches: Iterable[pa.RecordBatch], target: Path, progress: Progress = silent) -> None:
    """Write `batches`, of which there is at least one, to `target` as its ending says.

    The types of a column may differ from batch to batch where one holds the other: nothing but nulls, or whole
    numbers beside floating-point ones. ``numeric`` of PostgreSQL becomes a decimal where all of them fit, else text.

    Raises
    ------
    ValueError
        Two columns have one name, or one holds what cannot stand in one column.
    """
    parts = _Parts(target.with_name(f"{target.name}.parts"))
    try:
        rows = 0
        for batch in batches:
            parts.add(batch)
            rows += batch.num_rows
            progress(Step("write rows", rows, None, "rows"))
        parts.close()
        write(parts.whole(), target, target.suffix.lower())
    finally:
        parts.close()
        shutil.rmtree(parts.folder, ignore_errors=True)


class _Parts:
    """The rows so far: a file for every run of batches of the same types.

    Parameters
    ----------
    folder
        Where they are put; it is made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths: list[Path] = []
        self._schemas: list[pa.Schema] = []
        self._writer: Any = None
        self._waiting: list[pa.RecordBatch] = []
        self._numeric: dict[str, bool] = {}
        folder.mkdir(mode=0o700)

    def add(self, batch: pa.RecordBatch) -> None:
        """Write one more batch."""
        import pyarrow.parquet as pq

        batch = self._plain(batch)
        if self._schemas and batch.schema.names == self._schemas[-1].names:
            batch = _aligned(batch, self._schemas[-1])
        if not self._schemas or batch.schema != self._schemas[-1]:
            _require_distinct(batch.schema.names)
            self.close()
            self._schemas.append(batch.schema)
            self.paths.append(self.folder / f"{len(self.paths)}.parquet")
            self._writer = pq.ParquetWriter(self.paths[-1], batch.schema, compression=COMPRESSION)
        self._waiting.append(batch)
        if sum(one.num_rows for one in self._waiting) >= GROUP_ROWS or _bytes(self._waiting) >= MOST_BYTES:
            self._write()

    def _write(self, *, to_the_end: bool = False) -> None:
        """Write what waits; rows beyond full groups go on waiting, unless they are few and huge or the last."""
        import pyarrow as pa

        table = pa.Table.from_batches(self._waiting)
        number = table.num_rows - table.num_rows % GROUP_ROWS
        if to_the_end or not number:
            number = table.num_rows
        self._writer.write_table(table.slice(0, number), row_group_size=GROUP_ROWS)
        self._waiting = table.slice(number).combine_chunks().to_batches()

    def close(self) -> None:
        """Finish the part that is being written."""
        if self._writer is not None:
            if self._waiting:
                self._write(to_the_end=True)
            self._writer.close()
            self._writer = None

    def _plain(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """`batch` without types that only its driver knows."""
        import pyarrow as pa

        names = batch.schema.names
        for name, column in zip(names, batch.columns, strict=True):
            if getattr(column.type, "type_name", "") == "numeric":
                self._numeric[name] = self._numeric.get(name, True) and _are_decimals(column.storage)
        return pa.RecordBatch.from_arrays(list(map(_stored, batch.columns)), names=names)

    def whole(self) -> pl.LazyFrame:
        """All rows, in one type a column; read piece by piece."""
        import polars as pl

        frames = [pl.scan_parquet(path) for path in self.paths]
        wide = [name for name in self._schemas[0].names if _is_mixed(name, [one.field(name) for one in self._schemas])]
        decimals = [pl.col(name).str.to_decimal(scale=SCALE) for name, fits in self._numeric.items() if fits]
        cast = [frame.with_columns(pl.col(wide).cast(pl.Float64)) if wide else frame for frame in frames]
        return pl.concat(cast, how="vertical_relaxed").with_columns(decimals)


def _bytes(batches: Iterable[pa.RecordBatch]) -> int:
    return sum(batch.nbytes for batch in batches)


def _aligned(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """`batch` in the types of `schema` where these hold its own: so few parts are begun, however types alternate."""
    import pyarrow as pa

    narrow = {(pa.null(), field.type) for field in schema} | {(pa.int64(), pa.float64())}
    columns = [
        column.cast(field.type) if (column.type, field.type) in narrow else column
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, names=schema.names)


def _stored(column: pa.Array) -> pa.Array:
    """`column` in a type that every reader knows; a UUID as it is written."""
    import pyarrow as pa

    if not isinstance(column.type, pa.BaseExtensionType):
        return column
    storage = column.storage
    if "uuid" not in {column.type.extension_name.rpartition(".")[2], getattr(column.type, "type_name", "")}:
        return storage
    return pa.array([cell and str(uuid.UUID(bytes=cell)) for cell in storage.to_pylist()], pa.string())


def _is_mixed(name: str, fields: Sequence[pa.Field]) -> bool:
    """Whether a column holds whole numbers and floating-point ones."""
    import pyarrow as pa

    found = {field.type for field in fields} - {pa.null()}
    if len(found) <= 1:
        return False
    if found <= {pa.int64(), pa.float64()}:
        return True
    raise ValueError(f"The column {name} holds values of different types: {', '.join(sorted(map(str, found)))}.")


def _require_distinct(names: Sequence[str]) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"More than one column is named {', '.join(twice)}.")


def _are_decimals(texts: pa.Array) -> bool:
    """Whether every number fits a decimal of 38 digits."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_text = pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)
    return is_text and pc.all(pc.match_substring_regex(texts, NUMBER), min_count=0).as_py() is not False
