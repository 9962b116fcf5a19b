"""A folder of jobs that somebody else wrote: it is still listed, and cancelling reaches none but a job's own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from live_server import Server

from jupyter_mlops.server.jobs import JobBook, JobFolder

JOB = "job-00000000001-000001"
TRUE = "job-00000000002-000002"
ENDLESS = Path("/dev/zero")


@pytest.fixture
def bait() -> Iterator[psutil.Process]:
    """A process that leads its own group, as a job's does."""
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield psutil.Process(process.pid)
    process.kill()
    process.wait()


@pytest.fixture
def jobs(repository: Path) -> Path:
    """The jobs of a project: one that ended, and one to be tampered with."""
    folder = repository / ".git" / "mlops" / "jobs"
    for job in (JOB, TRUE):
        write(folder / job / "order.json", order(job, repository))
    write(folder / TRUE / "ending.json", {"state": "succeeded", "seconds": 1.0})
    return folder


def order(job: str, folder: Path) -> dict[str, Any]:
    actor = {"name": "Sara", "email": "", "source": "git"}
    moment = "2026-01-01T00:00:00Z"
    return {
        "job": job,
        "verb": "nap",
        "arguments": {},
        "folder": str(folder),
        "actor": actor,
        "line": "nap",
        "started": moment,
    }


def write(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def edit(path: Path, **changes: object) -> None:
    write(path, {**json.loads(path.read_text()), **changes})


def book(jobs: Path) -> JobBook:
    return JobBook(jobs.parents[2], jobs.parent, jobs.parents[2] / "private")


def cancel(jobs: Path) -> None:
    """Cancel it, and wait until whoever does so is done."""
    import threading

    book(jobs).find(JOB).cancel()
    for thread in threading.enumerate():
        if thread.name == f"stop {JOB}":
            thread.join()


def link(name: str, target: Path | str) -> Callable[[Path], None]:
    def tamper(job: Path) -> None:
        (job / name).unlink(missing_ok=True)
        (job / name).symlink_to(target)

    return tamper


def pipe(name: str) -> Callable[[Path], None]:
    def tamper(job: Path) -> None:
        (job / name).unlink(missing_ok=True)
        os.mkfifo(job / name)

    return tamper


def text(name: str, content: str) -> Callable[[Path], None]:
    return lambda job: (job / name).write_text(content) and None


def huge(name: str) -> Callable[[Path], None]:
    """Far more than there is memory for, and no block on the disk."""

    def tamper(job: Path) -> None:
        with (job / name).open("ab") as file:
            file.truncate(1 << 40)

    return tamper


def replaced(job: Path) -> None:
    """The folder itself is a link."""
    job.rename(job.with_name("elsewhere"))
    job.symlink_to(job.with_name("elsewhere"))


def process(**record: object) -> Callable[[Path], None]:
    return lambda job: write(job / "process.json", record)


TAMPERED = {
    "no JSON": text("order.json", "{"),
    "another kind": text("order.json", "[]"),
    "deep": text("order.json", "[" * 100_000),
    "another id": lambda job: edit(job / "order.json", job="../../x"),
    "another folder": lambda job: edit(job / "order.json", folder="/"),
    "another verb": lambda job: edit(job / "order.json", verb="../x", line="\x1b[2J"),
    "the far future": lambda job: edit(job / "order.json", started="9999-12-31T23:59:59Z"),
    "the far past": lambda job: edit(job / "order.json", started="0001-01-01T00:00:00+14:00"),
    "no time zone": lambda job: edit(job / "order.json", started="2026-01-01T00:00:00"),
    "an endless order": link("order.json", ENDLESS),
    "an order that waits": pipe("order.json"),
    "a huge order": huge("order.json"),
    "a huge log": huge("log"),
    "an endless log": link("log", ENDLESS),
    "a log that waits": pipe("log"),
    "an endless ending": link("ending.json", ENDLESS),
    "an ending of no kind": text("ending.json", '{"state": "won", "seconds": 0}'),
    "all processes": process(pid=-1, created=0.0),
    "no process": process(pid=0, created=0.0),
    "a pid beyond all": process(pid=2**63, created=1e300),
    "a pid that is text": process(pid="1", created=None),
    "a folder elsewhere": replaced,
    "a broken result": text("result.json", '{"a":'),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_a_tampered_job_spoils_no_listing(jobs: Path, how: str) -> None:
    TAMPERED[how](jobs / JOB)
    began = time.monotonic()
    listed = {job.job: job.state for job in book(jobs).documents()}
    book(jobs)._prune()
    assert listed.pop(TRUE) == "succeeded"
    assert set(listed) <= {JOB}
    assert time.monotonic() - began < 5


def test_a_server_lists_and_starts_jobs_beside_tampered_ones(server: Server, jobs: Path) -> None:
    for number, tamper in enumerate(TAMPERED.values()):
        copied = f"job-00000000003-{number:06}"
        write(jobs / copied / "order.json", order(copied, jobs.parents[2]))
        tamper(jobs / copied)
    assert server.wait(server.start("nap", project="project"), "project")["state"] == "succeeded"
    listed = server.get("jobs", project="project")["jobs"]
    assert TRUE in {job["job"] for job in listed}
    for job in listed:
        assert server.ask("GET", f"jobs/{job['job']}", project="project").status == 200
        assert server.ask("DELETE", f"jobs/{job['job']}", project="project").status == 200


@pytest.mark.parametrize("slack", [0.0, 1.0])
def test_a_record_that_names_another_process_stops_nothing(jobs: Path, bait: psutil.Process, slack: float) -> None:
    write(jobs / JOB / "process.json", {"pid": bait.pid, "created": bait.create_time() + slack})
    assert book(jobs).find(JOB).document().state == "failed"
    cancel(jobs)
    assert lives(bait)
    assert book(jobs).find(JOB).document().state == "cancelled"


def test_a_record_that_names_another_job_stops_nothing(jobs: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "import time; time.sleep(60)",
        "-m",
        "jupyter_mlops.server.job",
        f"{tmp_path}/{TRUE}",
    ]
    other = subprocess.Popen(command, start_new_session=True)
    try:
        write(jobs / JOB / "process.json", {"pid": other.pid, "created": psutil.Process(other.pid).create_time()})
        cancel(jobs)
        assert lives(psutil.Process(other.pid))
    finally:
        other.kill()
        other.wait()


def lives(process: psutil.Process) -> bool:
    time.sleep(0.2)
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_cancelling_writes_through_no_link(jobs: Path, tmp_path: Path) -> None:
    link("cancelled", tmp_path / "made")(jobs / JOB)
    cancel(jobs)
    assert not (tmp_path / "made").exists()


def test_the_id_is_the_folder_and_not_what_the_record_says(jobs: Path) -> None:
    TAMPERED["another id"](jobs / JOB)
    assert JobFolder(jobs / JOB).document().job == JOB
