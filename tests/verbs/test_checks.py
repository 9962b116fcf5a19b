"""`ci`: what it runs, what it compares, how it tells, and who gets ``dvc.lock``."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from chains import write_notebook

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError


def test_ci_writes_a_report_and_a_broken_gate_is_red(three, monkeypatch, tmp_path):
    step = tmp_path / "step.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    (three / "mlops.toml").write_text("[gates]\nauc = { min = 0.65, max_drop = 0.02 }\n")

    report = mlops.ci(base="HEAD~1", project=three)

    assert report.gate == "auc dropped from 0.8 to 0.7, by 0.1; allowed is 0.02 (train.ipynb, cell 3)"
    assert report.opening == "jupyter mlops pull && jupyter mlops run train"
    text = (three / report.summary_file).read_text()
    assert "| auc | 0.8 | 0.7 |" in text
    assert report.opening in text
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


def cases(root: Path, report) -> dict[str, str]:
    """Case of the JUnit report to how it ended."""
    found = ET.parse(root / report.junit_file).getroot()
    return {
        f"{case.get('classname')}/{case.get('name')}": next((child.tag for child in case), "passed")
        for case in found.iter("testcase")
    }


def test_ci_tells_every_ci_by_junit(chain):
    write_notebook(
        chain / "prepare.ipynb",
        "rows = 2",
        "raise ValueError('bad \x00 <tag> & \\ud800'.encode('utf-8', 'surrogatepass').decode('utf-8', 'replace'))",
    )
    report = mlops.ci(project=chain)
    assert cases(chain, report) == {
        "stages/prepare": "failure",
        "stages/train": "skipped",
        "checks/failed": "failure",
        "checks/gates": "passed",
        "checks/reproduce": "passed",
    }


@pytest.fixture
def shared(chain, tmp_path, git):
    """A project with a git remote and a DVC remote, all pushed."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(tmp_path / "origin.git")], check=True)
    git("remote", "add", "origin", str(tmp_path / "origin.git"))
    mlops.init(remote=str(tmp_path / "storage"), project=chain)
    mlops.commit(["data.csv"], message="data", project=chain)
    mlops.run(project=chain)
    mlops.push(project=chain)
    git("push", "-q", "origin", "main")
    return chain


def clone(source: Path, to: Path, *flags: str) -> Path:
    subprocess.run(["git", "clone", "-q", *flags, f"file://{source}", str(to)], check=True)
    return to


def test_ci_hands_dvc_lock_over_on_a_branch_of_its_own(shared, tmp_path, git):
    write_notebook(shared / "prepare.ipynb", "rows = 2", "open('clean.csv', 'w').write('new')")
    git("commit", "-qam", "edit")
    git("push", "-q", "origin", "main")
    there = clone(tmp_path / "origin.git", tmp_path / "ci")

    report = mlops.ci(lock_branch="mlops/lock", fail_on=["stale-lock"], project=there)

    assert report.lock_branch == "mlops/lock"
    assert "git switch --detach" in report.opening
    head = git("rev-parse", "HEAD").strip()
    git("fetch", "-q", "origin", "mlops/lock")
    assert git("rev-parse", "FETCH_HEAD~1").strip() == head
    git("merge", "-q", "--ff-only", "FETCH_HEAD")
    assert (shared / "dvc.lock").read_text() == (there / "dvc.lock").read_text()
    mlops.pull(project=shared)
    assert {stage.state for stage in mlops.run(project=shared).stages} <= {"up-to-date", "restored"}
    assert subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=there, text=True).strip() == head


def test_a_fork_that_may_only_read_is_told_what_to_do(shared, tmp_path, git):
    write_notebook(shared / "prepare.ipynb", "rows = 2", "open('clean.csv', 'w').write('new')")
    git("commit", "-qam", "edit")
    git("push", "-q", "origin", "main")
    there = clone(tmp_path / "origin.git", tmp_path / "ci")
    hook = tmp_path / "origin.git" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho read only >&2; exit 1\n")
    hook.chmod(0o755)
    report = mlops.ci(lock_branch="mlops/lock", project=there)
    assert report.lock_branch == ""
    assert any("The check of a fork may only read" in note for note in report.notes)
    assert report.gate is None


@pytest.mark.usefixtures("shared")
def test_a_shallow_clone_gets_the_history_and_the_records_it_needs(tmp_path):
    there = clone(tmp_path / "origin.git", tmp_path / "ci", "--depth", "1")
    report = mlops.ci(base="HEAD~1", project=there)
    assert report.gate is None
    assert {stage.state for stage in report.stages} <= {"up-to-date", "restored"}
    assert [run.author for run in mlops.runs(project=there).runs if run.author == "Sara"]


def test_ci_executes_a_sample_again_and_a_difference_is_red(chain):
    write_notebook(
        chain / "prepare.ipynb", "rows = 2", "import random", "open('clean.csv', 'w').write(str(random.random()))"
    )
    report = mlops.ci(reproduce=2, project=chain)
    assert report.gate is not None
    assert "clean.csv" in report.gate or "random" in report.gate
