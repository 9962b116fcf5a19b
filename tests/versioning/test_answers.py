"""What a database answers is written piece by piece, whatever the pieces are."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.versioning.sources.answers import write_batches
from jupyter_mlops.versioning.sources.queries import Query

ROWS = 2_000_000
MOST_MB = 400  # all rows as Python objects took 870
PEAK = """
import sys
from pathlib import Path
import polars, pyarrow.compute, pyarrow.parquet
from jupyter_mlops.versioning.sources.queries import Query
def told(word):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(word))
before = told("VmRSS")
Query.at(sys.argv[1], "SELECT * FROM sale", Path("/")).bring(Path(sys.argv[2]))
print(told("VmHWM") - before)
"""


def filled(path: Path, rows: str) -> Path:
    """A database whose table ``sale`` has what `rows` selects."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE sale AS {rows}")
    return path


def answer(path: Path, query: str, target: Path) -> pl.DataFrame:
    Query.at(f"sqlite:///{path}", query, path.parent).bring(target)
    return pl.read_parquet(target)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_two_million_rows_take_bounded_memory(tmp_path, kind):
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS - 1})"
    filled(tmp_path / "a.db", f"{numbers} SELECT i AS id, i / 7.0 AS wage, 'note number ' || i AS note FROM n")
    target = tmp_path / f"a.{kind}"
    command = [sys.executable, "-c", PEAK, f"sqlite:///{tmp_path / 'a.db'}", str(target)]
    assert float(subprocess.check_output(command, text=True)) < MOST_MB
    frame = pl.scan_parquet(target) if kind == "parquet" else pl.scan_csv(target)
    (found,) = frame.select(pl.len(), pl.col("id").sum(), pl.col("note").n_unique().alias("notes")).collect().rows()
    assert found == (ROWS, ROWS * (ROWS - 1) // 2, ROWS)
    assert [path.name for path in tmp_path.iterdir() if path.name != "a.db"] == [target.name]


def test_types_that_show_late_hold_for_the_whole_column(tmp_path):
    numbers = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)"
    query = f"{numbers} SELECT CASE WHEN i % 5000 = 4999 THEN 'x' END AS late, CASE WHEN i = 9000 THEN 0.5 ELSE i END AS n FROM n"
    found = answer(filled(tmp_path / "a.db", query), "SELECT * FROM sale", tmp_path / "a.parquet")
    assert found.schema == {"late": pl.String, "n": pl.Float64}
    assert (found["late"].count(), found["n"][9000], found["n"][9999]) == (2, 0.5, 9999.0)


def test_an_answer_without_rows_has_its_columns(tmp_path):
    filled(tmp_path / "a.db", "SELECT 1 AS a, 'x' AS b")
    found = answer(tmp_path / "a.db", "SELECT * FROM sale WHERE a > 1", tmp_path / "a.parquet")
    assert (found.columns, found.height) == (["a", "b"], 0)


@pytest.mark.parametrize(("query", "said"), [
    ("SELECT 1 AS a, 2 AS a", "named a"), ("SELECT 1 AS a UNION ALL SELECT 'x'", "column a"),
    ("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT CASE WHEN i >= 1000 THEN 'x' ELSE 1 END AS a FROM n", "column a"),
])  # fmt: skip
def test_what_cannot_be_one_table_is_refused(tmp_path, query, said):
    filled(tmp_path / "a.db", "SELECT 1 AS a")
    with pytest.raises(EnvironmentFault) as caught:
        answer(tmp_path / "a.db", query, tmp_path / "a.parquet")
    assert caught.value.reference == "query-failed"
    assert said in caught.value.context
    assert [path.name for path in tmp_path.iterdir()] == ["a.db"]


def test_a_few_huge_rows_are_asked_for_one_by_one(tmp_path):
    filled(tmp_path / "a.db", "SELECT zeroblob(1) AS b")
    query = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) SELECT CASE WHEN i > 1100 THEN zeroblob(4000000) ELSE zeroblob(9) END AS b FROM n"
    assert answer(tmp_path / "a.db", query, tmp_path / "a.parquet")["b"].bin.size().max() == 4_000_000


@given(st.lists(st.integers(1, 90_000), min_size=1, max_size=6))
@settings(max_examples=15, deadline=None)
def test_however_an_answer_is_cut_its_bytes_are_the_same(tmp_path_factory, sizes):
    folder = tmp_path_factory.mktemp("cut")
    table = pa.table({"a": range(sum(sizes)), "b": list(map(str, range(sum(sizes))))})
    cuts, at = [], 0
    for size in sizes:
        cuts += table.slice(at, size).to_batches()
        at += size
    write_batches(cuts, folder / "cut.parquet")
    write_batches(table.to_batches(), folder / "whole.parquet")
    assert (folder / "cut.parquet").read_bytes() == (folder / "whole.parquet").read_bytes()
