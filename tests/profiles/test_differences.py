"""Exact differences of tables against a brute force in pure Python, in memory and through disk."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_mlops.errors import UsageError
from jupyter_mlops.profiles import comparing
from jupyter_mlops.profiles.differences import Table, compare
from jupyter_mlops.records import Step

relaxed = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WAYS = {"in memory": 10**12, "out of core": 0}

INTEGERS = st.none() | st.sampled_from([0, 1, -1, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1])
REALS = st.sampled_from([None, 0.0, -0.0, 1.0, 1.5, math.nan, -math.nan, math.inf, 2.0**53, 2.0**53 + 2, 1e300])
TEXTS = st.sampled_from([None, "", "a", "a\u0301", "á", "0", "null", "\U0001f600", "x,\ny"])
DAYS = st.none() | st.sampled_from([date(2026, 5, 1), date(1969, 12, 31)])
NOON, LATER = (datetime.fromisoformat(f"2026-05-01T00:00:00{rest}") for rest in ("", ".000001"))
MOMENTS = st.none() | st.sampled_from([NOON, LATER])
TYPES: dict[pl.DataType, st.SearchStrategy] = {
    pl.Int64(): INTEGERS,
    pl.Float64(): REALS,
    pl.Float32(): st.sampled_from([None, 0.0, 0.5, math.nan]),
    pl.UInt8(): st.none() | st.integers(0, 2),
    pl.String(): TEXTS,
    pl.Categorical(): TEXTS,
    pl.Boolean(): st.none() | st.booleans(),
    pl.Date(): DAYS,
    pl.Datetime("us"): MOMENTS,
    pl.Datetime("ns"): MOMENTS,
    pl.Binary(): st.sampled_from([None, b"", b"\x00\xff"]),
    pl.List(pl.Float64): st.sampled_from([None, [], [0.0], [-0.0], [math.nan], [None]]),
    pl.Struct({"a": pl.Int64, "b": pl.String}): st.sampled_from([None, {"a": 1, "b": None}, {"a": None, "b": "x"}]),
    pl.Decimal(10, 2): st.none() | st.sampled_from([Decimal("1.50"), Decimal("0.00")]),
}
NUMBERS = (pl.Int64(), pl.Float64(), pl.Float32(), pl.UInt8())
INSTANTS = (pl.Date(), pl.Datetime("us"), pl.Datetime("ns"))
TEXTUAL = (pl.String(), pl.Categorical())


def plain(value):
    """Equal for cells that count as equal, whatever their types; Python compares numbers exactly."""
    match value:
        case float():
            return "NaN!" if math.isnan(value) else value + 0
        case list():
            return tuple(map(plain, value))
        case dict():
            return tuple((key, plain(item)) for key, item in value.items())
        case date() if not isinstance(value, datetime):
            return datetime.fromisoformat(value.isoformat())
        case bool():
            return f"{value}!"
    return value


@st.composite
def pairs_of_types(draw) -> tuple[pl.DataType, pl.DataType]:
    """The types of one column before and after: mostly the same, else two that have values in common."""
    kin = draw(st.sampled_from([NUMBERS, INSTANTS, TEXTUAL]))
    one = draw(st.sampled_from([*TYPES]))
    return draw(st.sampled_from([(one, one), (draw(st.sampled_from(kin)), draw(st.sampled_from(kin)))]))


@st.composite
def tables(draw, key: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two tables with `key` key columns and one to three others, some rows of the first again in the second."""
    types = [draw(pairs_of_types()) for _ in range(key + draw(st.integers(1, 3)))]
    names = [f"k{i}" if i < key else f"c{i}" for i in range(len(types))]
    sides = []
    for side in (0, 1):
        row = st.tuples(*(TYPES[pair[side]] for pair in types))
        rows = draw(st.lists(row, max_size=8))
        if key:
            rows = [*{tuple(map(plain, row[:key])): row for row in rows}.values()]
        schema = {name: pair[side] for name, pair in zip(names, types, strict=True)}
        sides.append(pl.DataFrame(rows, schema=schema, orient="row"))
    before, after = sides
    if before.schema == after.schema and not key:
        after = pl.concat([after, before.sample(fraction=draw(st.sampled_from([0, 0.5, 1])), seed=1)])
    return before, after


def write(frame: pl.DataFrame, path: Path, form: str = "parquet") -> Table:
    {"parquet": frame.write_parquet, "ipc": frame.write_ipc, "csv": frame.write_csv, "jsonl": frame.write_ndjson}[form](
        path
    )
    return Table([path], [f"t.{'arrow' if form == 'ipc' else form}"])


