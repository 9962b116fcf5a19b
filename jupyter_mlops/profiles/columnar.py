"""Rows of Parquet and Arrow files: what is kept is copied into new buffers, so that nothing else comes along.

A filtered batch may still carry what was cut out of it: in its dictionaries, in the buffers of views, in
notes of the schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mlops.profiles.notes import clean
from jupyter_mlops.profiles.subjects import Subject
from jupyter_mlops.profiles.tables import IPC_FILE_MAGIC
from jupyter_mlops.profiles.textrows import place_of

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 65_536


def cut_parquet(source: Path, target: Path, subject: Subject) -> int | None:
    """Write the rows that are not of `subject`; how many were left out, None without the column."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(source) as file:
        place = place_of(subject.column, file.schema_arrow.names)
        if place is None:
            return None
        group = file.metadata.row_group(0) if file.num_row_groups else None
        compression = group.column(0).compression.lower() if group and group.num_columns else "snappy"
        compression = "none" if compression == "uncompressed" else compression
        schema, left_out = clean(file.schema_arrow, subject), 0
        with pq.ParquetWriter(target, schema, compression=compression) as writer:
            for number in range(file.num_row_groups):
                rest: list[pa.RecordBatch] = []
                for batch in file.iter_batches(BATCH_ROWS, row_groups=[number]):
                    rest.append(_rest(batch, place, subject))
                    left_out += batch.num_rows - rest[-1].num_rows
                _write_group(writer, rest, schema)
    return left_out


def _write_group(writer: object, batches: list[pa.RecordBatch], schema: pa.Schema) -> None:
    if sum(batch.num_rows for batch in batches):
        writer.write_table(_compact(batches, schema))  # type: ignore[attr-defined]


def cut_arrow(source: Path, target: Path, subject: Subject) -> int | None:
    """Write the rows that are not of `subject`; how many were left out, None without the column."""
    import pyarrow as pa

    with opened_arrow(source) as (schema, batches, is_file):
        place = place_of(subject.column, schema.names)
        if place is None:
            return None
        cleaned, left_out = clean(schema, subject), 0
        whole: list[pa.RecordBatch] = []
        with (pa.ipc.new_file if is_file else pa.ipc.new_stream)(str(target), cleaned) as writing:
            for batch in batches:
                rest = _rest(batch, place, subject)
                left_out += batch.num_rows - rest.num_rows
                if _has_dictionaries(schema):  # a file has one dictionary for all batches: known at the end
                    whole.append(rest)
                elif rest.num_rows:
                    writing.write_table(_compact([rest], cleaned))
            if whole:
                writing.write_table(_compact(whole, cleaned))
    return left_out


@contextmanager
def opened_arrow(source: Path) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch], bool]]:
    """Schema and batches of an Arrow file or stream, and whether it is a file."""
    import pyarrow as pa

    with pa.OSFile(str(source)) as reading:
        is_file = reading.read(len(IPC_FILE_MAGIC)) == IPC_FILE_MAGIC
        reading.seek(0)
        if is_file:
            file = pa.ipc.open_file(reading)
            yield file.schema, (file.get_batch(number) for number in range(file.num_record_batches)), True
        else:
            stream = pa.ipc.open_stream(reading)
            yield stream.schema, iter(stream), False


def _has_dictionaries(schema: pa.Schema) -> bool:
    return any("dictionary<" in str(field.type) for field in schema)


