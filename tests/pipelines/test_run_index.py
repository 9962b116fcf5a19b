"""The list of runs: filtered, sorted, paged, compared; kept up from the ledger."""

from __future__ import annotations

import itertools
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from chains import write_notebook
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.pipelines.records.contrasts import compared
from jupyter_mlops.pipelines.records.run_filters import RunFilter, moment
from jupyter_mlops.project import Project
from jupyter_mlops.records import Actor, StageRecord, VersionRecord, now
from jupyter_mlops.rendering import text

CLOCK = itertools.count(1)


def record(age_h: float = 0, author: str = "Sara", state: str = "succeeded", **more: object) -> VersionRecord:
    who = Actor(author, f"{author.lower()}@example.org")
    stages = more.pop("stages", (StageRecord("train", "ran", outputs={"m": "d1"}),))
    run = f"run-{next(CLOCK):011x}-abcdef"
    return VersionRecord(run, state, now() - timedelta(hours=age_h), 1.0, who, None, False, stages, **more)  # type: ignore[arg-type]


def keep(root: Path, *records: VersionRecord) -> None:
    runs = Project(root).runs
    for one in records:
        runs.append(one, one.author)


def numbers(root: Path, **asked: object) -> list[int]:
    return [run.number for run in mlops.runs(project=root, **asked).runs]


@pytest.fixture
def five(repository) -> Path:
    keep(
        repository,
        record(500, metrics={"auc": 0.7, "loss": 2}, parameters={"train.C": 1.0, "train.name": "a"}),
        record(100, "Omar", metrics={"auc": 0.9}, parameters={"train.C": 2.0, "train.flag": True}),
        record(20, state="failed", stages=(StageRecord("prepare", "failed"), StageRecord("train", "skipped"))),
        record(10, metrics={"auc": 0.9}, parameters={"train.C": 1.0, "train.name": "b"}),
        record(1, "Omar", state="cancelled", metrics={"auc": "none"}),
    )
    return repository


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"stage": "train"}, [5, 4, 2, 1]),
        ({"stage": "prepare"}, [3]),
        ({"author": "omar@"}, [5, 2]),
        ({"state": "failed"}, [3]),
        ({"since": "24h"}, [5, 4, 3]),
        ({"since": "1w"}, [5, 4, 3, 2]),
        ({"metric": "auc>0.8"}, [4, 2]),
        ({"metric": ["auc>=0.7", "loss<3"]}, [1]),
        ({"metric": "auc=none"}, [5]),
        ({"parameter": "C=1"}, [4, 1]),
        ({"parameter": ["train.C=1.0", "name=b"]}, [4]),
        ({"parameter": "flag=true"}, [2]),
        ({"parameter": "name != a"}, [4]),
        ({"sort": "auc"}, [4, 2, 1, 5, 3]),
        ({"sort": "-auc"}, [1, 4, 2, 5, 3]),
        ({"sort": "auc", "author": "sara"}, [4, 1, 3]),
    ],
)
def test_runs_are_filtered_and_sorted(five, asked, found):
    assert numbers(five, **asked) == found
    pages, cursor = [], ""
    while cursor is not None:
        page = mlops.runs(project=five, limit=2, cursor=cursor, **asked)
        pages += [run.number for run in page.runs]
        cursor = page.next_cursor
    assert pages == found


@pytest.mark.parametrize(
    ("asked", "reference"),
    [
        ({"metric": "auc"}, "bad-comparison"),
        ({"metric": "auc>much"}, "bad-comparison"),
        ({"metric": "acu>1"}, "unknown-metric"),
        ({"sort": "acu"}, "unknown-metric"),
        ({"since": "soon"}, "bad-moment"),
        ({"cursor": "nowhere"}, "bad-cursor"),
        ({"cursor": "nowhere", "sort": "auc"}, "bad-cursor"),
        ({"state": "lost"}, "bad-argument"),
    ],
)
def test_what_cannot_be_asked_is_said(five, asked, reference):
    with pytest.raises(MlopsError) as raised:
        mlops.runs(project=five, **asked)
    assert raised.value.reference == reference


def test_words_in_a_condition_are_values_never_sql(five):
    assert numbers(five, parameter="name='; DROP TABLE run; --") == []
    assert numbers(five, author="%") == []
    assert numbers(five) == [5, 4, 3, 2, 1]


def test_a_moment_without_a_zone_is_utc():
    assert moment("2026-05-01").isoformat() == "2026-05-01T00:00:00+00:00"
    assert moment("2026-05-01T10:00+02:00").utcoffset() == timedelta(hours=2)
    assert moment("99999999w") < now()


def test_a_run_is_found_by_number_id_and_unique_start(five):
    runs = Project(five).runs
    third = runs.find("3").record.run
    assert {runs.find(name).number for name in ("run:3", "#3", third, f"run:{third}", third[:-3])} == {3}
    with pytest.raises(MlopsError) as raised:
        runs.find("run-0")
    assert raised.value.hint.startswith("Several begin so")
    with pytest.raises(MlopsError, match="no run 99"):
        runs.find("99999999999999999999999999")


