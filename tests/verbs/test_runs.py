"""`runs`."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from chains import write_notebook

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.project import Project
from jupyter_mlops.rendering import text


def test_runs_are_numbered_and_newest_first(three):
    found = mlops.runs(project=three).runs

    assert [run.number for run in found] == [3, 2, 1]
    assert [run.metrics["auc"] for run in found] == [0.7, 0.8, 0.6]
    assert found[0].parameters["train.C"] == 2.0
    assert set(found[0].outputs) >= {"model.txt", "metrics.json"}
    assert set(found[0].inputs) == {"data.csv"}
    assert not found[0].dirty
    assert found[0].git_commit == Project(three).git.head()


def test_without_stages_the_way_to_a_first_run_is_told(chain):
    assert mlops.runs(project=chain).start == "run"
    assert "Type %mlops run" in text(mlops.runs(project=chain))
    for name in ("train", "prepare"):
        mlops.stage.remove(name, project=chain)
    assert "Type %mlops stage add NAME NOTEBOOK" in text(mlops.runs(project=chain))


def test_a_failed_run_claims_no_metrics_of_another(chain):
    mlops.run(project=chain, git=False)
    write_notebook(chain / "late.ipynb", "x = 1", "raise ValueError(x)")
    mlops.stage.add("late", "late.ipynb", dep=["model.txt"], git=False, project=chain)
    mlops.run(project=chain, git=False)
    failed, good = mlops.runs(project=chain).runs
    assert (failed.state, failed.metrics, good.metrics) == ("failed", {}, {"auc": 0.6})


def test_runs_are_sorted_filtered_and_paged(three):
    assert [run.number for run in mlops.runs(sort="auc", project=three).runs] == [2, 3, 1]
    assert [run.number for run in mlops.runs(sort="-auc", project=three).runs] == [1, 3, 2]
    assert [run.number for run in mlops.runs(stage="prepare", project=three).runs] == [1]
    first = mlops.runs(limit=2, project=three)
    rest = mlops.runs(limit=2, cursor=first.next_cursor, project=three)
    assert [run.number for run in (*first.runs, *rest.runs)] == [3, 2, 1]
    assert rest.next_cursor is None


def test_two_runs_are_compared(three):
    compared = mlops.runs(compare=["1", "#2"], project=three).compared

    assert {(one.kind, one.name, one.before, one.after) for one in compared if one.kind != "commit"} == {
        ("parameter", "train.C", 1.0, 3.0),
        ("metric", "auc", 0.6, 0.8),
    }
    with pytest.raises(MlopsError, match="no run 9"):
        mlops.runs(compare=["1", "9"], project=three)


def test_a_clone_that_fetched_the_records_has_the_same_runs(three, tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(three), str(clone)], check=True, capture_output=True)
    assert mlops.runs(project=clone).runs == ()

    subprocess.run(["git", "fetch", "-q", "origin", "refs/mlops/*:refs/remotes/mlops/*"], cwd=clone, check=True)

    assert mlops.runs(project=clone).runs == mlops.runs(project=three).runs


def test_a_failed_run_is_recorded_with_its_cell(chain):
    write_notebook(chain / "prepare.ipynb", "rows = 2", "pass", "raise KeyError('wage')")

    mlops.run(project=chain)

    run = mlops.runs(project=chain).runs[0]
    assert (run.state, run.stages[0].cell, run.stages[0].error) == ("failed", 3, "KeyError: 'wage'")
    assert run.dirty


def test_the_author_of_a_run_is_a_name(three):
    assert {run.author for run in mlops.runs(project=three).runs} == {"Sara"}


def test_one_run_cannot_be_compared(three):
    with pytest.raises(MlopsError) as raised:
        mlops.runs(compare=["1"], project=three)
    assert raised.value.hint == "runs --compare 18 19"


def test_a_run_is_stopped_from_elsewhere_and_leaves_the_old_outputs(chain):
    mlops.run(project=chain)
    before = (chain / "clean.csv").read_text()
    write_notebook(chain / "prepare.ipynb", "rows = 2", "open('began', 'w').close()", "import time; time.sleep(120)")
    command = [sys.executable, "-m", "jupyter_mlops", "run"]
    process = subprocess.Popen(command, cwd=chain, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (chain / "began").exists():
        time.sleep(0.05)
    assert mlops.cancel(dry_run=True, project=chain).ended is False

    assert mlops.cancel(project=chain).ended

    assert process.wait(10) == 3
    assert (chain / "clean.csv").read_text() == before
    assert mlops.runs(project=chain).runs[0].state == "cancelled"


def test_without_a_run_under_way_there_is_nothing_to_cancel(chain):
    with pytest.raises(MlopsError) as caught:
        mlops.cancel("run-nosuch", project=chain)
    assert caught.value.reference == "unknown-run"
