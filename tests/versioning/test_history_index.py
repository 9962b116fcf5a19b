"""The index of history: what git says of HEAD without a process, and versions as branches move."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from jupyter_mlops.records import Places
from jupyter_mlops.versioning import git as module
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.heads import Head
from jupyter_mlops.versioning.history import HistoryIndex

POINTER = "outs:\n- md5: {:032x}\n  size: 1\n  hash: md5\n  path: data\n"


def git(root: Path, *arguments: str) -> str:
    who = [word for key in ("name", "email") for word in ("-c", f"user.{key}=me@localhost")]
    return subprocess.check_output(["git", *who, *arguments], cwd=root, text=True).strip()


def commit(root: Path, number: int) -> str:
    (root / "data.dvc").write_text(POINTER.format(number))
    git(root, "add", "data.dvc")
    git(root, "commit", "-q", "-m", f"number {number}")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    commit(root, 1)
    return root


def told(root: Path) -> Head:
    """What git itself says; and what is read from the files must be the same."""
    by_git = subprocess.run(["git", "rev-parse", "--verify", "-q", "HEAD"], cwd=root, capture_output=True, check=False)
    name = subprocess.run(["git", "symbolic-ref", "-q", "--short", "HEAD"], cwd=root, capture_output=True, check=False)
    expected = Head(by_git.stdout.decode().strip() or None, name.stdout.decode().strip() or None)
    assert Git(root).checked_out() == expected
    assert Git(root).common_folder() == (root / git(root, "rev-parse", "--git-common-dir")).resolve()
    return expected


def branch_in_folders(root: Path) -> None:
    git(root, "switch", "-q", "-c", "fix/deep/down")
    commit(root, 2)


def packed(root: Path) -> None:
    git(root, "tag", "-a", "-m", "x", "v1")
    git(root, "pack-refs", "--all")


def packed_and_moved(root: Path) -> None:
    packed(root)
    commit(root, 2)


def detached(root: Path) -> None:
    commit(root, 2)
    git(root, "checkout", "-q", "HEAD~1")


def unborn(root: Path) -> None:
    git(root, "switch", "-q", "--orphan", "new")


def alias(root: Path) -> None:
    git(root, "symbolic-ref", "refs/heads/alias", "refs/heads/main")
    git(root, "symbolic-ref", "HEAD", "refs/heads/alias")


def emptied(root: Path) -> None:
    git(root, "pack-refs", "--all")
    (root / ".git" / "refs" / "heads" / "main").write_text("")


@pytest.mark.parametrize(
    "change", [branch_in_folders, packed, packed_and_moved, detached, unborn, alias, emptied], ids=lambda f: f.__name__
)
def test_head_read_from_files_is_what_git_says(root, change):
    change(root)
    told(root)


def test_head_of_a_worktree_and_of_a_folder_below(root):
    git(root, "worktree", "add", "-q", "../other", "-b", "other")
    other = root.parent / "other"
    commit(other, 5)
    assert told(other).branch == "other"
    assert told(root).branch == "main"
    below = root / "sub"
    below.mkdir()
    assert told(below) == told(root)


def test_head_of_a_submodule(root):
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(root), "inside")
    assert told(root / "inside").branch == "main"


def test_where_the_environment_moves_the_repository_git_is_asked(root, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    git(elsewhere, "init", "-q", "-b", "away")
    moved = commit(elsewhere, 9)
    monkeypatch.setenv("GIT_DIR", str(elsewhere / ".git"))
    assert Git(root).checked_out() == Head(moved, "away")
    assert Git(root).common_folder() == elsewhere / ".git"


@pytest.fixture
def index(root: Path) -> HistoryIndex:
    return HistoryIndex(Places(root=root, git_dir=root / ".git"), Git(root))


def digests(index: HistoryIndex) -> list[int]:
    return [int(found.digest, 16) for found in index.versions("data")]


def test_versions_follow_branches_resets_and_rebases(root, index):
    assert digests(index) == [1]
    first = commit(root, 2)
    assert digests(index) == [2, 1]
    git(root, "switch", "-q", "-c", "other", "HEAD~1")
    commit(root, 3)
    assert digests(index) == [3, 1]
    git(root, "rebase", "-q", "-X", "theirs", first)
    assert digests(index) == [3, 2, 1]
    git(root, "reset", "-q", "--hard", "HEAD~2")
    assert digests(index) == [1]
    git(root, "switch", "-q", "main")
    assert digests(index) == [2, 1]


def test_a_second_look_starts_no_process(root, index, monkeypatch):
    commit(root, 2)
    assert digests(index) == [2, 1]
    monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: pytest.fail("git was started"))
    assert digests(index) == [2, 1]
    assert index.digest_at("data") == f"{2:032x}"


def test_a_pointer_moved_names_another_dataset(root, index):
    (root / "sub").mkdir()
    (root / "data.dvc").replace(root / "sub" / "data.dvc")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "moved")
    assert digests(index) == [1]
    assert [found.pointer for found in index.versions("sub/data")] == ["sub/data.dvc"]
    assert index.digest_at("data") is None
