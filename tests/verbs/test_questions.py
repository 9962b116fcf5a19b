"""How many processes a daily verb starts: each costs more than most answers."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import jupyter_mlops as mlops
from jupyter_mlops.versioning.git import Git


@pytest.fixture
def root(project) -> Path:
    (project.root / "data").mkdir()
    (project.root / "data" / "a.bin").write_bytes(b"first")
    mlops.commit("data", project=project.root)
    (project.root / "data" / "a.bin").write_bytes(b"second")
    mlops.commit("data", project=project.root)
    return project.root


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    spawn, asked = Git._spawn, []
    monkeypatch.setattr(Git, "_spawn", lambda self, words, *more: asked.append(words[0]) or spawn(self, words, *more))
    return asked


def test_a_verb_asks_git_little(root, asked):
    for verb, most in (
        (lambda: mlops.status(project=root), 2),
        (lambda: mlops.log("data", project=root), 1),
        (lambda: mlops.commit("data", project=root), 5),
        (lambda: mlops.checkout("data@v1", project=root), 3),
    ):
        asked.clear()
        verb()
        assert len(asked) <= most, asked


def test_a_log_with_tags_asks_once_more(root, asked):
    mlops.tag("data@v1", "gold", project=root)
    asked.clear()
    assert mlops.log("data", project=root).versions[1].tags == ("gold",)
    assert len(asked) <= 2, asked


@pytest.mark.parametrize("packed", [False, True], ids=["loose", "packed"])
def test_tags_are_found_wherever_git_keeps_them(root, git, packed):
    for name in ("gold", "may-fix"):
        mlops.tag("data@v1", name, project=root)
    git("tag", "data@plain", "HEAD")
    git("tag", "data-other@gold", "HEAD")
    if packed:
        git("pack-refs", "--all")
        git("tag", "-d", "data@may-fix")
        mlops.tag("data@v1", "may-fix", project=root)
    newest, first = mlops.log("data", project=root).versions
    assert (set(newest.tags), set(first.tags)) == ({"plain"}, {"gold", "may-fix"})


def test_a_role_is_asked_for_only_where_one_was_given(root, asked):
    mlops.status(project=root)
    assert "config" not in asked
    (root / "mlops.toml").write_text('[roles]\n"*" = "viewer"\n')
    assert mlops.status(project=root).role == "viewer"
    assert "config" in asked


def test_a_comparison_looks_only_at_files_that_differ(root):
    for number in range(3):
        (root / "data" / f"{number}.bin").write_bytes(bytes([number]))
    mlops.commit("data", project=root)
    (root / "data" / "2.bin").write_bytes(b"another")
    mlops.commit("data", project=root)
    same = hashlib.md5(bytes([0]), usedforsecurity=False).hexdigest()
    (root / ".dvc" / "cache" / "files" / "md5" / same[:2] / same[2:]).unlink()
    found = mlops.diff("data@v3", "data@v4", project=root)
    assert found.files.modified == ("2.bin",)
    assert "not in the cache" not in found.note
