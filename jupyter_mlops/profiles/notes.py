"""Notes that Arrow schemas carry, cleaned of a person: of the table, of each column, of whatever is nested in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from jupyter_mlops.profiles.subjects import Subject

if TYPE_CHECKING:
    import pyarrow as pa


def clean(schema: pa.Schema, subject: Subject) -> pa.Schema:
    """`schema` without the notes that hold the value of `subject`."""
    import pyarrow as pa

    held = _pattern(subject)
    fields = [_clean_field(field, held) for field in schema]
    named = any(held.search(name.encode()) for name in names_in(schema))
    return pa.schema(fields, metadata=_clean_notes(schema.metadata, held, is_named=named))


def names_in(schema: pa.Schema) -> Iterator[str]:
    """The names of all fields, nested ones included."""
    for field in schema:
        yield from _names(field)


def _names(field: pa.Field) -> Iterator[str]:
    yield field.name
    for each in _inner(field.type):
        yield from _names(each)


def _inner(dtype: pa.DataType) -> list[pa.Field]:
    """The fields within a nested type."""
    import pyarrow as pa

    if pa.types.is_nested(dtype) and not pa.types.is_run_end_encoded(dtype):
        return [dtype.field(at) for at in range(dtype.num_fields)]
    return []


def _clean_field(field: pa.Field, held: re.Pattern[bytes]) -> pa.Field:
    field = field.with_metadata(_clean_notes(field.metadata, held, is_named=False))
    return field.with_type(_clean_type(field.type, held)) if _inner(field.type) else field


def _clean_type(dtype: pa.DataType, held: re.Pattern[bytes]) -> pa.DataType:
    """A nested type, its fields cleaned."""
    import pyarrow as pa

    types, fields = pa.types, [_clean_field(field, held) for field in _inner(dtype)]
    if types.is_struct(dtype):
        return pa.struct(fields)
    if types.is_map(dtype):
        return pa.map_(_clean_field(dtype.key_field, held), _clean_field(dtype.item_field, held), dtype.keys_sorted)
    if types.is_union(dtype):
        return pa.union(fields, dtype.mode, dtype.type_codes)
    if types.is_fixed_size_list(dtype):
        return pa.list_(fields[0], dtype.list_size)
    makers = {
        types.is_large_list: pa.large_list,
        types.is_list_view: pa.list_view,
        types.is_large_list_view: pa.large_list_view,
    }
    return next((make for check, make in makers.items() if check(dtype)), pa.list_)(fields[0])


def _pattern(subject: Subject) -> re.Pattern[bytes]:
    """Finds the value as text, as JSON escapes it, and in UTF-16; a number only where it stands alone."""
    plain, escaped = subject.text.encode("utf-8", "surrogateescape"), json.dumps(subject.text)[1:-1].encode()
    text = re.escape(plain)
    spelled = [rb"(?<![0-9.])" + text + rb"(?![0-9.])" if subject.number is not None else text]
    others = [subject.text.encode(code, "surrogatepass") for code in ("utf-16-le", "utf-16-be")]
    others += [escaped] if escaped != plain else []
    return re.compile(b"|".join([*spelled, *map(re.escape, others)]), re.IGNORECASE)


def _clean_notes(
    notes: dict[bytes, bytes] | None, held: re.Pattern[bytes], *, is_named: bool
) -> dict[bytes, bytes] | None:
    """`notes` but those that hold it; `is_named`: a column is named so, which what pandas wrote repeats."""
    if not notes:
        return notes
    left = {name: note for name, note in notes.items() if not held.search(name + b"\n" + note)}
    if b"pandas" in notes.keys() - left.keys():
        note = _without_attributes(notes[b"pandas"])
        left |= {b"pandas": note} if is_named or not held.search(note) else {}
    return left


def _without_attributes(note: bytes) -> bytes:
    """What pandas wrote about its columns, without what people wrote: its words must not drop an index."""
    try:
        said = json.loads(note)
    except ValueError:
        return b"{}"
    return json.dumps({**said, "attributes": {}} if isinstance(said, dict) else {}).encode()
