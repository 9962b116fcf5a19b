"""Rows taken out of a file: the rest stays as it was, byte for byte where the format is text."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

import attrs

from jupyter_mlops.profiles.tables import FORMATS, translated, unreadable

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 65_536
BOM = b"\xef\xbb\xbf"
SEPARATORS = {"csv": ",", "tsv": "\t"}


@attrs.frozen
class Subject:
    """Whose rows: those whose cell in `column` is `value`.

    Texts are compared without the spaces around them, numbers as numbers, all else as it is written.
    """

    column: str
    value: str = attrs.field(repr=False)

    @property
    def number(self) -> float | None:
        """The value as a number, when it is one."""
        return _number(self.value)

    def owns(self, cell: object) -> bool:
        """Whether a row with this `cell` is the subject's."""
        if cell is None:
            return False
        if isinstance(cell, bool):
            return str(cell).lower() == self.value.lower()
        number = self.number
        if isinstance(cell, int | float):
            return number is not None and float(cell) == number
        text = str(cell).strip()
        return text == self.value.strip() or (number is not None and _number(text) == number)


def _number(text: str) -> float | None:
    with suppress(ValueError):
        return None if math.isnan(found := float(text)) else found
    return None


def without_rows(source: Path, name: str, target: Path, subject: Subject) -> int | None:
    """Write `source` without the rows of `subject` to `target`.

    Parameters
    ----------
    name
        In the dataset: it tells the format.

    Returns
    -------
    int | None
        How many rows were left out; None when it is no table, or has no such column. Unless the number is
        positive, `target` is not written.

    Raises
    ------
    EnvironmentFault
        ``unreadable-table``.
    """
    kind = FORMATS.get(PurePosixPath(name).suffix.lower())
    if kind is None:
        return None
    with translated():
        left_out = WRITERS[kind](source, target, subject)
    if not left_out:
        target.unlink(missing_ok=True)
    return left_out


def _from_csv(separator: str) -> Callable[[Path, Path, Subject], int | None]:
    def write(source: Path, target: Path, subject: Subject) -> int | None:
        with source.open("rb") as reading, target.open("wb") as writing:
            records = _records(reading)
            header = next(records, b"")
            names = _cells(header.removeprefix(BOM), separator)
            if subject.column not in names:
                return None
            place, left_out = names.index(subject.column), 0
            writing.write(header)
            for record in records:
                cells = _cells(record, separator) if _may_name(record, subject) else []
                if place < len(cells) and subject.owns(cells[place]):
                    left_out += 1
                else:
                    writing.write(record)
        return left_out

    return write


def _may_name(record: bytes, subject: Subject) -> bool:
    """Whether it is worth parsing: a text that is not in the record is in none of its cells."""
    return subject.number is not None or subject.value.strip().replace('"', '""').encode() in record


def _cells(record: bytes, separator: str) -> list[str]:
    return next(csv.reader([record.decode("utf-8", "surrogateescape")], delimiter=separator), [])


def _records(reading: IO[bytes]) -> Iterator[bytes]:
    """The records of a CSV file with their line ends; a quoted field may hold line ends of its own."""
    pending = b""
    for line in reading:
        pending += line
        if pending.count(b'"') % 2 == 0:
            yield pending
            pending = b""
    if pending:
        yield pending


def _from_lines(source: Path, target: Path, subject: Subject) -> int | None:
    known, left_out = False, 0
    with source.open("rb") as reading, target.open("wb") as writing:
        for line in reading:
            row = _row(line)
            known = known or subject.column in row
            if subject.owns(row.get(subject.column)):
                left_out += 1
            else:
                writing.write(line)
    return left_out if known else None


def _row(line: bytes) -> dict[str, object]:
    try:
        row = json.loads(line) if line.strip() else {}
    except ValueError as error:
        raise unreadable(error) from error
    return row if isinstance(row, dict) else {}


def _from_parquet(source: Path, target: Path, subject: Subject) -> int | None:
    import pyarrow.parquet as pq

    with pq.ParquetFile(source) as file:
        if subject.column not in file.schema_arrow.names:
            return None
        group = file.metadata.row_group(0) if file.num_row_groups else None
        compression = group.column(0).compression.lower() if group and group.num_columns else "snappy"
        left_out = 0
        with pq.ParquetWriter(
            target, file.schema_arrow, compression="none" if compression == "uncompressed" else compression
        ) as writer:
            for number in range(file.num_row_groups):
                kept: list[pa.RecordBatch] = []
                for batch in file.iter_batches(BATCH_ROWS, row_groups=[number]):
                    rest = list(_rest(batch, subject))
                    left_out += batch.num_rows - sum(part.num_rows for part in rest)
                    kept += rest
                _write_group(writer, kept)
    return left_out


def _write_group(writer: object, batches: list[pa.RecordBatch]) -> None:
    import pyarrow as pa

    if sum(batch.num_rows for batch in batches):
        writer.write_table(pa.Table.from_batches(batches))  # type: ignore[attr-defined]


def _from_arrow(source: Path, target: Path, subject: Subject) -> int | None:
    import pyarrow as pa

    with pa.OSFile(str(source)) as probe:
        is_file = probe.read(6) == b"ARROW1"
    opened, made = (pa.ipc.open_file, pa.ipc.new_file) if is_file else (pa.ipc.open_stream, pa.ipc.new_stream)
    with pa.OSFile(str(source)) as reading:
        batches = opened(reading)
        if subject.column not in batches.schema.names:
            return None
        left_out = 0
        numbered = (batches.get_batch(number) for number in range(batches.num_record_batches)) if is_file else batches
        with made(str(target), batches.schema) as writing:
            for batch in numbered:
                rest = list(_rest(batch, subject))
                left_out += batch.num_rows - sum(part.num_rows for part in rest)
                for part in rest:
                    writing.write_batch(part)
    return left_out


def _rest(batch: pa.RecordBatch, subject: Subject) -> Iterator[pa.RecordBatch]:
    """`batch` without the rows of `subject`; each distinct cell is looked at once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = batch.column(batch.schema.get_field_index(subject.column))
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_nested(column.type):
        yield batch
        return
    coded = pc.dictionary_encode(column)
    own = pa.array([subject.owns(cell) for cell in coded.dictionary.to_pylist()], pa.bool_())
    mine = pc.fill_null(own.take(coded.indices), fill_value=False)
    if not pc.any(mine).as_py():
        yield batch
        return
    try:
        yield batch.filter(pc.invert(mine))
    except pa.ArrowNotImplementedError:  # columns of views cannot be filtered yet, but cut
        yield from _between(batch, pc.indices_nonzero(mine).to_pylist())


def _between(batch: pa.RecordBatch, rows: list[int]) -> Iterator[pa.RecordBatch]:
    """The stretches of `batch` between `rows`, which are sorted."""
    start = 0
    for row in [*rows, batch.num_rows]:
        if row > start:
            yield batch.slice(start, row - start)
        start = row + 1


WRITERS: dict[str, Callable[[Path, Path, Subject], int | None]] = {
    **{kind: _from_csv(separator) for kind, separator in SEPARATORS.items()},
    "ndjson": _from_lines,
    "parquet": _from_parquet,
    "ipc": _from_arrow,
}
