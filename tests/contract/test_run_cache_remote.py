"""The run-cache in a remote: what we push plain DVC pulls, what it pushes we pull."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from chains import states

import jupyter_mlops as mlops


@pytest.fixture
def made(project, git, tmp_path) -> Path:
    """A stage that ran with two parameters, a remote, and everything committed."""
    root = project.root
    (root / "in.txt").write_text("in")
    (root / "params.yaml").write_text("p: 1\n")
    (root / "dvc.yaml").write_text(
        "stages:\n  make:\n    cmd: mkdir -p out && cat in.txt params.yaml > out/a.txt && echo '{\"a\":1}' > m.json\n"
        "    deps: [in.txt]\n    params: [p]\n    outs: [out]\n    metrics: [m.json: {cache: false}]\n"
    )
    (root / ".gitignore").write_text("/out\n")
    mlops.init(remote=str(tmp_path / "remote"), project=root)
    for value in (2, 1):
        (root / "params.yaml").write_text(f"p: {value}\n")
        mlops.run(project=root, git=False)
    git("add", "-A")
    git("commit", "-qm", "stage")
    return root


@pytest.fixture
def clone(made, tmp_path) -> Path:
    """A clone in which the parameter is the one of the earlier run."""
    place = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(made), str(place)], check=True)
    (place / "params.yaml").write_text("p: 2\n")
    return place


def entries(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.glob("runs/*/*/*")}


def dvc_in(root: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_we_push_plain_dvc_pulls_and_restores(made, clone, tmp_path):
    assert mlops.push(run_cache=True, project=made).runs == 2
    assert entries(tmp_path / "remote") == entries(made / ".dvc" / "cache")

    dvc_in(clone, "pull", "--run-cache")

    assert entries(clone / ".dvc" / "cache") == entries(tmp_path / "remote")
    assert "is cached - skipping run" in dvc_in(clone, "repro", "--pull")
    assert "p: 2" in (clone / "out" / "a.txt").read_text()


def test_what_plain_dvc_pushes_we_pull_and_restore(made, clone):
    # Plain DVC sends every entry, but of the data only what dvc.lock names and git does not keep: one entry is of use.
    for root in (made, clone):
        (root / "dvc.yaml").write_text((root / "dvc.yaml").read_text().replace("m.json: {cache: false}", "m.json"))
    mlops.run(git=False, force=True, project=made)
    dvc_in(made, "push", "--run-cache")
    (clone / "params.yaml").write_text("p: 1\n")
    (clone / "dvc.lock").unlink()
    (clone / "m.json").unlink()

    assert mlops.pull(run_cache=True, project=clone).runs == 1
    report = mlops.run(pull=True, git=False, author="Tom", project=clone)

    assert states(report) == {"make": "restored"}
    assert "p: 1" in (clone / "out" / "a.txt").read_text()
    assert "up to date" in dvc_in(clone, "status")


def test_nothing_is_sent_or_fetched_twice(made, clone):
    assert [mlops.push(run_cache=True, project=made).runs for _ in range(2)] == [2, 0]
    assert [mlops.pull(run_cache=True, project=clone).runs for _ in range(2)] == [2, 0]


def test_a_run_whose_data_was_let_go_stays_here_and_is_no_loss(made, tmp_path):
    kept = next(iter((made / ".dvc" / "cache" / "files" / "md5").glob("*/*.dir")))
    for path in (made / ".dvc" / "cache" / "files" / "md5").glob("*/*"):
        if path != kept and "p: 2" in path.read_text():
            path.unlink()
    sent = mlops.push(run_cache=True, project=made)
    assert (sent.runs, sent.missing) == (1, 0)
    assert len(entries(tmp_path / "remote")) == 1


def test_an_entry_without_its_data_is_not_fetched(made, clone, tmp_path):
    mlops.push(run_cache=True, project=made)
    shutil.rmtree(tmp_path / "remote" / "files")
    assert mlops.fetch(run_cache=True, project=clone, dry_run=True).runs == 0


def test_looking_moves_nothing(made, tmp_path):
    assert mlops.push(run_cache=True, dry_run=True, project=made).runs == 2
    assert entries(tmp_path / "remote") == set()
