"""Rows of Arrow and Parquet files go whatever the column is, and nothing of them stays in any corner of the file."""

from __future__ import annotations

import base64
import datetime as dt
import uuid
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_mlops.profiles.redaction import Subject, doubts, without_rows

WHO, SECRET = "omar.farouq.al.hashimi@example.ae", "what-only-omar-has"
ID, OTHER = uuid.UUID("f46fb990-dc47-4b4b-b0ba-e6e02a680ac2"), uuid.UUID(int=7)
MOMENT, PAST = dt.datetime(2026, 5, 1, 10, 30), dt.datetime(2020, 1, 1)  # noqa: DTZ001 (columns without a zone)
SHAPES = {
    "string": pa.string(), "large_string": pa.large_string(), "string_view": pa.string_view(),
    "dictionary": pa.dictionary(pa.int16(), pa.string()), "json": pa.json_(), "binary": pa.binary(),
    "large_binary": pa.large_binary(), "binary_view": pa.binary_view(), "binary dictionary": pa.dictionary(pa.int8(), pa.binary()),
    "large dictionary": pa.dictionary(pa.int64(), pa.large_string()), "runs": pa.run_end_encoded(pa.int32(), pa.string()),
}  # fmt: skip


def written(path: Path, table: pa.Table, rows: int = 2) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=rows, compression="none")
        return path
    making = pa.ipc.new_file if path.suffix == ".feather" else pa.ipc.new_stream
    with making(str(path), table.schema) as writing:
        writing.write_table(table, max_chunksize=None if path.suffix == ".feather" else rows)
    return path


def read(path: Path) -> pa.Table:
    if path.suffix == ".parquet":
        return pq.read_table(path)
    opened = pa.ipc.open_file if path.suffix == ".feather" else pa.ipc.open_stream
    return opened(path.read_bytes()).read_all()


