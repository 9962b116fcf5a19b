"""A server at rest proves the data of the projects it showed, quietly, and of no others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
import websocket
from live_server import Server, launch

import jupyter_mlops as mlops
from jupyter_mlops.project import Project
from jupyter_mlops.records import now
from jupyter_mlops.server.processes import Process
from jupyter_mlops.versioning.scrubbing import LastLook

REST_S = 1.0
LONG_REST_S = 4 * REST_S


@pytest.fixture
def versioned(repository: Path) -> Path:
    """A project with a version of a table, never looked at."""
    (repository / "rows.csv").write_text("a\n1\n")
    mlops.init(project=repository)
    mlops.commit(["rows.csv"], project=repository)
    return repository


@pytest.fixture
def idle(versioned: Path) -> Iterator[Server]:
    """A server that comes to rest soon."""
    started = launch(versioned.parent, f"--MlopsExtension.rest_s={REST_S}")
    yield started
    started.stop()


@pytest.fixture
def panel(idle: Server) -> Iterator[websocket.WebSocket]:
    address = f"ws://127.0.0.1:{idle.port}/mlops/v1/watch?project=project"
    socket = websocket.create_connection(address, header={"Authorization": f"token {idle.token}"}, timeout=10)
    yield socket
    socket.close()


def jobs(root: Path) -> list[Path]:
    """Asked of the disk: a request would end the rest."""
    return sorted((root / ".git/mlops/jobs").glob("job-*"))


def until(true: Callable[[], Any], timeout_s: float = 30) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (found := true()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def ended(job: Path) -> Any:
    path = until(lambda: (job / "ending.json").exists() and job / "ending.json")
    return msgspec.json.decode(path.read_bytes())


def looked(root: Path, days: int) -> None:
    """The cache was last looked at so many days ago."""
    look = LastLook(now() - timedelta(days=days), 0)
    places = Project(root).places
    places.state.mkdir(parents=True, exist_ok=True)
    (places.state / "verified.json").write_bytes(msgspec.json.encode(look))


def test_what_was_never_looked_at_is_scrubbed_once(
    versioned: Path, idle: Server, request: pytest.FixtureRequest
) -> None:
    damaged = next((versioned / ".dvc/cache/files/md5").glob("*/*"))
    damaged.chmod(0o644)
    damaged.write_bytes(b"b\n2\n")
    request.getfixturevalue("panel")
    job = until(lambda: jobs(versioned))[0]
    assert ended(job)["gate"]
    assert not damaged.exists()
    time.sleep(LONG_REST_S)
    assert len(jobs(versioned)) == 1
    (listed,) = idle.get("jobs", project="project")["jobs"]
    assert (listed["verb"], listed["line"]) == ("verify", "verify --all-versions --scrub")
    entry = (versioned / ".git/mlops/audit.jsonl").read_text().splitlines()[-1]
    assert '"actor":"scrub"' in entry
    assert '"face":"scrub"' in entry


def test_it_takes_only_what_nobody_else_needs_and_can_be_stopped(
    versioned: Path, idle: Server, request: pytest.FixtureRequest
) -> None:
    large = versioned / ".dvc/cache/files/md5/00" / f"{0:030x}"
    large.parent.mkdir(exist_ok=True)
    with large.open("wb") as file:
        file.truncate(16 << 30)  # takes no room, and longer to read than the test lasts
    request.getfixturevalue("panel")
    job = until(lambda: jobs(versioned))[0]
    found = msgspec.json.decode(until(lambda: (job / "process.json").exists() and job / "process.json").read_bytes())
    process = psutil.Process(msgspec.convert(found, Process).pid)
    until(lambda: process.nice() == 19)
    if psutil.LINUX:
        until(lambda: process.ionice().ioclass == psutil.IOPRIO_CLASS_IDLE)
    assert idle.ask("DELETE", f"jobs/{job.name}", project="project").status == 200
    assert idle.wait(job.name, "project")["state"] == "cancelled"
    time.sleep(LONG_REST_S)
    assert len(jobs(versioned)) == 1


@pytest.mark.parametrize(("every", "days", "scrubs"), [("7d", 8, 1), ("7d", 6, 0), ("never", 999, 0)])
def test_how_old_the_last_look_may_be_is_a_setting(
    versioned: Path, every: str, days: int, scrubs: int, request: pytest.FixtureRequest
) -> None:
    (versioned / "mlops.toml").write_text(f'[verify]\nevery = "{every}"\n')
    looked(versioned, days)
    request.getfixturevalue("panel")
    time.sleep(LONG_REST_S)
    assert len(jobs(versioned)) == scrubs


def test_a_role_that_people_need_does_not_stop_it_but_its_own_does(
    versioned: Path, request: pytest.FixtureRequest
) -> None:
    (versioned / "mlops.toml").write_text('[roles]\n"*" = "viewer"\n')
    request.getfixturevalue("panel")
    job = until(lambda: jobs(versioned))[0]
    assert ended(job)["state"] == "succeeded"
    (versioned / "mlops.toml").write_text('[roles]\nscrub = "viewer"\n')
    looked(versioned, 8)
    (job / "order.json").unlink()
    second = until(lambda: [one for one in jobs(versioned) if one != job])[0]
    assert ended(second)["error"]["reference"] == "denied"


def test_without_a_panel_nothing_is_looked_at(versioned: Path, idle: Server) -> None:
    idle.get("status", project="project")
    time.sleep(LONG_REST_S)
    assert not jobs(versioned)


@pytest.mark.usefixtures("panel")
def test_a_server_that_is_asked_does_not_rest(versioned: Path, idle: Server) -> None:
    deadline = time.monotonic() + LONG_REST_S
    while time.monotonic() < deadline:
        idle.get("verbs", project="project")
    assert not jobs(versioned)


def test_what_was_merely_cloned_is_left_alone(versioned: Path, request: pytest.FixtureRequest) -> None:
    (versioned / ".git/mlops/audit.jsonl").unlink()
    request.getfixturevalue("panel")
    time.sleep(LONG_REST_S)
    assert not jobs(versioned)
