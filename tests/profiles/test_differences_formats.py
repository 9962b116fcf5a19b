"""The same rows in every format, also in another one on each side; dates in text files; comparisons that are kept."""

from __future__ import annotations

import itertools
from pathlib import Path

import polars as pl
import pytest

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.profiles import comparisons
from jupyter_mlops.profiles.comparisons import Comparisons
from jupyter_mlops.profiles.differences import Table, compare
from jupyter_mlops.profiles.movements import movements
from jupyter_mlops.profiles.tables import schema_of

FORMS = ("csv", "tsv", "parquet", "feather", "arrow", "jsonl")
BEFORE = pl.DataFrame({"id": [1, 2, 3, 4], "x": [1.5, None, 0.0, 7.0], "day": ["2026-05-01", "n/a", None, "é"]})
AFTER = pl.DataFrame({"id": [4, 3, 2, 5], "x": [7.0, 0.5, None, 1.0], "day": ["é", None, "2026-05-02", "x"]})


def write(frame: pl.DataFrame, path: Path, form: str, digest: str = "") -> Table:
    match form:
        case "csv" | "tsv":
            frame.write_csv(path, separator="," if form == "csv" else "\t")
        case "parquet":
            frame.write_parquet(path)
        case "jsonl":
            frame.write_ndjson(path)
        case "arrow":
            frame.write_ipc_stream(path)
        case _:
            frame.write_ipc(path)
    return Table([path], [f"t.{form}"], [digest] if digest else ())


def compared(before: Table, after: Table, folder: Path, in_memory_bytes: int):
    folder.mkdir()
    found = compare(before, after, ["id"], folder, in_memory_bytes=in_memory_bytes)
    return found, found.changes(folder).page(0, 10)[0]


@pytest.mark.parametrize(("one", "other"), [*itertools.product(FORMS, FORMS)])
def test_formats_do_not_matter(tmp_path, one, other):
    before, after = write(BEFORE, tmp_path / "a", one), write(AFTER, tmp_path / "b", other)
    for way, limit in (("memory", 10**9), ("disk", 0)):
        found, rows = compared(before, after, tmp_path / way, limit)
        assert (found.schema, found.tally.rows) == ((), {"added": 1, "modified": 2, "removed": 1})
        assert found.tally.columns == {"x": 1, "day": 1}
        assert [(row.kind, row.key, row.before) for row in rows] == [
            ("removed", "1", {}),
            ("modified", "2", {"day": "n/a"}),
            ("modified", "3", {"x": 0.0}),
            ("added", "5", {}),
        ]


def test_a_text_file_has_dates_only_where_every_cell_is_one(tmp_path):
    path = tmp_path / "t"
    rows = [f"2026-05-{1 + i % 28:02},2026-05-01T10:00:0{i % 9},{'2026-05-01' if i < 9 else 'n/a'}" for i in range(30)]
    path.write_text("\n".join(["day,moment,mixed", *rows, ",,", "2026-05-01,,31/12/2026"]) + "\n")
    assert schema_of([path], ["t.csv"]) == (("day", "date"), ("moment", "datetime(us)"), ("mixed", "string"))
    path.write_text("day\n2026-05-01\n31/12/2026\n")
    assert schema_of([path], ["t.csv"]) == (("day", "string"),)


def test_a_cell_that_became_null_and_one_that_was(tmp_path):
    before = pl.DataFrame({"id": [1, 2, 3, 4], "x": [1.0, None, 4.0, 5.0], "s": ["a", "a", None, None]})
    after = pl.DataFrame({"id": [1, 2, 3, 4], "x": [None, 3.0, 6.0, float("inf")], "s": ["b", "b", "c", "d"]})
    found, _ = compared(
        write(before, tmp_path / "a", "parquet"), write(after, tmp_path / "b", "parquet"), tmp_path / "c", 0
    )
    x, s = movements(found.changes(tmp_path / "c"), found.tally.columns)
    assert (x.changed, x.emptied, x.filled, x.mean_change) == (4, 1, 1, 2.0)
    assert (x.edges[0], x.edges[-1], sum(x.before), sum(x.after)) == (1.0, 6.0, 3, 2)
    assert [(one.before, one.after, one.cells) for one in s.common] == [("a", "b", 2)]
    assert (s.emptied, s.filled) == (0, 2)


@pytest.fixture
def pair(tmp_path) -> tuple[Table, Table]:
    return write(BEFORE, tmp_path / "a", "parquet", "a"), write(AFTER, tmp_path / "b", "parquet", "b")


def page(kept: Comparisons, pair: tuple[Table, Table]):
    with kept.of(*pair, ["id"]) as opened:
        return opened.found.tally, opened.changes.page(0, 10)


def test_a_damaged_or_half_lost_comparison_is_made_again(tmp_path, pair):
    kept = Comparisons(tmp_path / "kept")
    first = page(kept, pair)
    (folder,) = (tmp_path / "kept").iterdir()
    (folder / "changes-000000.arrow").unlink()
    assert page(kept, pair) == first
    (folder / "changes-000000.arrow").write_bytes(b"ARROW1 no more")
    with pytest.raises(EnvironmentFault, match="unreadable-table"):
        page(kept, pair)
    assert page(kept, pair) == first
    (folder / comparisons.SUMMARY).write_bytes(b"{")
    assert page(kept, pair) == first
    assert [each.name for each in (tmp_path / "kept").iterdir()] == [folder.name]


def test_where_nothing_can_be_kept_it_is_compared_all_the_same(tmp_path, pair):
    (tmp_path / "file").write_text("in the way")
    tally, (rows, _) = page(Comparisons(tmp_path / "file" / "kept"), pair)
    assert (tally.rows["added"], len(rows)) == (1, 4)


def test_only_the_newest_are_kept(tmp_path, pair, monkeypatch):
    monkeypatch.setattr(comparisons, "IN_USE_S", -1)
    kept = Comparisons(tmp_path / "kept")
    for number in range(comparisons.MOST_KEPT + 3):
        page(kept, (pair[0], Table(pair[1].paths, pair[1].names, [str(number)])))
    assert len([*(tmp_path / "kept").iterdir()]) == comparisons.MOST_KEPT


def test_what_failed_leaves_nothing_behind(tmp_path, pair):
    (tmp_path / "b").write_bytes(b"no parquet")
    with pytest.raises(EnvironmentFault, match="unreadable-table"), Comparisons(tmp_path / "kept").of(*pair, ["id"]):
        pass
    assert not [*(tmp_path / "kept").iterdir()]