def spelled(text: str) -> list[bytes]:
    return [text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be")]


def column(kind: str, cells: list[str | None]) -> pa.Array:
    dtype = SHAPES[kind]
    if kind == "runs":
        return pa.RunEndEncodedArray.from_arrays(
            pa.array(range(1, len(cells) + 1), pa.int32()), pa.array(cells, pa.string())
        )
    if kind == "json":
        return pa.ExtensionArray.from_storage(dtype, pa.array(cells, pa.string()))
    if "binary" in kind:
        plain = pa.array([cell and cell.encode() for cell in cells], pa.binary())
        return plain.dictionary_encode().cast(dtype) if "dictionary" in kind else plain.cast(dtype)
    return (
        pa.array(cells, pa.string()).dictionary_encode().cast(dtype) if "dictionary" in kind else pa.array(cells, dtype)
    )


def nested(kind: str, cells: list[str | None]) -> pa.Array:
    """The cells once more, within lists, structs, maps and lists of structs, with notes on every level."""
    note = {"of": WHO, "by": "Sara"}
    leaf = pa.field("leaf", pa.string(), metadata=note)
    values = {
        "list": ([[cell] for cell in cells], pa.list_(leaf)),
        "large_list": ([[cell] for cell in cells], pa.large_list(leaf)),
        "fixed list": ([[cell] for cell in cells], pa.list_(leaf, 1)),
        "struct": ([{"leaf": cell} for cell in cells], pa.struct([leaf])),
        "map": ([[("k", cell)] for cell in cells], pa.map_(pa.string(), leaf)),
        "lists of structs": ([[{"leaf": cell}] for cell in cells], pa.list_(pa.field("item", pa.struct([leaf]), metadata=note))),
        "ids": ([[ID.bytes if cell == SECRET else OTHER.bytes] for cell in cells], pa.list_(pa.field("id", pa.binary(16), metadata=note))),
    }  # fmt: skip
    return pa.array(*values[kind])


@given(
    kind=st.sampled_from(sorted(SHAPES)),
    inner=st.sampled_from(["list", "large_list", "fixed list", "struct", "map", "lists of structs", "ids"]),
    ending=st.sampled_from([".parquet", ".feather", ".arrow"]),
    cells=st.lists(st.sampled_from([WHO, "sara", "", None]), min_size=1, max_size=9),
    rows=st.integers(1, 4),
)
@settings(max_examples=120, deadline=None)
def test_nothing_of_the_person_is_left_in_the_file(tmp_path_factory, kind, inner, ending, cells, rows):
    if ending == ".parquet" and kind == "runs":
        return  # no such parquet
    folder = tmp_path_factory.mktemp("types")
    secrets = [SECRET if cell == WHO else "public" for cell in cells]
    note = {"of": f"made for {WHO.upper()}", "wide": WHO.encode("utf-16-le"), "by": "Sara"}
    schema = pa.schema(
        [
            pa.field("who", SHAPES[kind], metadata=note),
            pa.field("n", nested(inner, secrets).type),
            pa.field("m", pa.int64()),
        ],
        metadata=note,
    )
    table = pa.Table.from_arrays(
        [column(kind, cells), nested(inner, secrets), pa.array(range(len(cells)))], schema=schema
    )
    source = written(folder / f"a{ending}", table, rows)
    count = cells.count(WHO)
    assert (without_rows(source, source.name, folder / f"b{ending}", Subject("who", WHO)) or 0) == count
    if not count:
        return
    left = (folder / f"b{ending}").read_bytes()
    hidden = b"".join(base64.b64decode(each) for each in schemas(folder / f"b{ending}"))
    for form in (*spelled(WHO), *spelled(SECRET), WHO.upper().encode(), ID.bytes):
        assert form not in left + hidden
    assert b"Sara" in left + hidden
    after, before = read(folder / f"b{ending}"), read(source)
    assert after.schema.equals(before.schema)
    assert after.to_pylist() == [row for row, cell in zip(before.to_pylist(), cells, strict=True) if cell != WHO]


def schemas(path: Path) -> list[bytes]:
    """Schemas of Arrow that a parquet file carries, in base64."""
    return [(pq.read_metadata(path).metadata or {}).get(b"ARROW:schema", b"")] if path.suffix == ".parquet" else []


LOGICAL = {
    "uuid": (pa.uuid(), [ID.bytes, OTHER.bytes], str(ID)),
    "uuid in capitals": (pa.uuid(), [ID.bytes, OTHER.bytes], f"{{{str(ID).upper()}}}"),
    "uuid as bytes": (pa.binary(16), [ID.bytes, OTHER.bytes], str(ID)),
    "bytes as digits": (pa.binary(), [b"\x00\xff", b"x"], "00ff"),
    "decimal": (pa.decimal128(10, 2), [Decimal("1.50"), Decimal(2)], "1.5"),
    "long decimal": (pa.decimal256(60, 2), [Decimal("1.50"), Decimal(2)], "1.5"),
    "short decimal": (pa.decimal32(5, 2), [Decimal("1.50"), Decimal(2)], "1.5"),
    "middle decimal": (pa.decimal64(9, 2), [Decimal("1.50"), Decimal(2)], "1.5"),
    "moment": (pa.timestamp("us"), [MOMENT, PAST], "2026-05-01 10:30:00"),
    "moment of iso": (pa.timestamp("ms"), [MOMENT, PAST], "2026-05-01T10:30"),
    "fine moment": (pa.timestamp("ns"), [MOMENT, PAST], "2026-05-01T10:30:00"),
    "moment in a zone": (pa.timestamp("us", "Asia/Dubai"), [MOMENT, PAST], "2026-05-01T10:30:00Z"),
    "clock of a zone": (pa.timestamp("us", "Asia/Dubai"), [MOMENT, PAST], "2026-05-01 14:30"),
    "day": (pa.date32(), [MOMENT.date(), PAST.date()], "2026-05-01"),
    "time": (pa.time64("us"), [MOMENT.time(), PAST.time()], "10:30:00"),
    "duration": (pa.duration("s"), [dt.timedelta(1), dt.timedelta(2)], "1 day, 0:00:00"),
    "large number": (pa.uint64(), [2**64 - 1, 2], str(2**64 - 1)),
    "half": (pa.float16(), [1.5, 2.0], "1.5"),
    "truth": (pa.bool_(), [True, False], "TRUE"),
    "numbers in a dictionary": (pa.dictionary(pa.int8(), pa.int64()), [17, 18], "17"),
}


@pytest.mark.parametrize("ending", [".parquet", ".feather", ".arrow"])
@pytest.mark.parametrize("name", LOGICAL)
def test_a_row_is_found_by_a_column_of_any_type(tmp_path, name, ending):
    dtype, cells, value = LOGICAL[name]
    stored = pa.array([*cells, None], dtype.storage_type if isinstance(dtype, pa.BaseExtensionType) else dtype)
    array = dtype.wrap_array(stored) if isinstance(dtype, pa.BaseExtensionType) else stored
    source = written(tmp_path / f"a{ending}", pa.table({"who": array}))
    before = read(source)
    assert without_rows(source, source.name, tmp_path / f"b{ending}", Subject("who", value)) == 1
    after = read(tmp_path / f"b{ending}")
    assert (after.schema, after.to_pylist()) == (before.schema, before.slice(1).to_pylist())
    assert not any(value in doubt for doubt in doubts(source, source.name, Subject("who", value)))
    assert not without_rows(source, source.name, tmp_path / f"c{ending}", Subject("who", "nobody"))


def test_what_pandas_wrote_keeps_the_index_and_loses_the_words(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"who": [WHO, "sara"]}, index=pd.Index([5, 6], name="row"))
    frame.attrs = {"of": WHO}
    frame.to_parquet(tmp_path / "a.parquet")
    without_rows(tmp_path / "a.parquet", "a.parquet", tmp_path / "b.parquet", Subject("who", WHO))
    left = pd.read_parquet(tmp_path / "b.parquet")
    assert (left.index.tolist(), left.index.name, left.attrs) == ([6], "row", {})
    assert WHO.encode() not in (tmp_path / "b.parquet").read_bytes()


def test_a_number_is_no_part_of_another_in_notes(tmp_path):
    table = pa.table({"id": [17, 18]}).replace_schema_metadata({"year": "2017", "of": "17"})
    without_rows(written(tmp_path / "a.parquet", table), "a.parquet", tmp_path / "b.parquet", Subject("id", "17"))
    assert pq.read_schema(tmp_path / "b.parquet").metadata == {b"year": b"2017"}


def test_a_field_within_a_column_that_is_named_like_the_person_is_told(tmp_path):
    table = pa.table({"who": [WHO], "n": pa.array([{WHO: 1}])})
    said = doubts(written(tmp_path / "a.parquet", table), "a.parquet", Subject("who", WHO))
    assert any("named like the text" in doubt for doubt in said)
