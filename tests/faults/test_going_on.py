"""What was cut off between two steps goes on: pointers and commits, git and its locks, erasures."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from survivors import history
from works import erase, erased, fill, to_erase

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.project import Project
from jupyter_mlops.records import Actor
from jupyter_mlops.versioning import ledger

SARA = Actor("Sara", "sara@example.org")


def changes(root: Path) -> str:
    """What git says is not committed."""
    command = ["git", "status", "--short", "--untracked-files=no"]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def cut_off_before_the_commit(root: Path) -> Iterator[None]:
    """A hook that refuses stands for a kill between the pointer and the commit."""
    hook = root / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(MlopsError, match="git-failed"):
        yield
    hook.unlink()


def test_an_erasure_cut_off_before_git_committed_is_committed_when_it_goes_on(root):
    arguments = to_erase(root, "text")
    with cut_off_before_the_commit(root):
        mlops.erase(**arguments, project=root)
    erase(root, arguments)
    assert erased(root, arguments)
    assert history(root, "data")["data"][0] == Project(root).datasets.pointer("data")[1].digest


def test_the_last_file_of_a_dataset_leaves_git_too_when_its_erasure_goes_on(root):
    (root / "who.csv").write_text("name\nSara\n")
    mlops.commit("who.csv", project=root)
    with cut_off_before_the_commit(root):
        mlops.erase(path="who.csv", reason="request 12", yes=True, project=root)
    mlops.erase(resume=True, project=root)
    assert mlops.status(project=root).clean
    assert "who.csv" not in changes(root)


@pytest.mark.parametrize("name", ["data", "new.csv"])
def test_a_commit_goes_on_where_git_died_between_head_and_its_index(root, name):
    (root / "data" / "7.txt" if name == "data" else root / name).write_text("second")
    index = root / ".git" / "index"
    before = index.read_bytes()
    mlops.commit(name, project=root)
    index.write_bytes(before)
    mlops.commit(name, project=root)
    assert mlops.status(project=root).clean
    assert changes(root) == ""


@pytest.fixture
def locked(root, monkeypatch) -> tuple[ledger.Ledger, Path]:
    """A ledger with one record, and the lock of a git that moves its ref."""
    monkeypatch.setattr(ledger, "STALE_S", 0.3)
    monkeypatch.setattr(ledger, "ATTEMPTS", 4)
    records = ledger.Ledger(Project(root).places, Project(root).git)
    records.append("runs", "one", b"1", SARA)
    lock = root / ".git" / f"{records.ref('runs')}.lock"
    lock.write_bytes(b"")
    return records, lock


def test_records_are_kept_where_git_died_with_the_lock_of_their_ref(locked):
    records, lock = locked
    records.append("runs", "two", b"2", SARA)
    assert dict(records.read("runs")) == {"two": b"2", "one": b"1"}
    assert not lock.exists()


def test_the_lock_of_a_git_at_work_is_left_alone(locked):
    records, lock = locked
    done = threading.Event()

    def work() -> None:
        while not done.wait(0.05):
            os.utime(lock)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        with pytest.raises(MlopsError, match="ledger-busy"):
            records.append("runs", "two", b"2", SARA)
    finally:
        done.set()
        worker.join()
    assert lock.exists()


def test_what_a_killed_writer_left_beside_a_pointer_is_swept(root):
    fill(root, "second")
    left = [root / ".data.dvc.0123abcd.tmp", root / "data" / ".data.dvc.0123abcd.tmp"]
    for path in left:
        path.write_text("outs:")
    mlops.commit("data", project=root)
    assert [path.exists() for path in left] == [False, True]
