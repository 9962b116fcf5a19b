"""Rows taken out of files, the rest untouched."""

from __future__ import annotations

import csv
import io
import json
import time
import unicodedata
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.profiles.redaction import Subject, doubts, without_rows

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
    left = [line for line, row in zip(lines[1:], rows, strict=True) if not subject.owns_written(row[0])]
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


WHO, SECRET = "amal.al.mansoori@example.ae", "Secret-of-amal-and-of-nobody-else"


@given(st.integers(10**15, 2**63 - 10), st.sets(st.integers(0, 9), min_size=2), st.data())
@FEW
def test_neighbouring_ids_are_not_the_same_person(tmp_path, base, steps, data):
    ids = [base + step for step in sorted(steps)]
    erased = data.draw(st.sampled_from(ids))
    frame = pl.DataFrame({"id": ids})
    for kind, write in {"csv": frame.write_csv, "parquet": frame.write_parquet, "jsonl": frame.write_ndjson}.items():
        write(tmp_path / "a")
        assert without_rows(tmp_path / "a", f"a.{kind}", tmp_path / "b", Subject("id", str(erased))) == 1
        assert str(erased) not in (tmp_path / "b").read_text("latin-1")


SPELLED = st.sampled_from(
    ["1234", "01234", "1.234e3", "1_234", "+1234", "1234.0", " 1234 ", "inf", "Infinity", "1e400"]
)


@given(st.lists(SPELLED, min_size=1), SPELLED)
@FEW
def test_a_text_is_what_is_written(tmp_path, cells, value):
    pq.write_table(pa.table({"zip": cells}), tmp_path / "a")
    alike = [cell for cell in cells if cell.strip() == value.strip()]
    assert (without_rows(tmp_path / "a", "a.parquet", tmp_path / "b", Subject("zip", value)) or 0) == len(alike)


def test_plain_numbers_of_csv_are_equal_and_no_others(tmp_path):
    (tmp_path / "a").write_text("id\n1234\n1234.00\n01234\n1.234e3\n1_234\nInfinity\n")
    assert without_rows(tmp_path / "a", "a.csv", tmp_path / "b", Subject("id", "1234.0")) == 2
    assert without_rows(tmp_path / "a", "a.csv", tmp_path / "b", Subject("id", "inf")) == 0


def test_a_number_of_any_length_is_compared(tmp_path):
    (tmp_path / "a").write_text(f'{{"id": {"9" * 5000}}}\n{{"id": {"9" * 400}}}\n{{"id": Infinity}}\n')
    assert without_rows(tmp_path / "a", "a.jsonl", tmp_path / "b", Subject("id", "9" * 400)) == 1


def test_a_narrow_float_is_also_what_it_prints(tmp_path):
    pq.write_table(pa.table({"x": pa.array([0.1, 0.5], pa.float32())}), tmp_path / "a")
    assert without_rows(tmp_path / "a", "a.parquet", tmp_path / "b", Subject("x", "0.1")) == 1


def people() -> pl.DataFrame:
    who = [WHO, "omar", None, "omar"]
    return pl.DataFrame({"who": who, "note": [SECRET, "b" * 30, None, "c"], "l": [[SECRET], ["d" * 20], None, []]})


@pytest.mark.parametrize("kind", ["feather", "parquet"])
@pytest.mark.parametrize("dtype", [pl.String, pl.Categorical, pl.Enum(["omar", WHO])])
def test_nothing_of_the_person_stays_in_the_bytes(tmp_path, kind, dtype):
    frame = people().with_columns(pl.col("who").cast(dtype), other=pl.col("note").cast(pl.Categorical))
    if kind == "feather":
        frame.write_ipc(tmp_path / "a")
    else:
        frame.write_parquet(tmp_path / "a", compression="uncompressed")
    assert without_rows(tmp_path / "a", f"a.{kind}", tmp_path / "b", Subject("who", WHO)) == 1
    left = (tmp_path / "b").read_bytes()
    assert WHO.encode() not in left
    assert SECRET.encode() not in left
    after = pl.read_ipc(tmp_path / "b") if kind == "feather" else pl.read_parquet(tmp_path / "b")
    assert after.with_columns(pl.col(pl.Categorical).cast(pl.String)).rows() == [
        row for row in frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String)).rows() if row[0] != WHO
    ]


def test_dictionaries_of_several_batches_and_notes_are_cleaned(tmp_path):
    words = pa.array([WHO, "omar", "omar", WHO, "sara"]).dictionary_encode()
    inner = pa.array([[SECRET], ["x"], [], [SECRET], ["y"]], pa.list_(pa.string()))
    nested = pa.ListArray.from_arrays(inner.offsets, inner.values.dictionary_encode())
    table = pa.table({"who": words, "nested": nested}).replace_schema_metadata({"by": "Sara", "of": WHO})
    with pa.ipc.new_file(str(tmp_path / "a"), table.schema) as writing:
        writing.write_table(table, max_chunksize=2)
    assert without_rows(tmp_path / "a", "a.feather", tmp_path / "b", Subject("who", WHO)) == 2
    left = (tmp_path / "b").read_bytes()
    assert WHO.encode() not in left
    assert SECRET.encode() not in left
    with pa.ipc.open_file(tmp_path / "b") as file:
        assert file.schema.metadata == {b"by": b"Sara"}
        assert file.read_all().to_pydict() == {"who": ["omar", "omar", "sara"], "nested": [["x"], [], ["y"]]}


