"""Many writers on one project, plain dvc and a collector among them: no error, no lost version."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from survivors import require_sound

import jupyter_mlops as mlops
from jupyter_mlops.project import Project

WRITER = """
import sys, pathlib, jupyter_mlops as m
root, name, commits = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for number in range(commits):
    (root / name).write_text(f"{name} {number}")
    m.commit(name, project=root)
"""
COLLECTOR = """
import sys, pathlib, jupyter_mlops as m
from jupyter_mlops.errors import MlopsError
root, done = pathlib.Path(sys.argv[1]), 0
while not (root.parent / "enough").exists():
    try:
        for verb, dry_run in ((m.gc, True), (m.retain, True), (m.gc, False), (m.retain, False)):
            verb(dry_run=dry_run, project=root)
        done += 1
    except MlopsError as error:
        assert error.reference == "cache-busy", error
print(done)
"""


def fill(root: Path, text: str) -> None:
    (root / "data").mkdir(exist_ok=True)
    (root / "data" / "a.txt").write_text(text)


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def require_ended_well(process: subprocess.Popen[str]) -> str:
    said, complaint = process.communicate()
    assert process.returncode == 0, complaint
    return said


def write(root: Path, name: str, commits: int) -> None:
    for number in range(commits):
        (root / name).write_text(f"{name} {number}")
        mlops.commit(name, project=root)


def add_by_dvc(root: Path, count: int) -> None:
    for number in range(count):
        (root / f"plain{number}.csv").write_text(f"a\n{number}\n")
        done = subprocess.run(["dvc", "add", "-q", f"plain{number}.csv"], cwd=root, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize(
    ("threads", "processes", "commits", "added"), [(4, 2, 5, 2), pytest.param(8, 4, 50, 10, marks=pytest.mark.slow)]
)
def test_a_crowd_loses_no_version(root, damaged, threads, processes, commits, added):
    (root / "mlops.toml").write_text("[retention.data]\nkeep_last = 1\n")
    old = Project(root).datasets.resolve("data").digest
    fill(root, "second")
    mlops.commit("data", project=root)
    own, theirs = [f"t{n}.txt" for n in range(threads)], [f"p{n}.txt" for n in range(processes)]
    collector = start(COLLECTOR, root)
    writers = [start(WRITER, root, name, commits) for name in theirs]
    try:
        with ThreadPoolExecutor(threads + 1) as pool:
            adding = pool.submit(add_by_dvc, root, added)
            for writing in [pool.submit(write, root, name, commits) for name in own]:
                writing.result()
            adding.result()
        for writer in writers:
            require_ended_well(writer)
    finally:
        (root.parent / "enough").touch()
        collections = int(require_ended_well(collector))
    assert collections > 0
    assert damaged() == []
    assert not Project(root).datasets.is_stored(old)
    require_every_version(root, [*own, *theirs], commits)
    for number in range(added):
        assert Project(root).datasets.is_stored(hashlib.md5(f"a\n{number}\n".encode()).hexdigest())
    assert not [each for each in mlops.status(project=root).datasets if each.state != "up-to-date"]
    require_sound(root)


def require_every_version(root: Path, names: list[str], commits: int) -> None:
    for name in names:
        digests = [hashlib.md5(f"{name} {number}".encode()).hexdigest() for number in reversed(range(commits))]
        assert [version.digest for version in Project(root).datasets.history(name)] == digests
        mlops.checkout(f"{name}@v1", project=root)
        assert (root / name).read_text() == f"{name} 0"
        mlops.checkout(f"{name}@HEAD", project=root)
        assert (root / name).read_text() == f"{name} {commits - 1}"
