"""Two people run: their records unite, and no working tree is left changed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import jupyter_mlops as mlops


def call(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True, env=os.environ
    ).stdout


@pytest.fixture
def people(chain, tmp_path) -> tuple[Path, Path]:
    """Two clones of one project, with a DVC remote and a bare git remote."""
    mlops.init(remote=str(tmp_path / "store"), project=chain)
    mlops.commit(["data.csv"], message="data", project=chain)
    mlops.run(project=chain)
    mlops.push(project=chain)
    call(tmp_path, "clone", "-q", "--bare", str(chain), "origin.git")
    clones = []
    for name in ("Sara", "Omar"):
        clone = tmp_path / name
        call(tmp_path, "clone", "-q", "origin.git", name)
        call(clone, "config", "user.name", name)
        call(clone, "config", "user.email", f"{name.lower()}@example.org")
        mlops.init(project=clone)
        mlops.pull(project=clone)
        clones.append(clone)
    return clones[0], clones[1]


def test_runs_of_two_people_unite_without_a_conflict(people):
    sara, omar = people
    (sara / "helper.py").write_text("a = 1\n")
    mlops.run(parameters={"C": 2.0}, project=sara, git=False)
    mlops.run(parameters={"C": 3.0}, project=omar, git=False)
    mlops.run(parameters={"C": 4.0}, project=sara, git=False)
    for clone in people:
        mlops.push(project=clone)
    before = [call(clone, "status", "--porcelain") for clone in people]
    for clone in people:
        mlops.fetch(project=clone)
    mlops.push(project=omar)

    seen = [mlops.runs(project=clone).runs for clone in people]

    assert seen[0] == seen[1]
    assert [(run.author, run.parameters["train.C"]) for run in seen[0]] == [("Sara", 4.0), ("Omar", 3.0), ("Sara", 2.0)]
    assert [call(clone, "status", "--porcelain") for clone in people] == before
    assert mlops.environment("run:1", project=omar).packages == mlops.environment("run:1", project=sara).packages


def test_a_committed_run_leaves_nothing_changed_and_both_branches_merge(people):
    sara, omar = people
    mlops.run(["prepare"], parameters={"rows": 3}, project=sara)
    call(sara, "push", "-q", "origin", "HEAD")
    mlops.run(["prepare"], force=True, project=omar)
    assert call(omar, "status", "--porcelain") == ""

    call(omar, "fetch", "-q")
    call(omar, "merge", "-q", "-m", "merged", "origin/main")

    assert call(omar, "status", "--porcelain") == ""
    assert [stage.state for stage in mlops.status(project=omar).stages if stage.name == "prepare"] == ["stale"]
    mlops.push(project=sara)
    mlops.pull(project=omar)
    assert [stage.state for stage in mlops.status(project=omar).stages if stage.name == "prepare"] == ["up-to-date"]
