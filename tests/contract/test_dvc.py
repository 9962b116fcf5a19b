"""Plain dvc and git agree with our verbs, and our verbs with plain dvc."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import jupyter_mlops as mlops

GENTLE = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


@pytest.fixture
def root(project) -> Path:
    (project.root / "data" / "deep").mkdir(parents=True)
    (project.root / "data" / "a.csv").write_text("a\n1\n")
    (project.root / "data" / "deep" / "ü n.txt").write_text("text")
    (project.root / "data" / "empty").touch()
    (project.root / "run me.sh").write_text("#!/bin/sh\n")
    (project.root / "run me.sh").chmod(0o755)
    return project.root


def dvc(root: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, env={**GENTLE, **os.environ})
    return done.stdout.strip()


def agrees(root: Path) -> None:
    assert dvc(root, "status") == "Data and pipelines are up to date."
    assert dvc(root, "data", "status") == "No changes."
    subprocess.run(["git", "fsck", "--strict"], cwd=root, check=True, capture_output=True)
    assert subprocess.check_output(["git", "status", "--porcelain"], cwd=root, text=True) == ""


def test_dvc_agrees_after_our_commit(root):
    mlops.commit(["data", "run me.sh"], project=root)
    agrees(root)


def test_our_pointers_are_those_that_dvc_writes(root):
    mlops.commit(["data", "run me.sh"], project=root, git=False)
    ours = {name: (root / name).read_bytes() for name in ("data.dvc", "run me.sh.dvc", ".gitignore")}
    ours["data.dvc"], _, rows = ours["data.dvc"].partition(b"meta:\n")
    assert rows.startswith(b"  rows: 1\n")
    for name in ours:
        (root / name).unlink()
    dvc(root, "add", "-q", "data", "run me.sh")
    assert {name: (root / name).read_bytes() for name in ours} == ours


def test_dvc_checks_out_what_we_saved(root):
    mlops.commit(["data", "run me.sh"], project=root)
    subprocess.run(["rm", "-rf", "data", "run me.sh"], cwd=root, check=True)
    dvc(root, "checkout", "-q")
    assert (root / "data" / "deep" / "ü n.txt").read_text() == "text"
    assert os.access(root / "run me.sh", os.X_OK)


def test_we_check_out_what_dvc_saved(root, git):
    dvc(root, "add", "-q", "data", "run me.sh")
    git("add", ".")
    git("commit", "-qm", "by dvc")
    (root / "data" / "a.csv").write_text("a\n2\n")
    dvc(root, "add", "-q", "data")
    git("commit", "-qam", "again by dvc")
    assert mlops.checkout("data@v1", project=root).written == 1
    assert (root / "data" / "a.csv").read_text() == "a\n1\n"
    (root / "run me.sh").unlink()
    mlops.checkout("run me.sh@v1", project=root)
    assert os.access(root / "run me.sh", os.X_OK)
    assert dvc(root, "status") == "Data and pipelines are up to date."


def test_opening_a_dvc_repository_changes_no_byte(root, git):
    dvc(root, "add", "-q", "data")
    git("add", ".")
    git("commit", "-qm", "by dvc")
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    shown = mlops.status(project=root)
    assert (shown.datasets[0].state, shown.note) == (
        "up-to-date",
        "DVC project: 1 dataset, 1 version. Nothing was changed.",
    )
    assert mlops.log("data", project=root).versions[0].message == "by dvc"
    assert mlops.diff("data", project=root).files == type(mlops.diff("data", project=root).files)()
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_dvc_keeps_what_we_write_about_data(root):
    mlops.commit("data", project=root, owner="Ana", pii=["a"])
    (root / "data" / "a.csv").write_text("a\n2\n")
    dvc(root, "add", "-q", "data")
    assert "owner: Ana" in (root / "data.dvc").read_text()


def test_rows_are_not_taken_from_a_pointer_that_dvc_changed(root, git):
    mlops.commit("data", project=root)
    (root / "data" / "a.csv").write_text("a\n2\n3\n")
    dvc(root, "add", "-q", "data")
    assert "rows: 1" in (root / "data.dvc").read_text()
    git("commit", "-qam", "by dvc")
    assert [version.rows for version in mlops.log("data", project=root).versions] == [None, 1]
    assert mlops.show("data", project=root).version.rows == 2


@pytest.mark.parametrize("kind", ["hardlink", "symlink"])
def test_both_agree_with_linked_caches(root, kind):
    dvc(root, "config", "cache.type", kind)
    subprocess.run(["git", "commit", "-qam", "links"], cwd=root, check=True)
    mlops.commit(["data", "run me.sh"], project=root)
    assert (root / "data" / "a.csv").stat().st_nlink == (2 if kind == "hardlink" else 1)
    assert (root / "data" / "a.csv").is_symlink() == (kind == "symlink")
    agrees(root)
    subprocess.run(["rm", "-rf", "data"], cwd=root, check=True)
    mlops.checkout("data@v1", project=root)
    agrees(root)
    (root / "data" / "a.csv").unlink()
    (root / "data" / "a.csv").write_text("a\n9\n")
    mlops.commit("data", project=root)
    agrees(root)


def test_a_cache_elsewhere_is_shared(root, tmp_path):
    dvc(root, "cache", "dir", "--local", str(tmp_path / "shared"))
    mlops.commit(["data", "run me.sh"], project=root)
    assert (tmp_path / "shared" / "files" / "md5").exists()
    assert not (root / ".dvc" / "cache" / "files").exists()
    agrees(root)


def test_dvc_gc_and_pull_work_with_ours(root, tmp_path):
    mlops.init(remote=str(tmp_path / "remote"), project=root)
    mlops.commit(["data", "run me.sh"], project=root)
    mlops.push(project=root)
    dvc(root, "gc", "-w", "-f", "-q")
    subprocess.run(["rm", "-rf", ".dvc/cache", "data"], cwd=root, check=True)
    dvc(root, "pull", "-q")
    agrees(root)


def test_stage_outs_are_checked_out_with_their_lock(project, git):
    root = project.root
    (root / "dvc.yaml").write_text(
        "stages:\n  make:\n    cmd: cp in.txt out.txt\n    deps: [in.txt]\n    outs: [out.txt]\n"
    )
    for text in ("one", "two"):
        (root / "in.txt").write_text(text)
        dvc(root, "repro", "-q")
        git("add", ".")
        git("commit", "-qm", text)
    mlops.checkout("out@v1", project=root)
    assert (root / "out.txt").read_text() == "one"
    assert "changed outs" not in dvc(root, "status")
    mlops.checkout("HEAD", all=True, project=root)
    assert (root / "out.txt").read_text() == "two"
    agrees(root)


def test_our_lock_and_that_of_dvc_exclude_each_other(root):
    import zc.lockfile

    from jupyter_mlops.project import Project
    from jupyter_mlops.versioning.publishing import dvc_lock

    with dvc_lock(root, Project(root).datasets.settings), pytest.raises(zc.lockfile.LockError):
        zc.lockfile.LockFile(str(root / ".dvc" / "tmp" / "lock"))
    zc.lockfile.LockFile(str(root / ".dvc" / "tmp" / "lock")).close()
