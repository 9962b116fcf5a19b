"""A replica: what it holds, what it leaves alone, and that nothing of it stays."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

import jupyter_mlops as mlops
from jupyter_mlops.errors import UsageError
from jupyter_mlops.project import Project
from jupyter_mlops.versioning.replicas import replica


@pytest.fixture
def versioned(project: Project, git) -> Project:
    """Data with two versions, and code."""
    (project.root / "data.csv").write_text("a\n1\n")
    mlops.commit("data.csv", message="one", project=project.root)
    (project.root / "data.csv").write_text("a\n2\n")
    mlops.commit("data.csv", message="two", project=project.root)
    (project.root / "code.py").write_text("x = 1\n")
    git("add", "code.py")
    git("commit", "-qm", "code")
    return Project(project.root)


def worktrees(git) -> int:
    return git("worktree", "list").count("\n")


def test_it_holds_the_work_tree_as_it_is_and_ignored_files_stay_out(versioned, git):
    root = versioned.root
    (root / "code.py").write_text("x = 2\n")
    (root / "new.py").write_text("y = 1\n")
    (root / ".env").write_text("SECRET=1")
    (root / ".gitignore").write_text((root / ".gitignore").read_text() + ".env\n")

    with replica(versioned.datasets) as made:
        assert (made.root / "code.py").read_text() == "x = 2\n"
        assert (made.root / "new.py").read_text() == "y = 1\n"
        assert not (made.root / ".env").exists()
        assert made.furnish(("data.csv",)) == ()
        assert (made.root / "data.csv").read_text() == "a\n2\n"
        (made.root / "code.py").write_text("broken")
        (made.root / "data.csv").unlink()

    assert (root / "code.py").read_text() == "x = 2\n"
    assert (root / "data.csv").read_text() == "a\n2\n"
    assert worktrees(git) == 1


def test_an_older_commit_comes_with_its_own_data(versioned):
    with replica(versioned.datasets, "HEAD~2") as made:
        made.furnish(())
        assert (made.root / "data.csv").read_text() == "a\n1\n"
        assert not (made.root / "code.py").exists()


def test_data_that_the_cache_lacks_is_named(versioned):
    path = versioned.datasets.store.path(versioned.datasets.resolve("data.csv@v2").digest)
    path.unlink()
    with replica(versioned.datasets) as made:
        assert made.furnish(()) == ("data.csv",)


def test_a_project_below_the_top_of_the_repository(repository, git):
    from dvc.repo import Repo

    below = repository / "sub"
    below.mkdir()
    Repo.init(str(below), subdir=True).close()
    (below / "a.txt").write_text("a")
    git("add", "sub")
    git("commit", "-qm", "sub")
    with replica(Project.find(below).datasets) as made:
        assert made.root.name == "sub"
        assert (made.root / "a.txt").read_text() == "a"


def test_without_a_commit_there_is_nothing_to_replicate(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    with pytest.raises(UsageError) as caught, replica(Project(tmp_path).datasets):
        pass
    assert caught.value.reference == "no-commits"


def test_what_a_kill_leaves_is_swept_by_the_next(versioned, git):
    script = (
        "import sys, time; from pathlib import Path; from jupyter_mlops.project import Project;"
        "from jupyter_mlops.versioning.replicas import replica\n"
        "with replica(Project(Path(sys.argv[1])).datasets) as made:\n print(made.root, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(versioned.root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    left = process.stdout.readline().strip()
    process.kill()
    process.wait()
    process.stdout.close()
    time.sleep(0.05)
    assert left

    with replica(versioned.datasets):
        assert worktrees(git) == 2
    with replica(versioned.datasets):
        pass
    assert worktrees(git) == 1