def test_the_index_follows_what_others_wrote_what_was_fetched_and_what_was_erased(five, git):
    assert numbers(five) == [5, 4, 3, 2, 1]
    (five / ".git" / "mlops" / "writer").write_text("somebodyelse")
    keep(five, record(900))
    assert len(numbers(five)) == 6
    git("update-ref", "-d", "refs/mlops/runs/somebodyelse")
    assert numbers(five) == [5, 4, 3, 2, 1]


def test_an_older_run_that_comes_late_renumbers(repository):
    first, second, third = record(3), record(2), record(1)
    keep(repository, first, third)
    assert numbers(repository) == [2, 1]
    (repository / ".git" / "mlops" / "writer").write_text("somebodyelse")
    keep(repository, second)
    assert [run.record.run for run in Project(repository).runs.all()] == [first.run, second.run, third.run]
    assert numbers(repository) == [3, 2, 1]


def test_a_damaged_record_is_named_when_it_is_shown(five):
    Project(five).ledger.append("runs", "run-fffffffffff-000000", b"{", Actor("Eve"))
    assert numbers(five, state="failed") == [3]
    with pytest.raises(MlopsError) as raised:
        numbers(five)
    assert raised.value.reference == "record-corrupt"


def test_who_wrote_held_and_read_a_digest(repository):
    keep(
        repository,
        record(stages=(StageRecord("a", "ran", inputs={"x": "in"}, outputs={"y": "out"}),)),
        record(stages=(StageRecord("a", "up-to-date", inputs={"x": "in"}, outputs={"y": "out"}),)),
    )
    runs = Project(repository).runs
    assert runs.writer("out").number == 1
    assert (runs.writer("in"), runs.holders("out"), runs.readers("in")) == (None, (1, 2), (1, 2))


scores = st.lists(
    st.tuples(st.sampled_from([0.1, 0.5, None, True, "x"]), st.sampled_from(["Sara", "Omar"])), max_size=7
)


@given(scores, st.booleans(), st.integers(1, 3))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_list_agrees_with_a_plain_sort(tmp_path_factory, rows, least_first, size):
    root = tmp_path_factory.mktemp("p")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    records = [record(author=who, metrics={} if score is None else {"m": score}) for score, who in rows]
    keep(root, *records)
    sign = 1 if least_first else -1

    def key(place: int) -> tuple[bool, float]:
        value = rows[place][0]
        return (False, sign * value) if isinstance(value, int | float) else (True, 0.0)

    newest = [place for place in reversed(range(len(rows))) if rows[place][1] == "Sara"]
    wanted = [place + 1 for place in sorted(newest, key=key)] if any(r[0] is not None for r in rows) else []
    runs, found, cursor = Project(root).runs, [], ""
    while wanted and cursor is not None:
        page = runs.page(RunFilter(author="Sara"), sort="-m" if least_first else "m", limit=size, cursor=cursor)
        found += [run.number for run in page.runs]
        cursor = page.next_cursor
    assert found == wanted


def test_three_runs_are_compared_in_code_seeds_and_environment(chain, monkeypatch):
    mlops.run(project=chain)
    write_notebook(
        chain / "prepare.ipynb",
        "rows = 2",
        "import random\nrandom.seed(3)\nopen('clean.csv', 'w').write('other')",
        "'new cell'",
    )
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    mlops.run(project=chain)
    mlops.run(parameters={"C": 2.0}, project=chain)

    found = mlops.runs(compare=["1", "2", "3"], project=chain)

    kinds = {(one.kind, one.name): one.values for one in found.compared}
    assert kinds["seed", "prepare.random.seed"] == (None, 3, 3)
    assert kinds["environment", "OMP_NUM_THREADS"] == (None, "3", "3")
    assert kinds["parameter", "train.C"] == (1.0, 1.0, 2.0)
    assert [(one.notebook, one.kind, one.cell) for one in found.cells] == [
        ("prepare.ipynb", "modified", 2),
        ("prepare.ipynb", "added", 3),
    ]
    said = text(found)
    assert "prepare.ipynb, cell 2, modified" in said
    assert "+random.seed(3)" in said
    assert "#3" in said


def test_a_run_shows_all_that_it_pins(chain):
    (chain / "helper.py").write_text("a = 1\n")
    (chain / "requirements.txt").write_text("papermill==2.7.0\n")
    mlops.run(project=chain)
    shown = mlops.show("run:1", project=chain)
    assert (shown.kind, shown.reference, shown.run.number) == ("run", "run:1", 1)
    assert "+a = 1" in shown.changes
    assert list(shown.run.declared) == ["requirements.txt"]
    assert "+a = 1" in text(shown)
    assert "%mlops environment run:1" in text(shown)
    assert mlops.show("run:1", project=chain).run == mlops.runs(project=chain).runs[0]


def test_cells_are_paired_in_their_order():
    changes = [*compared("n", ["a", "b", "c"], ["a", "B", "c", "d"])]
    assert [(one.kind, one.cell, one.before, one.after) for one in changes] == [
        ("modified", 2, "b", "B"),
        ("added", 4, "", "d"),
    ]
    assert [(one.kind, one.cell) for one in compared("n", ["a", "b"], ["b"])] == [("removed", 1)]
    assert [*compared("n", ["a"], ["a"])] == []
