"""Exact differences of tables, against brute force."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.profiles.differences import compare_tables
from jupyter_mlops.profiles.tables import outline, record_batches, schema_of

FORMATS = ("t.csv", "t.tsv", "t.parquet", "t.feather", "t.arrow", "t.jsonl", "t.ndjson")
reals = st.sampled_from([None, 0.0, -0.0, 1.5, math.nan, math.inf])
words = st.sampled_from([None, "", "a", "b"])
rows = st.lists(st.tuples(st.none() | st.integers(0, 6), reals, words), max_size=8)
SCHEMA = {"id": pl.Int64, "x": pl.Float64, "s": pl.String}
relaxed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(frame: pl.DataFrame, path: Path, name: str) -> Path:
    match name.rpartition(".")[2]:
        case "csv":
            frame.write_csv(path)
        case "tsv":
            frame.write_csv(path, separator="\t")
        case "parquet":
            frame.write_parquet(path)
        case "jsonl" | "ndjson":
            frame.write_ndjson(path)
        case _:
            frame.write_ipc(path)
    return path


def table(given_rows, path: Path) -> Path:
    return write(pl.DataFrame(list(given_rows), schema=SCHEMA, orient="row"), path, "t.parquet")


def plain(value):
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def compare(before: Path, after: Path, key=(), limit=1000):
    return compare_tables([before], [after], ["t.parquet"], ["t.parquet"], key, limit)


@relaxed
@given(before=rows, after=rows)
def test_rows_without_a_key_are_a_multiset(tmp_path, before, after):
    old, new = (Counter(tuple(map(plain, row)) for row in side) for side in (before, after))
    found = compare(table(before, tmp_path / "a"), table(after, tmp_path / "b"))
    assert (found.rows_added, found.rows_removed) == ((new - old).total(), (old - new).total())


@relaxed
@given(before=rows, after=rows)
def test_rows_with_a_key_by_brute_force(tmp_path, before, after):
    old, new = ({row[0]: row for row in side} for side in (before, after))
    found = compare(table(old.values(), tmp_path / "a"), table(new.values(), tmp_path / "b"), ("id",))
    cells = {
        (key, column)
        for key in old.keys() & new.keys()
        for i, column in enumerate(("id", "x", "s"))
        if plain(old[key][i]) != plain(new[key][i])
    }
    assert (found.rows_added, found.rows_removed) == (len(new.keys() - old.keys()), len(old.keys() - new.keys()))
    assert {(cell.key, cell.column) for cell in found.cells} == {("null" if k is None else str(k), c) for k, c in cells}
    assert found.columns == dict(Counter(column for _, column in cells))
    assert found.rows_modified == len({key for key, _ in cells})


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_read_by_its_name_alone(tmp_path, name):
    frame = pl.DataFrame({"id": [1, 2, 3], "s": ["a", "b", "c"]})
    path = write(frame, tmp_path / "0a1b2c", name)
    assert schema_of([path], [name]) == (("id", "int64"), ("s", "string"))
    assert outline([path], [name])[0] == 3
    assert sum(batch.num_rows for batch in record_batches([path], [name])) == 3
    assert compare_tables([path], [path], [name], [name], ("id",), 5).rows_modified == 0


def test_what_is_no_table(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"\x89PNG")
    assert (schema_of([path], ["x.png"]), outline([path], ["x.png"])) == ((), (None, {}))
    assert (schema_of([path], ["x.parquet"]), outline([path], ["x.parquet"])) == ((), (None, {}))
    assert compare_tables([path], [path], ["x.png"], ["x.png"]) is None
    with pytest.raises(EnvironmentFault, match="unreadable-table"):
        compare_tables([path], [path], ["x.parquet"], ["x.parquet"])


def test_files_of_one_shape_are_one_table_and_of_two_are_none(tmp_path):
    a = write(pl.DataFrame({"id": [1], "x": [1]}), tmp_path / "a", "a.csv")
    b = write(pl.DataFrame({"x": [2], "id": [2]}), tmp_path / "b", "b.parquet")
    c = write(pl.DataFrame({"other": [2]}), tmp_path / "c", "c.csv")
    assert outline([a, b], ["a.csv", "b.parquet"])[0] == 2
    assert outline([a, c], ["a.csv", "c.csv"])[0] is None


def test_a_repeated_key_and_an_unknown_one_are_refused(tmp_path):
    path = table([(1, 1.0, "a"), (1, 2.0, "b")], tmp_path / "a")
    with pytest.raises(UsageError, match=r"1 occurs 2 times") as refused:
        compare(path, path, ("id",))
    assert refused.value.reference == "key-not-unique"
    with pytest.raises(UsageError, match="Did you mean id") as refused:
        compare(path, path, ("idd",))
    assert refused.value.reference == "unknown-column"


def test_columns_that_came_went_and_changed_type(tmp_path):
    a = write(pl.DataFrame({"id": [1, 2], "x": [1, 2], "gone": [0, 0]}), tmp_path / "a", "t.parquet")
    b = write(pl.DataFrame({"id": [1, 2], "x": [1.0, 2.5], "new": [0, 0]}), tmp_path / "b", "t.parquet")
    found = compare(a, b, ("id",))
    assert [(c.column, c.before, c.after) for c in found.schema] == [
        ("x", "int64", "float64"),
        ("gone", "int64", None),
        ("new", None, "int64"),
    ]
    assert found.columns == {"x": 1}


def test_cells_stop_at_the_limit_and_counts_do_not(tmp_path):
    a = table([(i, 0.0, "a") for i in range(9)], tmp_path / "a")
    b = table([(i, math.nan, "a") for i in range(9)], tmp_path / "b")
    found = compare(a, b, ("id",), 2)
    assert [(c.key, c.before, c.after) for c in found.cells] == [("0", 0.0, "NaN"), ("1", 0.0, "NaN")]
    assert found.columns == {"x": 9}
