"""A stage that another machine asked for, without the cluster that carries the order."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import jupyter_mlops as mlops
from jupyter_mlops.pipelines.cluster.orders import Done, Order, decoded
from jupyter_mlops.pipelines.cluster.published import published
from jupyter_mlops.pipelines.cluster.remote_stage import carried_out
from jupyter_mlops.pipelines.stages.lock import Pin
from jupyter_mlops.pipelines.standing.memory import fingerprint
from jupyter_mlops.project import Project


@pytest.fixture
def below(repository, git, tmp_path) -> Project:
    """A project in a folder of a larger repository, everything pushed."""
    from dvc.repo import Repo

    root = repository / "work" / "churn"
    root.mkdir(parents=True)
    Repo.init(str(root), subdir=True).close()
    (root / "in.txt").write_text("in\n")
    (root / "dvc.yaml").write_text(
        "stages:\n  make:\n    cmd: cat in.txt ../../README.md > out.txt\n    deps: [in.txt]\n    outs: [out.txt]\n"
    )
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(tmp_path / "origin")], check=True)
    git("remote", "add", "origin", str(tmp_path / "origin"))
    mlops.commit("in.txt", project=root)
    mlops.init(remote=str(tmp_path / "remote"), project=root)
    git("add", "-A")
    git("commit", "-qm", "all")
    git("push", "-q", "-u", "origin", "main")
    mlops.push(project=root)
    return Project(root)


def order(project: Project, **changes: object) -> bytes:
    stage = project.pipeline.graph().find("make")
    now = project.pipeline.situation(stage)
    seen = published(project.git, [stage])
    deps = {path: pin for path, pin in now.deps.items() if pin}
    fields = {
        "run": "run-1",
        "stage": "make",
        "repository": seen.repository,
        "commit": seen.commit,
        "folder": seen.folder,
        "remote": "",
        "deps": deps,
        "parts": deps,
        "fingerprint": fingerprint(stage, now),
        "reason": "never run",
    }
    return Order(**{**fields, **changes}).encoded()


def carry(data: bytes, folder: Path, *, wanted: bool = True) -> Done:
    return decoded(carried_out(data, folder, lambda _: None, lambda: wanted), Done)


def test_a_project_below_the_top_is_found_and_nothing_but_the_cache_stays(below, tmp_path):
    done = carry(order(below), tmp_path / "there")

    assert (done.record.state, done.record.error) == ("ran", "")
    assert (tmp_path / "remote" / "files" / "md5" / done.outs["out.txt"].md5[:2]).is_dir()
    left = list((tmp_path / "there").rglob("out.txt"))
    assert left == []
    assert carry(order(below), tmp_path / "there").record.state == "restored"
    assert carry(order(below, is_forced=True), tmp_path / "elsewhere").record.state == "ran"


def test_other_inputs_than_those_it_was_judged_by_are_refused(below, tmp_path):
    done = carry(order(below, fingerprint="0" * 64, deps={"in.txt": Pin("f" * 32, 3)}), tmp_path / "there")
    assert (done.record.state, "in.txt is not what it is here" in done.record.error) == ("failed", True)


def test_a_commit_that_was_not_pushed_is_told(below, tmp_path):
    done = carry(order(below, commit="1" * 40), tmp_path / "there")
    assert "does not have 1111111" in done.record.error


def test_an_address_that_does_not_answer_is_told_without_its_password(below, tmp_path):
    done = carry(order(below, repository="https://me:hunter2@127.0.0.1:9/x.git"), tmp_path / "there")
    assert (done.record.state, "hunter2" in done.record.error) == ("failed", False)


def test_what_nobody_waits_for_is_not_begun(below, tmp_path):
    done = carry(order(below), tmp_path / "there", wanted=False)
    assert (done.record.error, (tmp_path / "remote" / "runs").exists()) == ("stopped", False)
