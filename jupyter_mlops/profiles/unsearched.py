"""What an erasure could not look into, or might have missed: said in words, without the value."""

from __future__ import annotations

import codecs
import mmap
import os
import re
import unicodedata
from collections.abc import Collection, Iterator
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.profiles.columnar import BATCH_ROWS, copied, opened_arrow
from jupyter_mlops.profiles.notes import names_in
from jupyter_mlops.profiles.subjects import Subject
from jupyter_mlops.profiles.tables import FORMATS, translated
from jupyter_mlops.profiles.textrows import (
    SEPARATORS,
    cut_delimited,
    cut_lines,
    ends_quoted,
    header_cells,
    pairs,
    records,
)

if TYPE_CHECKING:
    import pyarrow as pa

PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf\x27\x1c")
PACKED_SUFFIXES = (".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".tgz", ".xlsx", ".ods")
BLOCK_BYTES = 1 << 22
SAMPLED_LINES = 1_000


def doubts(source: Path, name: str, subject: Subject) -> tuple[str, ...]:
    """Why a file could not be looked into, or might still hold the value, as predicates of the file.

    Parameters
    ----------
    source
        The file as it is before its rows are left out.
    name
        In the dataset: it tells the format.

    Returns
    -------
    tuple[str, ...]
        Such as ``is compressed: nobody looked inside``; empty when there is no doubt.
    """
    try:
        with translated():
            return tuple(dict.fromkeys(_doubts(source, PurePosixPath(name).suffix.lower(), subject)))
    except MlopsError:
        return ("could not be read as the table that its name says",)


def _doubts(source: Path, suffix: str, subject: Subject) -> Iterator[str]:
    kind = FORMATS.get(suffix)
    with source.open("rb") as reading:
        head = reading.read(8)
    if (suffix in PACKED_SUFFIXES and not kind) or head.startswith(PACKED):
        yield "is compressed: nobody looked inside"
    elif kind in ("parquet", "ipc"):
        yield from _columnar(source, kind, subject)
    else:
        encoded = _is_utf8(source)
        if not encoded:
            yield "is not UTF-8 text: " + ("its cells may be misread" if kind else "nobody looked inside")
        if kind and encoded:
            yield from _about_columns(_text_columns(source, kind), subject)
            if kind == "ndjson" and _nests(source, subject):
                yield f"has nested cells in {subject.column}: they were not compared"
        yield from _spelled(source, kind, subject, is_utf8=encoded)


def _columnar(source: Path, kind: str, subject: Subject) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if kind == "parquet":
        schema = pq.read_schema(source)
    else:
        with opened_arrow(source) as (schema, _, _):
            pass
    yield from _about_columns(schema.names, subject, set(names_in(schema)))
    if subject.column not in schema.names or schema.names.count(subject.column) > 1:
        return
    inner = _stored_type(schema.field(subject.column).type)
    if pa.types.is_nested(inner):
        yield f"has nested cells in {subject.column}: they were not compared"
    elif "binary" in str(inner):
        yield f"has binary cells in {subject.column}: they were compared as UTF-8, hexadecimal and UUID only"
    elif "string" in str(inner) and any(_is_like(cell, subject) for cell in _distinct(source, kind, subject.column)):
        yield f"has the text in another spelling in {subject.column}"


def _stored_type(dtype: pa.DataType) -> pa.DataType:
    """The type of the cells, however they are encoded."""
    import pyarrow as pa

    if isinstance(dtype, pa.BaseExtensionType):
        return _stored_type(dtype.storage_type)
    is_coded = pa.types.is_dictionary(dtype) or pa.types.is_run_end_encoded(dtype)
    return _stored_type(dtype.value_type) if is_coded else dtype


def _distinct(source: Path, kind: str, column: str) -> Iterator[object]:
    """The cells of a column, each at least once."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if kind == "parquet":
        with pq.ParquetFile(source) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=[column]):
                yield from pc.unique(_decoded(batch.column(0))).to_pylist()
        return
    with opened_arrow(source) as (schema, batches, _):
        for batch in batches:
            yield from pc.unique(_decoded(batch.column(schema.get_field_index(column)))).to_pylist()


def _decoded(column: pa.Array) -> pa.Array:
    import pyarrow as pa

    column = copied(column)
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _about_columns(names: list[str], subject: Subject, nested: Collection[str] = ()) -> Iterator[str]:
    """Doubts that the names of the columns raise, and those of what is `nested` in them."""
    if subject.column not in names:
        near = [name for name in names if _folded(name) == _folded(subject.column)]
        if near:
            yield f"has no column {subject.column}, but {', '.join(near)}"
    if any(_folded(name) == _folded(subject.text) for name in {*names, *nested}):
        yield "has a column that is named like the text"


def _text_columns(source: Path, kind: str) -> list[str]:
    with source.open("rb") as reading:
        if kind in SEPARATORS:
            return header_cells(next(records(reading, SEPARATORS[kind]), b""), SEPARATORS[kind])
        return list(dict.fromkeys(name for line in islice(reading, SAMPLED_LINES) for name, _ in pairs(line)))


def _nests(source: Path, subject: Subject) -> bool:
    """Whether the first lines have objects or lists where the value is looked for."""
    with source.open("rb") as reading:
        cells = chain.from_iterable(pairs(line) for line in islice(reading, SAMPLED_LINES))
        return any(name == subject.column and isinstance(cell, tuple | list) for name, cell in cells)


def _spelled(source: Path, kind: str | None, subject: Subject, *, is_utf8: bool) -> Iterator[str]:
    """Doubts that the bytes raise."""
    exact = _encoded(subject.text, "utf-8")
    with source.open("rb") as reading:
        if not os.fstat(reading.fileno()).st_size:
            return
        with mmap.mmap(reading.fileno(), 0, access=mmap.ACCESS_READ) as held:
            others = [each for each in _spellings(subject.text, is_utf8=is_utf8) if held.find(each) >= 0]
            is_there = _stands_in(held, exact)
    if is_there and kind in SEPARATORS:
        with source.open("rb") as reading:
            if ends_quoted(reading, SEPARATORS[kind]):
                yield "has a quote that is never closed: what follows it was read as one cell"
    if others:
        yield "holds the text in another spelling (case, accents or encoding)"
    if is_there and (kind is None or not is_utf8 or not _matches(source, kind, subject)):
        yield "holds the text, though in no row that the column tells"


def _stands_in(held: mmap.mmap, text: bytes) -> bool:
    """Whether `text` is there as a word: 17 is not in 2017."""
    start = held.find(text)
    word = re.compile(rb"(?<![0-9A-Za-z])" + re.escape(text) + rb"(?![0-9A-Za-z])")
    return start >= 0 and word.search(held, max(start - 1, 0)) is not None


def _spellings(text: str, *, is_utf8: bool) -> set[bytes]:
    """`text` as others may have written it; what is the same in every spelling is not among them."""
    cases = {text, text.casefold(), text.lower(), text.upper(), text.title(), text.capitalize()}
    written = {unicodedata.normalize(form, case) for case in cases for form in ("NFC", "NFD")}
    codes = ("utf-8",) if is_utf8 else ("utf-8", "utf-16-le", "utf-16-be", "latin-1", "cp1256")
    found = {each for one in written for code in codes if (each := _encoded(one, code))}
    return found - {_encoded(text, "utf-8")}


def _encoded(text: str, code: str) -> bytes:
    try:
        return text.encode(code, "surrogateescape" if code == "utf-8" else "strict")
    except UnicodeEncodeError:
        return b""


def _is_utf8(source: Path) -> bool:
    """Whether it is text, and in UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with source.open("rb") as reading:
        try:
            for block in iter(lambda: reading.read(BLOCK_BYTES), b""):
                if b"\0" in block:
                    return False
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _matches(source: Path, kind: str, subject: Subject) -> bool:
    """Whether any row is of `subject`."""
    nowhere = Path(os.devnull)
    if kind in SEPARATORS:
        return bool(cut_delimited(SEPARATORS[kind], source, nowhere, subject))
    return bool(cut_lines(source, nowhere, subject))


def _is_like(cell: object, subject: Subject) -> bool:
    """Whether a cell that is not of `subject` says the same in another spelling."""
    return isinstance(cell, str) and _folded(cell) == _folded(subject.text) and not subject.owns(cell)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKD", text).casefold()).strip()
