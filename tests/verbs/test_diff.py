"""Changed rows page by page, old beside new; texts and pictures; what makes no sense is refused by name."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
from pictures import write_png

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError

ROWS = 60


@pytest.fixture
def people(project, once) -> Path:
    """A table of two versions in the project: every third row has another wage, every sixth another name."""
    return once(project.root, build)


def build(root: Path) -> None:
    before = pl.DataFrame({"id": range(ROWS), "name": [f"n{i}" for i in range(ROWS)], "wage": range(ROWS)})
    (root / "people.parquet").parent.mkdir(exist_ok=True)
    before.write_parquet(root / "people.parquet")
    mlops.commit("people.parquet", project=root)
    wage = pl.when(pl.col("id") % 3 == 0).then(pl.col("wage") + 100).otherwise("wage")
    name = pl.when(pl.col("id") % 6 == 0).then(pl.lit("new")).otherwise("name")
    after = before.with_columns(wage.alias("wage"), name.alias("name")).filter(pl.col("id") != 1)
    pl.concat([after, before.head(1).with_columns(id=pl.lit(ROWS, pl.Int64))]).write_parquet(root / "people.parquet")
    mlops.commit("people.parquet", project=root)


def diff(root: Path, **wanted):
    return mlops.diff("people.parquet@v1", "people.parquet@v2", key=["id"], project=root, **wanted)


def refusal(work, *arguments, **named) -> str:
    with pytest.raises(MlopsError) as refused:
        work(*arguments, **named)
    return refused.value.reference


def test_pages_hold_every_changed_row_once(people):
    found, cursor = [], ""
    while True:
        page = diff(people, limit=8, cursor=cursor)
        found += page.changes
        assert page.matching == 22
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert [row.key for row in found] == ["0", "1", *(str(i) for i in range(3, ROWS, 3)), str(ROWS)]
    assert [row.kind for row in found] == ["modified", "removed", *["modified"] * 19, "added"]
    assert (found[0].before, found[0].values) == ({"name": "n0", "wage": 0}, {"id": 0, "name": "new", "wage": 100})
    assert (found[1].before, found[1].values["name"]) == ({}, "n1")


def test_pages_are_filtered_by_column_and_kind(people):
    names = diff(people, column=["name"], limit=3)
    assert (names.matching, [row.key for row in names.changes]) == (10, ["0", "6", "12"])
    more = diff(people, column=["name"], limit=200, cursor=names.next_cursor)
    assert [row.key for row in more.changes] == [str(i) for i in range(18, ROWS, 6)]
    removed = diff(people, kind="removed")
    assert ([row.key for row in removed.changes], removed.matching, removed.next_cursor) == (["1"], 1, None)
    assert (diff(people, column=["name"], kind="added").changes, names.columns) == ((), {"name": 10, "wage": 20})


def test_a_second_look_reads_no_table_again(people):
    first = diff(people, stats=True)
    for version in (people / ".dvc" / "cache").rglob("*"):
        if version.is_file():
            version.chmod(0o644)
            version.write_bytes(b"gone")
    assert diff(people, stats=True) == first


def test_movements_tell_where_cells_went(people):
    moved = {each.column: each for each in diff(people, stats=True).movements}
    assert (moved["wage"].changed, moved["wage"].mean_change, sum(moved["wage"].after)) == (20, 100.0, 20)
    assert moved["wage"].edges[0] == 0
    assert moved["wage"].edges[-1] == 157
    assert (moved["name"].edges, moved["name"].emptied) == ((), 0)


def test_without_a_key_rows_come_and_go_and_a_key_is_proposed(people):
    found = mlops.diff("people.parquet@v1", "people.parquet@v2", project=people)
    assert (found.rows.added, found.rows.removed, found.rows.modified) == (21, 21, 0)
    assert found.changes[0].key == "row 1"
    assert "--key id" in found.note


def test_what_makes_no_sense_is_refused_by_name(people):
    assert refusal(diff, people, column=["wages"]) == "unknown-column"
    assert refusal(diff, people, cursor="7") == "bad-cursor"
    assert refusal(diff, people, file="people.parquet") == "unknown-file"
    both = ("people.parquet@v1", "people.parquet@v2")
    cursor = mlops.diff(*both, project=people, limit=1).next_cursor
    assert refusal(diff, people, cursor=cursor) == "bad-cursor"
    assert refusal(mlops.diff, *both, key=["idd"], project=people) == "unknown-column"
    error = refusal(mlops.diff, "people.parquet@v2", "people.parquet@v1", key=["name"], project=people)
    assert error == "key-not-unique"


def test_a_folder_of_tables_is_one_table(project):
    folder = project.root / "sales"
    folder.mkdir()
    for month in range(4):
        pl.DataFrame({"id": [month * 2, month * 2 + 1], "x": [0.5, None]}).write_csv(folder / f"{month}.csv")
    (folder / "README").write_text("by month\n")
    mlops.commit("sales", project=project.root)
    pl.DataFrame({"id": [4, 5], "x": [0.5, 7.0]}).write_csv(folder / "2.csv")
    found = mlops.diff("sales", key=["id"], project=project.root)
    assert (found.files.modified, found.rows.modified, found.columns) == (("2.csv",), 1, {"x": 1})
    assert [(row.key, row.before, row.values) for row in found.changes] == [("5", {"x": None}, {"id": 5, "x": 7.0})]
    shutil.copy(folder / "0.csv", folder / "4.csv")
    assert refusal(mlops.diff, "sales", key=["id"], project=project.root) == "key-not-unique"


def test_texts_are_compared_line_by_line(project):
    notes = project.root / "notes.txt"
    notes.write_text("one\ntwo\nthree\n")
    mlops.commit("notes.txt", project=project.root)
    notes.write_text("one\n2\nthree")
    (text,) = mlops.diff("notes.txt", project=project.root).texts
    assert (text.path, text.added, text.removed, text.is_cut) == ("", 2, 2, False)
    assert text.diff.splitlines() == ["@@ -1,3 +1,3 @@", " one", "-two", "-three", "+2", "+three⏎ missing"]


def test_a_table_that_cannot_be_read_is_shown_as_text(project):
    path = project.root / "t.csv"
    path.write_text("a,b\n1,2\n")
    mlops.commit("t.csv", project=project.root)
    path.write_text("a,b\n1,2\n3,4,5,6\n")
    found = mlops.diff("t.csv", project=project.root)
    assert found.rows is None
    assert "damaged" in found.note
    assert found.texts[0].diff.endswith("+3,4,5,6")


def test_pictures_stand_side_by_side(project):
    folder = project.root / "faces"
    folder.mkdir()
    write_png(folder / "a.png", [[(1, 2, 3)] * 4] * 2)
    write_png(folder / "gone.png", [[(0, 0, 0)]])
    mlops.commit("faces", project=project.root)
    write_png(folder / "a.png", [[(1, 2, 3)] * 4, [(1, 2, 3)] * 3 + [(9, 9, 9)]])
    (folder / "gone.png").unlink()
    changed, gone = mlops.diff("faces", project=project.root).pictures
    assert (changed.path, changed.before.width, changed.after.height, changed.differing_ratio) == ("a.png", 4, 2, 0.125)
    assert (gone.path, gone.after, gone.before.format) == ("gone.png", None, "png")
    only = mlops.diff("faces", file="gone.png", project=project.root)
    assert [each.path for each in only.pictures] == ["gone.png"]
