"""The watch socket tells of changes by anybody, and looks at nothing while nobody listens."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket

from jupyter_mlops.project import Project
from jupyter_mlops.server.sight import Folders, Sight, changed


class Panel:
    """What a panel hears."""

    def __init__(self, server: Any, project: str = "project") -> None:
        address = f"ws://127.0.0.1:{server.port}/mlops/v1/watch?project={project}"
        self.socket = websocket.create_connection(
            address, header={"Authorization": f"token {server.token}"}, timeout=10
        )
        assert self.hear() == set()

    def hear(self) -> set[str]:
        return set(json.loads(self.socket.recv())["changed"])

    def hears(self, *topics: str) -> set[str]:
        heard: set[str] = set()
        deadline = time.monotonic() + 10
        while not heard.issuperset(topics):
            assert time.monotonic() < deadline, heard
            heard |= self.hear()
        return heard


@pytest.fixture
def panel(server) -> Iterator[Panel]:
    opened = Panel(server)
    yield opened
    opened.socket.close()


def test_a_commit_in_a_terminal_is_heard(panel: Panel, repository: Path, git) -> None:
    (repository / "data.csv.dvc").write_text("outs: []\n")
    git("add", "data.csv.dvc")
    git("commit", "-qm", "by hand")
    assert panel.hears("data", "stages", "models")


def test_a_job_is_heard(panel: Panel, server) -> None:
    server.start("tag", project="project", reference="nothing@v1", name="x")
    assert panel.hears("jobs")


def test_a_tag_is_heard(panel: Panel, git) -> None:
    git("tag", "credit@v1.0.0")
    assert panel.hears("models", "deployments")


def test_a_project_that_comes_to_be_is_heard(server, tmp_path: Path, git) -> None:
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    panel = Panel(server, "fresh")
    git("init", "-q", cwd=fresh)
    heard = panel.hears("data", "settings")
    panel.socket.close()
    assert "jobs" not in heard


def test_marks_of_a_quiet_project_stay(project: Project) -> None:
    sight = Sight(project.root, project.root / "none")
    assert not changed(sight.look(), sight.look())


@pytest.mark.parametrize(
    ("path", "topics"),
    [
        ("mlops.toml", {"settings", "data", "deployments"}),
        ("dvc.yaml", {"stages"}),
        ("params.yaml", {"stages"}),
        ("dvc.lock", {"stages", "data"}),
        ("deep/down/data.csv.dvc", {"data"}),
        ("notebooks/train.ipynb", {"stages"}),
        (".git/mlops/live/run-1.json", {"runs", "stages"}),
        (".git/mlops/live/changed", {"data", "models", "runs"}),
        (".git/mlops/deployments/credit/state.json", {"deployments"}),
        (".git/mlops/jobs/job-00000000000-000000/ending.json", {"jobs"}),
        (".git/refs/mlops/runs/me", {"runs"}),
        (".git/packed-refs", {"data", "models", "runs"}),
    ],
)
def test_what_a_file_means(project: Project, path: str, topics: set[str]) -> None:
    sight = Sight(project.root, project.root / "none")
    before = sight.look()
    (project.root / path).parent.mkdir(parents=True, exist_ok=True)
    (project.root / path).write_text("x")
    assert topics <= changed(before, sight.look())


def test_a_dataset_folder_is_not_walked(project: Project) -> None:
    inner = project.root / "data" / "2015"
    inner.mkdir(parents=True)
    (inner / "part.csv").write_text("a\n")
    (project.root / "data.dvc").write_text("outs: []\n")
    marks = Sight(project.root, project.root / "none").look()
    assert str(project.root / "data") in marks
    assert str(inner / "part.csv") not in marks


def test_a_listing_is_read_once_while_its_folder_rests(tmp_path: Path) -> None:
    folders = Folders()
    time.sleep(0.2)
    first = folders.listing(str(tmp_path))
    assert folders.listing(str(tmp_path)) is first
    (tmp_path / "new").touch()
    assert "new" in folders.listing(str(tmp_path)).files
