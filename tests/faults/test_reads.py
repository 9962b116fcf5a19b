"""Whoever looks while a large commit is under way is answered as if there were none."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_server import Server, launch

MEBIBYTE = 1 << 20
IDLE_READS = 20
SLOWER = 12
"""Times the slowest look without a commit: on two cores the commit itself takes what there is."""


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


@pytest.mark.parametrize("mebibytes", [256, pytest.param(1024, marks=pytest.mark.slow)])
def test_reads_do_not_wait_for_a_large_commit(root, server, mebibytes):
    block = os.urandom(MEBIBYTE)
    with (root / "big.bin").open("wb") as file:
        for _ in range(mebibytes):
            file.write(block)
    seconds(server)
    idle = max(seconds(server) for _ in range(IDLE_READS))
    job, busy = server.start("commit", project="project", paths=["big.bin"]), []
    while server.get(f"jobs/{job}", project="project")["state"] == "running":
        busy.append(seconds(server))
    assert server.wait(job, "project")["state"] == "succeeded"
    assert len(busy) >= 2
    assert max(busy) <= SLOWER * idle, (busy, idle)
    assert server.get("log", project="project", name="big.bin")["versions"][0]["bytes"] == mebibytes * MEBIBYTE
