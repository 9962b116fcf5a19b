"""Rows taken out of files, the rest untouched."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.profiles.redaction import Subject, without_rows

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=6)
TABLES = st.lists(st.tuples(CELLS, CELLS), max_size=12)
FEW = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


@given(TABLES, st.sampled_from(["a", "", "7", 'x"y', "é"]))
@FEW
def test_what_is_left_of_csv_is_the_same_bytes(tmp_path, rows, value):
    value = value or "a"
    rows = [*rows, (value, "kept or not")]
    lines = []
    for row in [("name", "other"), *rows]:
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(row)
        lines.append(text.getvalue())
    (tmp_path / "a").write_bytes("".join(lines).encode())
    subject = Subject("name", value)
    left = [line for line, row in zip(lines[1:], rows, strict=True) if not subject.owns(row[0])]
    assert without_rows(tmp_path / "a", "a.csv", tmp_path / "b", subject) == len(rows) - len(left)
    assert (tmp_path / "b").read_bytes() == "".join([lines[0], *left]).encode()


def written(path: Path, kind: str) -> Path:
    frame = pl.DataFrame({"id": [1, 2, 2, None], "who": ["Amal", "Omar", " Amal ", None], "x": [0.5, None, 2.0, 3.0]})
    if kind == "parquet":
        pq.write_table(frame.to_arrow(), path, compression="zstd", row_group_size=2)
    elif kind == "feather":
        frame.write_ipc(path)
    elif kind == "arrow":
        with pa.ipc.new_stream(str(path), frame.to_arrow().schema) as stream:
            stream.write_table(frame.to_arrow())
    elif kind == "jsonl":
        frame.write_ndjson(path)
    else:
        frame.write_csv(path, separator="\t")
    return path


@pytest.mark.parametrize("kind", ["parquet", "feather", "arrow", "jsonl", "tsv"])
@pytest.mark.parametrize(
    ("subject", "rows"), [(Subject("who", "Amal"), 2), (Subject("id", "2"), 2), (Subject("x", "3"), 1)]
)
def test_every_format_loses_the_rows_and_nothing_else(tmp_path, kind, subject, rows):
    source = written(tmp_path / f"a.{kind}", kind)
    target = tmp_path / f"b.{kind}"
    assert without_rows(source, source.name, target, subject) == rows
    assert without_rows(target, target.name, tmp_path / "c", subject) == 0
    before, after = read(source), read(target)
    assert len(after) == 4 - rows
    assert [row for row in before if not subject.owns(row[subject.column])] == after


def read(path: Path) -> list[dict[str, object]]:
    readers = {
        ".parquet": pl.read_parquet,
        ".feather": pl.read_ipc,
        ".arrow": pl.read_ipc_stream,
        ".jsonl": pl.read_ndjson,
        ".tsv": lambda file: pl.read_csv(file, separator="\t"),
    }
    return readers[path.suffix](path).to_dicts()


def test_parquet_keeps_its_schema_its_notes_and_its_compression(tmp_path):
    table = pa.table({"id": pa.array([1, 2], pa.uint8())}).replace_schema_metadata({"by": "Sara"})
    pq.write_table(table, tmp_path / "a.parquet", compression="gzip")
    assert without_rows(tmp_path / "a.parquet", "a.parquet", tmp_path / "b.parquet", Subject("id", "1")) == 1
    with pq.ParquetFile(tmp_path / "b.parquet") as left:
        assert left.schema_arrow.field("id").type == pa.uint8()
        assert left.schema_arrow.metadata[b"by"] == b"Sara"
        assert left.metadata.row_group(0).column(0).compression == "GZIP"


@pytest.mark.parametrize(
    ("name", "text"), [("a.txt", "who\nAmal\n"), ("a.csv", "name\nAmal\n"), ("a.csv", ""), ("a.jsonl", '{"a": 1}\n')]
)
def test_what_has_no_such_column_is_left_alone(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert without_rows(tmp_path / name, name, tmp_path / "b", Subject("who", "Amal")) is None
    assert not (tmp_path / "b").exists()


def test_a_field_with_line_ends_and_a_mark_at_the_start_is_understood(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'\xef\xbb\xbf"who",note\r\n"Amal","two\nlines"\r\nOmar,x')
    assert without_rows(tmp_path / "a.csv", "a.csv", tmp_path / "b", Subject("who", "Amal")) == 1
    assert (tmp_path / "b").read_bytes() == b'\xef\xbb\xbf"who",note\r\nOmar,x'


@pytest.mark.parametrize(("cell", "value", "owns"), [
    (17, "17", True), (17.0, "17", True), ("17.0", "17", False), ("017", "17", False), (True, "true", True),
    (None, "", False), (float("nan"), "nan", False), ("Amal", "amal", False), (" Amal", "Amal ", True), (1, "x", False),
])  # fmt: skip
def test_whose_a_row_is(cell, value, owns):
    assert Subject("c", value).owns(cell) is owns


def test_a_damaged_file_is_named_not_skipped(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nonsense PAR1")
    (tmp_path / "a.jsonl").write_text("{nonsense\n")
    for name in ("a.parquet", "a.jsonl"):
        with pytest.raises(EnvironmentFault) as caught:
            without_rows(tmp_path / name, name, tmp_path / "b", Subject("who", "Amal"))
        assert caught.value.reference == "unreadable-table"


def test_the_value_is_in_no_repr():
    assert "Amal" not in repr(Subject("who", "Amal"))
    json.dumps({"subject": repr(Subject("who", "Amal"))})