def _rest(batch: pa.RecordBatch, place: int, subject: Subject) -> pa.RecordBatch:
    """`batch` without the rows of `subject`, in buffers of its own; dictionaries are still whole."""
    import pyarrow as pa
    import pyarrow.compute as pc

    keep = pc.invert(mine(batch.column(place), subject))
    columns = [copied(column).filter(keep) for column in batch.columns]
    schema = pa.schema([pa.field(f.name, c.type) for f, c in zip(batch.schema, columns, strict=True)])
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def mine(column: pa.Array, subject: Subject) -> pa.Array:
    """Which rows are of `subject`; each distinct cell is looked at once, where Arrow can tell them apart."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = copied(column)
    if pa.types.is_nested(column.type):
        return pa.array([False] * len(column), pa.bool_())
    try:
        coded = column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)
    except pa.ArrowNotImplementedError:  # short decimals
        return pa.array([_owns(subject, cell, column.type) for cell in column.to_pylist()], pa.bool_())
    own = pa.array([_owns(subject, cell, coded.dictionary.type) for cell in coded.dictionary.to_pylist()], pa.bool_())
    return pc.fill_null(own.take(coded.indices), fill_value=False)


def _owns(subject: Subject, cell: object, dtype: pa.DataType) -> bool:
    import numpy as np
    import pyarrow as pa

    if subject.owns(cell):
        return True
    if not isinstance(cell, float) or pa.types.is_float64(dtype):
        return False
    return subject.owns(float(str((np.float32 if pa.types.is_float32(dtype) else np.float16)(cell))))


def copied(column: pa.Array) -> pa.Array:
    """`column` in a type whose filter copies what it keeps and nothing else."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column.type, pa.BaseExtensionType):
        return copied(column.storage)
    if pa.types.is_run_end_encoded(column.type):
        return copied(pc.run_end_decode(column))
    dtype = column.type
    if pa.types.is_dictionary(dtype):
        return column.cast(pa.dictionary(dtype.index_type, _dense(dtype.value_type), dtype.ordered))
    if "list_view<" in str(dtype):  # cast and filtered, it comes out damaged
        return pa.array(column.to_pylist(), _dense(dtype))
    return column.cast(_dense(dtype))


def _dense(dtype: pa.DataType) -> pa.DataType:
    """`dtype` without views and, within nested types, without dictionaries."""
    import pyarrow as pa

    types = pa.types
    if types.is_string_view(dtype) or types.is_binary_view(dtype):
        return pa.large_string() if types.is_string_view(dtype) else pa.large_binary()
    if types.is_dictionary(dtype):
        return _dense(dtype.value_type)
    if types.is_struct(dtype):
        return pa.struct([field.with_type(_dense(field.type)) for field in dtype])
    if types.is_map(dtype):
        return pa.map_(_dense(dtype.key_type), _dense(dtype.item_type), dtype.keys_sorted)
    return _dense_list(dtype) if types.is_nested(dtype) and hasattr(dtype, "value_field") else dtype


def _dense_list(dtype: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    item = dtype.value_field.with_type(_dense(dtype.value_type))
    if pa.types.is_fixed_size_list(dtype):
        return pa.list_(item, dtype.list_size)
    is_large = pa.types.is_large_list(dtype) or pa.types.is_large_list_view(dtype)
    return pa.large_list(item) if is_large else pa.list_(item)


def _compact(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    """`batches` in the types of `schema`, each dictionary with what is in use and nothing else."""
    import pyarrow as pa

    table = pa.Table.from_batches(batches).unify_dictionaries().combine_chunks()
    columns = [_restored(table.column(at), field.type) for at, field in enumerate(schema)]
    return pa.Table.from_arrays(columns, schema=schema)


def _restored(column: pa.ChunkedArray, dtype: pa.DataType) -> pa.ChunkedArray:
    """`column` in its own type again."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(dtype, pa.BaseExtensionType):
        stored = _restored(column, dtype.storage_type)
        return pa.chunked_array([dtype.wrap_array(chunk) for chunk in stored.chunks], dtype)
    if pa.types.is_run_end_encoded(dtype):
        return pc.run_end_encode(column, run_end_type=dtype.run_end_type)
    if not pa.types.is_dictionary(dtype):
        if column.type.equals(dtype, check_metadata=True):
            return column
        try:
            return column.cast(dtype)
        except pa.ArrowNotImplementedError:  # no kernel: a list of dictionaries is built cell by cell
            return pa.chunked_array([pa.array(column.to_pylist(), dtype)], dtype)
    return pa.chunked_array([_used(chunk, dtype) for chunk in column.chunks], dtype)


def _used(column: pa.DictionaryArray, dtype: pa.DictionaryType) -> pa.DictionaryArray:
    """`column` with the entries of its dictionary that some row has, in their old order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    used = pc.unique(column.indices.drop_null())
    used = used.take(pc.sort_indices(used))
    indices = pc.index_in(column.indices, value_set=used, skip_nulls=True).cast(dtype.index_type)
    entries = column.dictionary.take(used).cast(dtype.value_type)
    return pa.DictionaryArray.from_arrays(indices, entries, ordered=dtype.ordered)
