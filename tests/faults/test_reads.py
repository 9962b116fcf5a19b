"""Whoever looks while a large commit is under way is answered as if there were none."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_server import Server, launch

MEBIBYTE = 1 << 20
READS = 20
READ_S = 0.1
SLOWER, SLOWER_BESIDE_WORK = 5, 12
"""Times the slowest look without a commit: a commit at work takes one of two cores, one that rests takes nothing."""


def fill(root: Path, text: str) -> None:
    (root / "data").mkdir(exist_ok=True)
    for number in range(50):
        (root / "data" / f"{number}.txt").write_text(f"{text} {number}")


@pytest.fixture
def server(root: Path) -> Iterator[Server]:
    started = launch(root.parent)
    yield started
    started.stop()


def seconds(server: Server) -> float:
    """How long the slower of `status` and `log` takes; each must be answered in full."""
    times = []
    for path, query in (("status", {}), ("log", {"name": "data"})):
        start = time.perf_counter()
        body = server.get(path, project="project", **query)
        times.append(time.perf_counter() - start)
        assert body["datasets" if path == "status" else "versions"]
    return max(times)


@contextlib.contextmanager
def held_up(root: Path, job: str) -> Iterator[None]:
    """The commit stands still while it saves, with every lock that it holds then."""
    wait_until_it_saves(root / ".dvc" / "cache" / ".in-use")
    pid = json.loads((root / ".git" / "mlops" / "jobs" / job / "process.json").read_bytes())["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def wait_until_it_saves(lock: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert time.monotonic() < deadline
        with lock.open("rb") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
        time.sleep(0.002)


@pytest.mark.parametrize("mebibytes", [256, pytest.param(1024, marks=pytest.mark.slow)])
def test_reads_do_not_wait_for_a_large_commit(root, server, mebibytes):
    block = os.urandom(MEBIBYTE)
    with (root / "big.bin").open("wb") as file:
        for _ in range(mebibytes):
            file.write(block)
    seconds(server)
    idle = max(seconds(server) for _ in range(READS))
    job = server.start("commit", project="project", paths=["big.bin"])
    with held_up(root, job):
        beside = [seconds(server) for _ in range(READS)]
        assert server.get(f"jobs/{job}", project="project")["state"] == "running"
    busy = []
    while server.get(f"jobs/{job}", project="project")["state"] == "running":
        busy.append(seconds(server))
    assert server.wait(job, "project")["state"] == "succeeded"
    assert max(beside) <= SLOWER * idle, (beside, idle)
    assert statistics.median(beside) <= READ_S, beside
    assert not busy or max(busy) <= SLOWER_BESIDE_WORK * idle, (busy, idle)
    assert server.get("log", project="project", name="big.bin")["versions"][0]["bytes"] == mebibytes * MEBIBYTE
