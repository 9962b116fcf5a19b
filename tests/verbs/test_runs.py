"""`runs` and `ci`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from chains import write_notebook

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.project import Project
from jupyter_mlops.rendering import text


@pytest.fixture
def three(chain: Path, once) -> Path:
    """Three runs, the second the best; nothing is left uncommitted."""
    return once(chain, run_thrice)


def run_thrice(root: Path) -> None:
    mlops.commit(["data.csv"], message="data", project=root)
    for strength in (1.0, 3.0, 2.0):
        mlops.run(parameters={"C": strength}, project=root)


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


def test_ci_writes_a_report_and_a_broken_gate_is_red(three, monkeypatch, tmp_path):
    step = tmp_path / "step.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    (three / "mlops.toml").write_text("[gates]\nauc = { min = 0.65, max_drop = 0.02 }\n")

    report = mlops.ci(base="HEAD~1", project=three)

    assert report.gate == "auc dropped from 0.8 to 0.7, by 0.1; allowed is 0.02"
    text = (three / report.summary_file).read_text()
    assert "| auc | 0.8 | 0.7 |" in text
    assert step.read_text() == text
    assert [Path(path).name for path in report.notebooks] == ["prepare.ipynb", "train.ipynb"]


def test_ci_refuses_a_base_that_does_not_exist_before_it_runs(three):
    with pytest.raises(MlopsError, match="nope names no commit"):
        mlops.ci(base="nope", project=three)
    assert not (three / "ci-report").exists()


def test_ci_runs_what_is_stale_and_commits_nothing(chain, git):
    before = git("rev-parse", "HEAD")
    git("checkout", "-q", "--detach")

    report = mlops.ci(fail_on=["failed", "stale-lock"], project=chain)

    assert {stage.name: stage.state for stage in report.stages} == {"prepare": "ran", "train": "ran"}
    assert "dvc.lock was not up to date" in report.gate
    assert git("rev-parse", "HEAD") == before


def test_ci_names_the_cell_that_failed(chain):
    write_notebook(chain / "prepare.ipynb", "rows = 2", "1 / 0")

    report = mlops.ci(project=chain)

    assert report.gate == "prepare failed in cell 2: ZeroDivisionError: division by zero"
    assert "jupyter mlops run prepare" in (chain / report.summary_file).read_text()


def test_ci_says_that_data_is_lacking_because_the_pull_failed(chain, tmp_path):
    mlops.commit(["data.csv"], message="data", project=chain)
    mlops.init(remote=str(tmp_path / "nowhere"), project=chain)
    (chain / "data.csv").unlink()
    subprocess.run(["rm", "-rf", str(chain / ".dvc" / "cache")], check=True)
    mlops.ci(project=chain)
    assert "Not all data was pulled." in (chain / "ci-report" / "summary.md").read_text()


def test_what_ci_leaves_changed_is_in_its_summary_and_waits(chain):
    mlops.commit(["data.csv"], message="data", project=chain)

    report = mlops.ci(project=chain)

    assert report.notes == ("Not committed, and left as the run wrote it: dvc.lock, metrics.json.",)
    assert report.notes[0] in (chain / report.summary_file).read_text()
    assert "dvc.lock and metrics.json are not committed" in [step.text for step in mlops.status(project=chain).next]


def test_the_author_of_a_run_is_a_name(three):
    assert {run.author for run in mlops.runs(project=three).runs} == {"Sara"}


def test_one_run_cannot_be_compared(three):
    with pytest.raises(MlopsError) as raised:
        mlops.runs(compare=["1"], project=three)
    assert raised.value.hint == "runs --compare 18 19"
