"""Homes that cannot be written and disks of other machines: work goes on, and indexes lie where sqlite can lock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from survivors import disk

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError

READ = """
import json, sys
import jupyter_mlops as m
from jupyter_mlops.project import Project
from pathlib import Path
root = Path(sys.argv[1])
states = [each.state for each in m.status(project=root).datasets]
versions = [each.version for each in m.log("data", project=root).versions]
before = m.diff("data@v1", "data@v2", project=root).files.modified
if len(sys.argv) > 2:
    (root / "data" / "7.txt").write_text("third")
    versions.insert(0, m.commit("data", project=root).versions[0].version)
print(json.dumps([states, versions, len(before), str(Project(root).places.scratch)]))
"""
NFS = "99 1 0:99 / {} rw,relatime - nfs4 server:/share rw,vers=4.2\n"


def fill(root: Path, text: str) -> None:
    (root / "data").mkdir(exist_ok=True)
    for number in range(10):
        (root / "data" / f"{number}.txt").write_text(f"{text} {number}")


@pytest.fixture
def two(root: Path) -> Path:
    """Two versions."""
    fill(root, "second")
    mlops.commit("data", project=root)
    return root


def asked(command: list[str], home: Path) -> tuple[list[str], list[str], int, Path]:
    """What a process with that home is told."""
    places = {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "IPYTHONDIR": str(home / ".ipython")}
    done = subprocess.run(command, env={**os.environ, **places}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    states, versions, modified, scratch = json.loads(done.stdout.splitlines()[-1])
    return states, versions, modified, Path(scratch)


def test_a_read_only_home_still_reads_and_commits(two, tmp_path):
    with disk(tmp_path / "still", "size=1m"):
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "still")], check=True)
        command = [sys.executable, "-c", READ, str(two), "commit"]
        states, versions, modified, _ = asked(command, tmp_path / "still")
    assert (states, versions, modified) == (["up-to-date"], ["v3", "v2", "v1"], 10)


def test_a_project_and_a_home_that_are_read_only_still_read(two, tmp_path):
    """Neither has a place for an index: it is made anew each time."""
    if subprocess.run(["mount", "--bind", str(two), str(two)], check=False, capture_output=True).returncode:
        pytest.skip("only root may mount")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(two)], check=True)
        with disk(tmp_path / "still", "size=1m"):
            subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "still")], check=True)
            states, versions, modified, scratch = asked([sys.executable, "-c", READ, str(two)], tmp_path / "still")
        assert (states, versions, modified) == (["up-to-date"], ["v2", "v1"], 10)
        assert not scratch.is_relative_to(two)
        with pytest.raises(MlopsError, match="read-only"):
            mlops.commit("data", message="again", tag="gold", project=two)
    finally:
        subprocess.run(["umount", "--lazy", str(two)], check=True)


def on_nfs(*folders: Path) -> list[str]:
    """A command line that runs what follows where the kernel says that `folders` lie on another machine."""
    table = folders[0].parent / "mounts"
    table.write_text(Path("/proc/self/mountinfo").read_text() + "".join(NFS.format(folder) for folder in folders))
    probe = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("only root may give a process mounts of its own")
    script = 'mount --bind "$0" /proc/$$/mountinfo && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, str(table)]


def test_indexes_of_a_project_on_a_network_disk_lie_on_this_machine(two, tmp_path):
    home, base = tmp_path / "home", [sys.executable, "-c", READ, str(two)]
    before = {path: path.stat().st_mtime_ns for path in (two / ".mlops").rglob("*")}
    states, versions, modified, scratch = asked([*on_nfs(two), *base, "commit"], home)
    assert (states, versions, modified) == (["up-to-date"], ["v3", "v2", "v1"], 10)
    assert scratch.is_relative_to(home / ".cache")
    assert list(scratch.glob("*.sqlite"))
    assert {path: path.stat().st_mtime_ns for path in (two / ".mlops").rglob("*")} == before
    assert asked(base, home)[3] == two / ".mlops"


def test_a_home_on_the_network_disk_holds_no_index_either(two, tmp_path, monkeypatch):
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    scratch = asked([*on_nfs(two, home), sys.executable, "-c", READ, str(two)], home)[3]
    assert scratch.is_relative_to(temporary)
    assert list(scratch.glob("*.sqlite"))
    assert (temporary / f"jupyter-mlops-{os.getuid()}").stat().st_mode & 0o777 == 0o700
    assert not list(home.rglob("*.sqlite"))