def compared(before: Table, after: Table, key, tmp_path: Path, way: str):
    folder = tmp_path / "changes"
    for old in folder.glob("*") if folder.exists() else ():
        old.unlink()
    folder.mkdir(exist_ok=True)
    found = compare(before, after, key, folder, in_memory_bytes=WAYS[way])
    assert not [path for path in folder.iterdir() if path.suffix != ".arrow"]
    return found


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    """Tiny tables fill several chunks."""
    monkeypatch.setattr(comparing.Comparison, "chunk_rows", property(lambda _: 3))


@pytest.mark.parametrize("way", WAYS)
@relaxed
@given(pair=tables())
def test_without_a_key_rows_are_a_multiset(tmp_path, way, pair):
    old, new = (Counter(tuple(map(plain, row)) for row in frame.iter_rows()) for frame in pair)
    before, after = (write(frame, tmp_path / str(i)) for i, frame in enumerate(pair))
    found = compared(before, after, (), tmp_path, way)
    assert found.tally.rows == {"added": (new - old).total(), "modified": 0, "removed": (old - new).total()}
    kinds = Counter(row.kind for row in found.changes(tmp_path / "changes").page(0, 1000)[0])
    assert kinds == +Counter(found.tally.rows)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("keyed", [False, True])
@relaxed
@given(data=st.data())
def test_files_that_both_hold_are_left_out_and_nothing_changes(tmp_path, way, keyed, data):
    rows = data.draw(st.lists(st.tuples(REALS, TEXTS), max_size=12))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), min_size=3, max_size=3)))
    pieces = [rows[a:b] for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    files, first = [], 0
    for number, piece in enumerate(pieces):
        frame = pl.DataFrame(piece, schema={"x": pl.Float64, "s": pl.String}, orient="row").with_row_index("id", first)
        first += len(piece)
        frame.write_ipc(tmp_path / str(number))
        files.append((tmp_path / str(number), f"{number}.arrow", str(number)))
    sides = [data.draw(st.lists(st.sampled_from(files), unique=True, min_size=1)) for _ in range(2)]
    given = [Table(*map(list, zip(*side, strict=True))) for side in sides]
    key = ["id"] if keyed else []
    found = compared(*given, key, tmp_path, way).tally
    bare = compared(*(Table(one.paths, one.names) for one in given), key, tmp_path, way).tally
    assert (found.rows, found.columns) == (bare.rows, bare.columns)


@pytest.mark.parametrize("way", WAYS)
def test_a_key_that_is_all_there_is_and_no_column_in_common(tmp_path, way):
    a = write(pl.DataFrame({"a": [1, 2, 3]}), tmp_path / "a")
    b = write(pl.DataFrame({"a": [3, 4, 5, 6]}), tmp_path / "b")
    c = write(pl.DataFrame({"c": [1]}), tmp_path / "c")
    assert compared(a, b, ["a"], tmp_path, way).tally.rows == {"added": 3, "modified": 0, "removed": 2}
    assert compared(a, c, [], tmp_path, way).tally.rows == {"added": 0, "modified": 0, "removed": 2}
    assert compared(a, a, [], tmp_path, way).tally.rows == {"added": 0, "modified": 0, "removed": 0}


@pytest.mark.parametrize("way", WAYS)
def test_cells_are_listed_as_json_can_carry_them(tmp_path, way):
    large, moment = 2**63 - 1, NOON.replace(microsecond=5)
    before = {"a": [large], "b": [Decimal("1.10")], "c": [b"\xff"], "d": [math.inf], "e": [[1, None]], "f": [moment]}
    after = {"a": [large - 1], "b": [Decimal("1.20")], "c": [None], "d": [math.nan], "e": [[]], "f": [NOON]}
    sides = (pl.DataFrame({"id": [2**60], **side}) for side in (before, after))
    found = compared(*(write(frame, tmp_path / str(i)) for i, frame in enumerate(sides)), ["id", "id"], tmp_path, way)
    (row,) = found.changes(tmp_path / "changes").page(0, 10)[0]
    assert row.key == str(2**60)
    assert [*row.before.values()] == [str(large), "1.10", "ff", "inf", "[1, None]", "2026-05-01T00:00:00.000005"]
    assert [*row.values.values()][1:] == [str(large - 1), "1.20", None, "NaN", "[]", "2026-05-01T00:00:00"]


@pytest.mark.parametrize("way", WAYS)
def test_a_repeated_key_names_its_worst_row(tmp_path, way):
    once = write(pl.DataFrame({"a": [1, 2], "b": ["x", None]}), tmp_path / "a")
    often = write(pl.DataFrame({"a": [1, 2, 2, 1, 2], "b": [None, "y", "y", "z", "y"]}), tmp_path / "b")
    with pytest.raises(UsageError, match="a=2, b=y occurs 3 times after") as refused:
        compared(once, often, ["a", "b"], tmp_path, way)
    assert refused.value.reference == "key-not-unique"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("key", [1, 2])
@relaxed
@given(data=st.data())
def test_with_a_key_rows_are_paired(tmp_path, way, key, data):
    pair = data.draw(tables(key))
    names = pair[0].columns
    old, new = ({tuple(map(plain, row[:key])): row for row in frame.iter_rows()} for frame in pair)
    before, after = (write(frame, tmp_path / str(i)) for i, frame in enumerate(pair))
    found = compared(before, after, names[:key], tmp_path, way)
    cells = [
        (name, plain(one), plain(two))
        for row in old.keys() & new.keys()
        for name, one, two in list(zip(names, old[row], new[row], strict=True))[key:]
        if plain(one) != plain(two)
    ]
    assert found.tally.columns == dict(Counter(name for name, *_ in cells))
    changed = sum(
        any(plain(a) != plain(b) for a, b in zip(old[row], new[row], strict=True)) for row in old.keys() & new
    )
    added, removed = len(new.keys() - old.keys()), len(old.keys() - new.keys())
    assert found.tally.rows == {"added": added, "modified": changed, "removed": removed}
    rows = found.changes(tmp_path / "changes").page(0, 1000)[0]
    assert Counter(row.kind for row in rows) == +Counter(found.tally.rows)
    listed = Counter(name for row in rows for name in row.before)
    assert listed == Counter(found.tally.columns)


@pytest.mark.parametrize("way", WAYS)
def test_a_key_and_a_cell_that_change_places_are_a_change(tmp_path, way):
    before = write(pl.DataFrame({"k": [1, 2], "c": [2, 1]}), tmp_path / "a.parquet")
    after = write(pl.DataFrame({"k": [2, 1], "c": [2, 1]}), tmp_path / "b.parquet")
    assert compared(before, after, ["k"], tmp_path, way).tally.rows["modified"] == 2


def test_a_page_of_long_texts_stays_small(tmp_path):
    sides = [write(pl.DataFrame({"id": [1], "x": [letter * 10**6]}), tmp_path / letter) for letter in "ab"]
    found = compared(*sides, ["id"], tmp_path, "in memory")
    (row,) = found.changes(tmp_path / "changes").page(0, 10)[0]
    assert (len(row.values["x"]), len(row.before["x"])) == (10_001, 10_001)


MEASURED = """
import sys
from pathlib import Path
import polars, pyarrow.parquet
from jupyter_mlops.profiles.differences import Table, compare
def peak_mb():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
bare, folder = peak_mb(), Path(sys.argv[1])
sides = [Table([folder / name], ["t.parquet"]) for name in "ab"]
print(compare(*sides, ["id"], folder / "changes").tally.rows["modified"], peak_mb() - bare)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_table(tmp_path):
    rows = 3_000_000
    columns = {f"x{i}": (pl.int_range(rows, dtype=pl.Int64, eager=True) * 7919 % 10_007 + i) for i in range(15)}
    before = pl.DataFrame({"id": pl.int_range(rows, eager=True), **columns})
    before.write_parquet(tmp_path / "a", row_group_size=250_000)
    edited = pl.when(pl.col("id") % 1000 == 0).then(-1).otherwise("x0")
    before.with_columns(edited.alias("x0")).write_parquet(tmp_path / "b", row_group_size=250_000)
    (tmp_path / "changes").mkdir()
    command = [sys.executable, "-c", MEASURED, str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    modified, peak_mb = done.stdout.split()
    assert int(modified) == 3000
    assert float(peak_mb) < 450  # the two tables alone take 770


def test_a_large_comparison_tells_how_far_it_is(tmp_path):
    sides = [write(pl.DataFrame({"id": [1, 2, 3], "x": [n, 0, 0]}), tmp_path / str(n)) for n in (1, 2)]
    heard: list[Step] = []
    (tmp_path / "changes").mkdir()
    compare(*sides, ["id"], tmp_path / "changes", heard.append, in_memory_bytes=0)
    said = [(step.what, step.done) for step in heard]
    words = ("compare rows", "collect changed rows")
    assert said == [(f"{word} {side}", 3) for word in words for side in ("before", "after")]
