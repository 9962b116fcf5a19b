"""Jobs: real processes that are listed, cancelled, found again, and never lost."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from live_server import launch

from jupyter_mlops.records import Actor, new_id, now
from jupyter_mlops.server import jobs as jobs_module
from jupyter_mlops.server.jobs import JobBook, JobFolder, Order


def until(true: Any, timeout_s: float = 30) -> Any:
    """Wait for `true()`."""
    deadline = time.monotonic() + timeout_s
    while not (found := true()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def process_of(repository: Path, job: str) -> psutil.Process:
    path = repository / ".git/mlops/jobs" / job / "process.json"
    return psutil.Process(JobFolder(path.parent)._read("process", jobs_module.Process).pid)


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_job_gives_the_result_and_the_line(server) -> None:
    found = server.wait(server.start("nap", project="project", seconds=0.1), "project")
    assert (found["state"], found["verb"], found["line"], found["error"]) == (
        "succeeded",
        "nap",
        "nap --seconds 0.1",
        None,
    )
    assert found["result"]["actor"] == "Sara <sara@example.org>"
    assert found["seconds"] >= 0.1


def test_progress_is_seen_while_it_runs(server) -> None:
    job = server.start("nap", project="project", seconds=60)
    step = until(lambda: server.get(f"jobs/{job}", project="project")["progress"])
    assert step == {"what": "nap", "done": 1, "total": 2, "unit": "sheep", "note": ""}
    server.ask("DELETE", f"jobs/{job}", project="project")


@pytest.mark.parametrize(
    ("how", "reference", "context"),
    [("fails", "no-sleep", ""), ("surprises", "internal", "ZeroDivisionError: "), ("dies", "job-died", "last words")],
)
def test_a_failure_is_told(server, how: str, reference: str, context: str) -> None:
    found = server.wait(server.start("nap", project="project", how=how), "project")
    assert (found["state"], found["result"]) == ("failed", None)
    assert (found["error"]["reference"], found["error"]["context"]) == (reference, context)


def test_a_red_gate_fails_the_job_and_keeps_its_result(server) -> None:
    found = server.wait(server.start("nap", project="project", red="drifted"), "project")
    assert (found["state"], found["gate"], found["error"]) == ("failed", "drifted", None)
    assert found["result"]["gate"] == "drifted"


@pytest.mark.parametrize("how", ["", "deaf"])
def test_a_cancelled_job_ends_with_all_it_started(server, repository: Path, how: str) -> None:
    job = server.start("nap", project="project", seconds=600, child="pid", how=how)
    child = int(until(lambda: (repository / "pid").exists() and (repository / "pid").read_text()))
    assert server.ask("DELETE", f"jobs/{job}", project="project").status == 200
    found = server.wait(job, "project")
    assert (found["state"], found["error"]["reference"]) == ("cancelled", "cancelled")
    until(lambda: is_gone(child))


def test_a_job_outlives_the_server_and_is_found_again(mortal) -> None:
    running = mortal.start("nap", project="project", seconds=600)
    ended = mortal.start("nap", project="project")
    mortal.wait(ended, "project")
    os.kill(mortal.process.pid, signal.SIGKILL)
    mortal.process.wait()
    again = launch(mortal.root)
    try:
        states = {job["job"]: job["state"] for job in again.get("jobs", project="project")["jobs"]}
        assert states == {running: "running", ended: "succeeded"}
        again.ask("DELETE", f"jobs/{running}", project="project")
        assert again.wait(running, "project")["state"] == "cancelled"
    finally:
        again.stop()


def test_a_killed_job_is_no_running_one(server, repository: Path) -> None:
    job = server.start("nap", project="project", seconds=600)
    until(lambda: server.get(f"jobs/{job}", project="project")["progress"])
    process_of(repository, job).kill()
    found = server.wait(job, "project")
    assert (found["state"], found["error"]["reference"]) == ("failed", "job-died")


def test_outside_a_project_jobs_are_kept_apart_and_found(server, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    job = server.start("nap", project="empty")
    assert server.wait(job, "empty")["state"] == "succeeded"
    assert [found["job"] for found in server.get("jobs", project="empty")["jobs"]] == [job]
    assert server.get("jobs", project="project")["jobs"] == []
    assert not list((tmp_path / "empty").iterdir())


def order(folder: Path, path: Path, pid: int | None = None, created: float = 0.0) -> JobFolder:
    """A job as a server that died left it."""
    path.mkdir(parents=True)
    job = JobFolder(path)
    job.write("order", Order(job.job, "nap", {}, str(folder), Actor("Sara"), "nap", now()))
    if pid:
        job.write("process", jobs_module.Process(pid, created))
    return job


def test_a_number_used_again_is_another_process(repository: Path, tmp_path: Path) -> None:
    job = order(repository, tmp_path / "state/jobs" / new_id("job"), os.getpid(), created=1.0)
    assert job.document().state == "failed"
    job.cancel()
    assert job.document().state == "cancelled"


def test_the_newest_hundred_that_ended_are_kept(repository: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(jobs_module, "KEPT", 3)
    book = JobBook(repository, tmp_path / "state", tmp_path / "private")
    made = [order(repository, tmp_path / "state/jobs" / f"job-{n:011x}-000000", 2**22 + 1) for n in range(6)]
    book._prune()
    assert [job.job for job in book.newest_first()] == [job.job for job in reversed(made[3:])]


def test_job_folders_are_private(server, repository: Path) -> None:
    job = server.start("nap", project="project")
    server.wait(job, "project")
    folder = repository / ".git/mlops/jobs" / job
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.glob("*.json") if path.name != "progress.json")


def test_files_of_the_project_are_not_imported_by_a_job(server, repository: Path) -> None:
    (repository / "attrs.py").write_text("raise SystemExit('executed')")
    (repository / "jupyter_mlops.py").write_text("raise SystemExit('executed')")
    assert server.wait(server.start("nap", project="project"), "project")["state"] == "succeeded"
