"""Versions brought back and committed again, commits that git refused, data that went missing."""

from __future__ import annotations

from pathlib import Path

import pytest

import jupyter_mlops as mlops
from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.rendering import text


@pytest.fixture
def root(project, once) -> Path:
    """Three versions of a table."""
    return once(project.root, build)


def build(root: Path) -> None:
    for rows in range(1, 4):
        (root / "x.csv").write_text("a\n" + "1\n" * rows)
        mlops.commit("x.csv", project=root)


@pytest.fixture
def refusing(repository) -> Path:
    """A hook that lets no commit through."""
    hook = repository / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\necho no >&2\nexit 1\n")
    hook.chmod(0o755)
    return hook


def lines(root: Path) -> list[str]:
    return [step.line for step in mlops.status(project=root).next]


def test_what_was_brought_back_goes_forward_first(root):
    mlops.checkout("x@v1", project=root)
    found = mlops.status(project=root)
    assert found.next[0].text == "x.csv is at v1, HEAD v3"
    assert lines(root) == ["checkout x.csv@v3", "commit x.csv"]
    assert [each.version for each in mlops.log("x", project=root).versions if each.current] == ["v1"]
    mlops.checkout("x@v3", project=root)
    assert lines(root) == []


def test_a_tag_taken_away_says_what_it_named(root):
    mlops.tag("x@v2", "gold", project=root)
    assert "x.csv@gold names v2." in text(mlops.tag("x@v2", "gold", project=root))
    assert "x.csv@gold no longer names v2." in text(mlops.tag("x", "gold", remove=True, project=root))


def test_a_result_is_short_in_python(root):
    assert repr(mlops.log("x", project=root)) == "History(versions=[3])"
    assert len(repr(mlops.status(project=root))) < 400


def test_an_earlier_version_may_become_the_newest(root, git):
    mlops.checkout("x@v1", project=root)
    done = mlops.commit("x.csv", project=root)
    (version,) = done.versions
    assert (done.message, version.version, version.unchanged) == ("x: back to v1", "v1", False)
    assert "unchanged" not in text(done)
    assert git("log", "-1", "--format=%s").strip() == "x: back to v1"
    assert lines(root) == []
    assert [each.version for each in mlops.log("x", project=root).versions if each.current] == ["v1"]
    assert mlops.commit("x.csv", project=root).versions[0].unchanged


def test_an_earlier_version_made_by_hand_is_known_again(root):
    (root / "x.csv").write_text("a\n1\n")
    assert lines(root) == ["checkout x.csv@v3", "commit x.csv"]
    assert mlops.commit(project=root).message == "x: back to v1"


def test_a_head_behind_its_branch_says_what_lies_here(root, git):
    mlops.status(project=root)
    git("checkout", "-q", "HEAD~1")
    (step,) = mlops.status(project=root).next
    assert (step.text, step.line) == ("x.csv is at v3, HEAD v2", "checkout x.csv@v2")


def test_a_commit_that_git_refused_can_be_repeated(repository, refusing, git):
    (repository / "d.csv").write_text("a\n1\n")
    with pytest.raises(EnvironmentFault, match="saved in the cache, but git made no commit") as caught:
        mlops.commit("d.csv", project=repository)
    assert "no" in caught.value.context
    found = mlops.status(project=repository)
    assert found.next[0].text == "d.csv is committed to the cache, not to git: commit again"
    assert "not in git" in text(found)
    refusing.unlink()
    done = mlops.commit("d.csv", project=repository)
    assert (done.versions[0].version, done.versions[0].unchanged) == ("v1", False)
    assert git("status", "--porcelain") == ""
    assert lines(repository) == []


@pytest.mark.usefixtures("refusing")
def test_what_was_deleted_before_its_first_commit_comes_back(repository):
    (repository / "d.csv").write_text("a\n1\n")
    with pytest.raises(EnvironmentFault):
        mlops.commit("d.csv", project=repository)
    (repository / "d.csv").unlink()
    with pytest.raises(UsageError) as caught:
        mlops.commit("d.csv", project=repository)
    assert caught.value.hint == "checkout d.csv puts it back."
    with pytest.raises(UsageError) as caught:
        mlops.checkout("d.csv@HEAD", project=repository)
    assert caught.value.hint.startswith("checkout d.csv ")
    assert lines(repository) == ["checkout d.csv"]
    mlops.checkout("d.csv", project=repository)
    assert (repository / "d.csv").read_text() == "a\n1\n"


def test_a_bare_commit_tells_what_is_missing(root):
    (root / "x.csv").unlink()
    done = mlops.commit(project=root)
    assert (done.versions, "x.csv" in done.note, "`checkout x.csv`" in done.note) == ((), True, True)
    mlops.checkout("x.csv", project=root)
    assert (root / "x.csv").exists()


def test_a_mistyped_path_is_said_before_anything_else(root, git):
    git("config", "--unset", "user.email")
    with pytest.raises(UsageError, match=r"There is no file nope\.parquet") as caught:
        mlops.commit("nope.parquet", project=root)
    assert caught.value.reference == "no-such-file"
