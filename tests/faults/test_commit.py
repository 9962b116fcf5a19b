"""Commits that are killed, and commits that meet."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import jupyter_mlops as mlops

COMMIT = "import sys, jupyter_mlops as m; m.commit('data', project=sys.argv[1])"
ROUNDS = 8


def fill(root: Path, text: str) -> None:
    (root / "data").mkdir(exist_ok=True)
    for number in range(300):
        (root / "data" / f"{number}.txt").write_text(f"{text} {number}\n" * 50)


def test_a_kill_at_any_moment_corrupts_and_loses_nothing(root, damaged):
    chance = random.Random(2026)
    for number in range(ROUNDS):
        fill(root, f"round {number}")
        process = subprocess.Popen([sys.executable, "-c", COMMIT, str(root)], stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.15, 0.9))
        process.send_signal(signal.SIGKILL)
        process.wait()
        (root / ".git" / "index.lock").unlink(missing_ok=True)
        assert damaged() == []
        assert mlops.log("data", project=root).versions
        for version in mlops.log("data", project=root).versions:
            assert len(mlops.show(f"data@{version.version}", project=root).version.digest) == 36
    mlops.commit("data", project=root)
    assert mlops.status(project=root).clean
    assert not list((root / ".dvc" / "cache" / ".incoming").iterdir())


def test_a_killed_checkout_goes_on(root):
    fill(root, "second")
    mlops.commit("data", project=root)
    checkout = COMMIT.replace("commit('data'", "checkout('data@v1'")
    chance = random.Random(7)
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", checkout, str(root)], stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.15, 0.6))
        process.kill()
        process.wait()
        assert mlops.checkout("data@v2", project=root).version == "v2"
        assert (root / "data" / "7.txt").read_text().startswith("second 7")
    assert mlops.status(project=root).clean


def test_two_writers_lose_no_version(root):
    script = """
import sys, pathlib, jupyter_mlops as m
root, name = pathlib.Path(sys.argv[1]), sys.argv[2]
for number in range(6):
    (root / name).write_text(f"{name} {number}")
    m.commit(name, project=root)
"""
    names = ["a.txt", "b.txt", "c.txt"]
    writers = [subprocess.Popen([sys.executable, "-c", script, str(root), name]) for name in names]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    for name in names:
        assert len(mlops.log(name, project=root).versions) == 6
    assert mlops.status(project=root).clean


def test_a_reader_never_waits_for_a_writer(root):
    from jupyter_mlops.project import Project

    with Project(root).datasets.publisher.turn():
        start = time.monotonic()
        assert mlops.status(project=root).clean
        assert time.monotonic() - start < 5


def test_threads_may_commit_side_by_side(root):
    from concurrent.futures import ThreadPoolExecutor

    def write(name: str) -> None:
        for number in range(4):
            (root / name).write_text(f"{name} {number}")
            mlops.commit(name, project=root)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, ["p.txt", "q.txt", "r.txt", "s.txt"]))
    assert {len(mlops.log(f"{name}.txt", project=root).versions) for name in "pqrs"} == {4}
