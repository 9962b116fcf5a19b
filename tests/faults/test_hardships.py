"""Bytes that are lost or lie, clocks that run back, files that cannot be read, folders and remotes that vanish."""

from __future__ import annotations

import ctypes
import fcntl
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from live_server import free_port
from survivors import history, leftovers, require_sound, run

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.project import Project

DAY_NS = 86_400 * 10**9
DROP_CAPABILITY = 24
READ_ANYTHING = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


def fill(root: Path, text: str) -> None:
    (root / "data").mkdir(exist_ok=True)
    for number in range(40):
        (root / "data" / f"{number}.txt").write_text(f"{text} {number}")


def object_of(root: Path, reference: str, name: str) -> Path:
    datasets = Project(root).datasets
    return next(file.location for file in datasets.files(datasets.resolve(reference)) if file.path == name)


@pytest.mark.parametrize("left", [0, 4], ids=["emptied", "cut"])
def test_a_truncated_object_is_never_checked_out(root, left):
    path = object_of(root, "data@v1", "7.txt")
    fill(root, "second")
    mlops.commit("data", project=root)
    pointer = (root / "data.dvc").read_bytes()
    path.chmod(0o644)
    os.truncate(path, left)
    with pytest.raises(MlopsError, match="object-corrupt"):
        mlops.checkout("data@v1", project=root)
    assert {file.read_text()[:6] for file in (root / "data").iterdir()} == {"second"}
    assert (root / "data.dvc").read_bytes() == pointer
    assert not path.exists()


@pytest.mark.parametrize("shift_ns", [DAY_NS, -DAY_NS, 0], ids=["tomorrow", "yesterday", "now"])
def test_a_change_is_seen_whatever_the_clock_says(root, shift_ns):
    """Another text of the same length under the very same time stamp, as after a clock that was set back."""
    path = root / "data" / "7.txt"
    stamp = path.stat().st_mtime_ns + shift_ns
    for text in ("aaaa", "bbbb", "aaaa", "cccc"):
        path.write_text(text)
        os.utime(path, ns=(stamp, stamp))
        (state,) = mlops.status(project=root).datasets
        assert (state.state, state.modified) == ("changed", 1), text
        mlops.commit("data", project=root)
        assert mlops.status(project=root).clean
        assert object_of(root, "data@HEAD", "7.txt").read_text() == text


def test_a_folder_removed_in_the_middle_of_a_commit_is_no_version(root, damaged):
    fill(root, "count")
    count = run(root, "commit", {"paths": ["data"], "git": False}, 0, "count").count
    mlops.commit("data", project=root)
    before, pointer = history(root, "data"), (root / "data.dvc").read_bytes()
    for moment in random.Random("removed").sample(range(1, count // 2), 3):
        fill(root, f"moment {moment}")
        fate = run(root, "commit", {"paths": ["data"], "git": False}, moment, "remove", root / "data")
        now = (root / "data.dvc").read_bytes()
        assert (fate.code, now) == (3, pointer) or (fate.code == 0 and now != pointer), fate
        assert fate.error in {"", "changed-while-committing", "no-such-file", "file-missing"}
        assert damaged() == []
        assert history(root, "data") == before
        (root / "data.dvc").write_bytes(pointer)
        assert mlops.checkout("data", project=root).written == 40
    assert leftovers(root) == []
    require_sound(root)


def test_a_remote_that_vanished_is_said_and_nothing_is_lost(root, tmp_path):
    remote = tmp_path / "remote"
    mlops.init(remote=str(remote), project=root)
    mlops.push(project=root)
    shutil.rmtree(remote)
    mlops.push(project=root)
    assert mlops.push(check=True, project=root).gate is None
    shutil.rmtree(remote)
    for folder in (root / ".dvc" / "cache" / "files", root / "data"):
        shutil.rmtree(folder)
    pointer = (root / "data.dvc").read_bytes()
    with pytest.raises(MlopsError, match="not-on-remote"):
        mlops.pull(project=root)
    assert (root / "data.dvc").read_bytes() == pointer
    assert not (root / "data").exists()
    assert mlops.verify(project=root).gate


def test_a_remote_that_nobody_answers_for_is_said(root):
    subprocess.run(
        ["dvc", "remote", "add", "-d", "gone", f"http://127.0.0.1:{free_port()}/data"],
        cwd=root,
        check=True,
        capture_output=True,
    )
    for folder in (root / ".dvc" / "cache" / "files", root / "data"):
        shutil.rmtree(folder)
    pointer = (root / "data.dvc").read_bytes()
    with pytest.raises(MlopsError, match=r"remote-failed|not-on-remote"):
        mlops.pull(project=root)
    assert (root / "data.dvc").read_bytes() == pointer
    assert leftovers(root) == []


def as_anybody() -> None:
    """Even root may then read and write only what the mode of a file says."""
    libc = ctypes.CDLL(None)
    for capability in READ_ANYTHING:
        libc.prctl(DROP_CAPABILITY, capability, 0, 0, 0)


def python(script: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe, stderr=pipe, preexec_fn=as_anybody)  # noqa: PLW1509 (no thread runs)


COMMIT = "import sys, jupyter_mlops as m; m.commit('data', project=sys.argv[1])"
HOLD = """
import sys
from pathlib import Path
from jupyter_mlops.project import Project
with Project(Path(sys.argv[1])).datasets.store.in_use():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_file_that_cannot_be_read_is_no_version(root, damaged):
    fill(root, "second")
    (root / "data" / "7.txt").chmod(0)
    pointer, before = (root / "data.dvc").read_bytes(), history(root, "data")
    process = python(COMMIT, root)
    _, complaint = process.communicate()
    assert process.returncode
    assert "[no-permission]" in complaint
    assert ((root / "data.dvc").read_bytes(), history(root, "data")) == (pointer, before)
    assert damaged() == []
    (root / "data" / "7.txt").chmod(0o644)
    assert mlops.commit("data", project=root).versions[0].version == "v2"
    assert leftovers(root) == []


def test_whoever_may_not_write_the_lock_of_a_shared_cache_holds_it_all_the_same(root):
    """It belongs to whoever came first: were it passed over, their collection would take what others just saved."""
    lock = root / ".dvc" / "cache" / ".in-use"
    lock.touch()
    lock.chmod(0o444)
    process = python(HOLD, root)
    try:
        assert process.stdout.readline() == "held\n"
        with lock.open("rb") as handle, pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        process.communicate()
    assert process.returncode == 0
