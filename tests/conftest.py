"""Real repositories for every test: a git repository with DVC inside, and an identity."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from jupyter_mlops.project import Project

pytest_plugins = ["chains", "sweeping"]

# How long an example takes on a busy machine is no property of ours.
hypothesis.settings.register_profile("ours", deadline=None)
hypothesis.settings.load_profile("ours")

# Whoever runs the tests has no part in them; fixtures that outlive one test start before `_private_home`.
for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "JUPYTERHUB_USER"):
    os.environ.pop(name, None)

Once = Callable[..., Path]


@pytest.fixture(autouse=True)
def _private_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the real home, and none is watched by an outer git."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(home / "dvc-site"))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("IPYTHONDIR", str(home / ".ipython"))
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)


@pytest.fixture
def git(tmp_path: Path):
    """Run git in the test's repository."""

    def run(*arguments: str, cwd: Path = tmp_path / "project") -> str:
        done = subprocess.run(["git", *arguments], cwd=cwd, check=True, capture_output=True, text=True, env=os.environ)
        return done.stdout

    return run


@pytest.fixture(scope="session")
def _templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("templates")


@pytest.fixture
def once(_templates: Path) -> Once:
    """Fill a folder by a function that runs once in a session; whoever comes later is given a copy.

    A repository is the same wherever it lies, and to copy it takes a fraction of the time. Functions of one name are
    told apart by `key`.
    """

    def fill(folder: Path, build: Callable[[Path], object], key: str = "") -> Path:
        template = _templates / f"{build.__module__}.{build.__qualname__}.{key}"
        if template.exists():
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(template, folder, symlinks=True)
            if (folder / ".mlops").exists():  # it was made here, not brought by a clone
                claim = Project(folder).places._claim
                claim.parent.mkdir(parents=True, exist_ok=True)
                claim.touch()
        else:
            build(folder)
            shutil.copytree(folder, template, symlinks=True)
        return folder

    return fill


@pytest.fixture
def repository(tmp_path: Path, once: Once) -> Path:
    """A git repository with one commit, without DVC."""
    return once(tmp_path / "project", start)


def start(root: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=root, check=True)

    root.mkdir()
    git("init", "-q", "-b", "main", "--template=")
    (root / ".git" / "hooks").mkdir()
    (root / ".git" / "info").mkdir()
    git("config", "user.name", "Sara")
    git("config", "user.email", "sara@example.org")
    (root / "README.md").write_text("# project\n")
    git("add", "README.md")
    git("commit", "-qm", "start")


@pytest.fixture
def project(repository: Path, once: Once) -> Project:
    """A git repository in which plain ``dvc init`` was run and committed."""
    return Project(once(repository, start_dvc))


def start_dvc(root: Path) -> None:
    from dvc.repo import Repo

    Repo.init(str(root)).close()
    subprocess.run(["git", "add", ".dvc", ".dvcignore"], cwd=root, check=True)
    subprocess.run(["git", "commit", "-qm", "dvc init"], cwd=root, check=True)