def test_two_columns_of_one_name_are_refused(tmp_path):
    pq.write_table(
        pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["who", "who"]), tmp_path / "a.parquet"
    )
    (tmp_path / "a.csv").write_text("who,who\na,b\n")
    (tmp_path / "a.jsonl").write_text('{"who": "a", "who": "b"}\n')
    for name in ("a.parquet", "a.csv", "a.jsonl"):
        with pytest.raises(UsageError) as caught:
            without_rows(tmp_path / name, name, tmp_path / "b", Subject("who", "a"))
        assert (caught.value.reference, caught.value.context) == ("ambiguous-column", name)


FIELDS = st.text(st.sampled_from('ab" 1é\n,'), max_size=5)


@given(st.lists(st.tuples(FIELDS, FIELDS), max_size=8), st.sampled_from(["\n", "\r\n", "\r"]))
@FEW
def test_quotes_count_where_a_field_begins(tmp_path, rows, end):
    lines = ["who,note", *(",".join(map(spelled, row)) for row in rows), 'a,5" pipe']
    (tmp_path / "a").write_bytes("".join(line + end for line in lines).encode())
    left = [line for line, (who, _) in zip(lines[1:], [*rows, ("a", "")], strict=True) if who.strip() != "a"]
    expected = "".join(line + end for line in [lines[0], *left]).encode()
    assert without_rows(tmp_path / "a", "a.csv", tmp_path / "b", Subject("who", "a")) == len(lines) - 1 - len(left)
    assert (tmp_path / "b").read_bytes() == expected


def spelled(field: str) -> str:
    """Quoted only where it must be: a quote within stays as it is."""
    must = field.startswith('"') or "," in field or "\n" in field
    return '"' + field.replace('"', '""') + '"' if must else field


def test_long_fields_and_stray_quotes_cost_one_pass(tmp_path):
    (tmp_path / "a").write_text("who,note\n" + '"x,5\n' * 40_001 + f'"\nAmal,"{"y" * 200_000}"\n')
    start = time.monotonic()
    assert without_rows(tmp_path / "a", "a.csv", tmp_path / "b", Subject("who", "Amal")) == 1
    assert time.monotonic() - start < 5


def doubt(tmp_path: Path, name: str, content: bytes, value: str = "Amélie", column: str = "who") -> str:
    (tmp_path / "a").write_bytes(content)
    said = "; ".join(doubts(tmp_path / "a", name, Subject(column, value)))
    assert value not in said
    return said


@pytest.mark.parametrize(("name", "content", "said"), [
    ("a.csv.gz", b"\x1f\x8b\x08", "compressed"),
    ("a.zip", b"PK\x03\x04", "compressed"),
    ("a.csv", "who\nAmélie\n".encode("latin-1"), "not UTF-8"),
    ("a.csv", "who\nAmélie\n".encode("utf-16"), "not UTF-8"),
    ("a.csv", "Who\nAmélie\n".encode(), "has no column who, but Who"),
    ("a.csv", unicodedata.normalize("NFD", "who\nAmélie\n").encode(), "another spelling"),
    ("a.csv", "who\nAMÉLIE\nAmélie\n".encode(), "another spelling"),
    ("a.csv", "name\nAmélie\n".encode(), "holds the text"),
    ("a.csv", "who,Amélie\nx,1\n".encode(), "named like the text"),
    ("a.txt", "Dear Amélie,\n".encode(), "holds the text"),
    ("a.csv", 'who,note\nAmélie,\nOmar,"5\nAmélie,\n'.encode(), "never closed"),
    ("a.jsonl", b'{"who": ["x"]}\n', "nested"),
    ("a.parquet", b"PAR1", "could not be read"),
])  # fmt: skip
def test_a_doubt_is_said_without_the_value(tmp_path, name, content, said):
    assert said in doubt(tmp_path, name, content)


@pytest.mark.parametrize(("values", "said"), [
    (["AMÉLIE"], "another spelling"), ([b"x"], "binary"), ([["x"]], "nested"), (["Omar"], ""),
])  # fmt: skip
def test_doubts_about_typed_columns(tmp_path, values, said):
    pq.write_table(pa.table({"who": values}), tmp_path / "c")
    found = doubt(tmp_path, "a.parquet", (tmp_path / "c").read_bytes())
    assert said in found
    assert bool(said) is bool(found)


def test_where_all_was_seen_there_is_no_doubt(tmp_path):
    assert doubt(tmp_path, "a.csv", "who\nAmélie\nOmar\n".encode()) == ""
    assert doubt(tmp_path, "a.txt", b"nobody\n") == ""
    assert doubt(tmp_path, "a.csv", b"who,year\n1,2017\n", value="17") == ""
