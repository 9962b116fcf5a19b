"""Verbs in a process of their own that dies, or whose disk fills up, at a chosen moment; and what must hold afterwards.

The moment is a number: the process counts what it does to files (each ``open``, ``rename``, ``mkdir``, ``unlink`` and
program started) from the start of the verb on, so that a seed finds the same moment again.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import psutil
import pytest

import jupyter_mlops as mlops

GRACE_S = 20.0
SCRIPT = """
import errno, json, os, shutil, signal, sys, threading, time
import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.project import Project

verb, arguments, root, moment, deed, target = json.loads(sys.argv[1])
DEEDS = {"open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.link", "os.symlink", "os.truncate",
         "os.chmod", "shutil.rmtree", "subprocess.Popen", "sqlite3.connect"}
CODE = (".py", ".pyc", ".so")
FULL = ("full", "once")
WRITES = DEEDS - {"os.remove", "os.rmdir", "os.chmod", "shutil.rmtree", "subprocess.Popen", "sqlite3.connect"}
state = {"count": 0, "on": False, "turn": threading.Lock()}

def is_write(event, details):
    if event != "open":
        return event in WRITES
    flags = details[2] if len(details) > 2 and isinstance(details[2], int) else 0
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))

def hook(event, details):
    if not state["on"] or event not in DEEDS or (deed in FULL and not is_write(event, details)):
        return
    if event == "open" and str(details[0]).endswith(CODE):
        return
    with state["turn"]:
        state["count"] += 1
        if deed in ("count", "group") or state["count"] < moment or (deed == "once" and state["count"] > moment):
            return
    if deed == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif deed in FULL:
        raise OSError(errno.ENOSPC, "No space left on device", str(details[0]))
    elif deed == "remove":
        state["on"] = False
        shutil.rmtree(target)

sys.addaudithook(hook)
Project.find(__import__("pathlib").Path(root)).datasets
if deed == "group":
    timer = threading.Timer(moment, os.killpg, (0, signal.SIGKILL))
    timer.daemon = True
    timer.start()
start = time.monotonic()
state["on"] = True
try:
    getattr(mlops, verb)(**arguments, project=root)
except MlopsError as error:
    state["on"] = False
    print(json.dumps([state["count"], time.monotonic() - start, error.reference, str(error)]))
    sys.exit(3)
state["on"] = False
print(json.dumps([state["count"], time.monotonic() - start, "", ""]))
"""


@attrs.frozen
class Fate:
    """How a process ended: its exit code (negative: killed), how far it counted, how long, the error it named."""

    code: int
    count: int = 0
    seconds: float = 0.0
    error: str = ""
    message: str = ""


def run(root: Path, verb: str, arguments: dict[str, Any], moment: float, deed: str, target: Path | None = None) -> Fate:
    """Run `verb` in a process and a session of its own; do `deed` at `moment`; wait until all that it started ended.

    Parameters
    ----------
    deed
        ``count`` (nothing), ``kill`` the process, kill its ``group`` (`moment` is in seconds), ``full`` (from then on
        nothing can be written), ``once`` (just then nothing can), ``remove`` the folder `target`.
    """
    order = json.dumps([verb, arguments, str(root), moment, deed, str(target or "")])
    command = [sys.executable, "-c", SCRIPT, order]
    process = subprocess.Popen(
        command, cwd=root, start_new_session=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    said, complaint = process.communicate(timeout=120)
    require_no_orphan(process.pid)
    if process.returncode < 0:
        assert process.returncode == -signal.SIGKILL, complaint
        return Fate(process.returncode)
    assert said, complaint
    return Fate(process.returncode, *json.loads(said.splitlines()[-1]))


def require_no_orphan(session: int) -> None:
    """What a dead process had started ends by itself."""
    deadline = time.monotonic() + GRACE_S
    while alive := [process for process in psutil.process_iter() if _session(process.pid) == session]:
        assert time.monotonic() < deadline, [process.cmdline() for process in alive]
        time.sleep(0.02)


def _session(pid: int) -> int:
    try:
        return os.getsid(pid) if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE else -1
    except (ProcessLookupError, psutil.NoSuchProcess):
        return -1


def history(root: Path, *names: str) -> dict[str, list[str]]:
    """The digests of all versions, by dataset."""
    return {name: [one.digest for one in mlops.log(name, project=root).versions] for name in names}


def require_sound(root: Path) -> None:
    """Every object is what its name says, every version has its objects, and git finds nothing wrong."""
    found = mlops.verify(all_versions=True, project=root)
    assert (found.corrupt, found.missing) == ((), ())
    done = subprocess.run(["git", "fsck", "--strict"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def leftovers(root: Path) -> list[str]:
    """Temporary files and folders that no process uses."""
    incoming = (root / ".dvc" / "cache" / ".incoming", root.parent / "remote" / ".incoming")
    places = (*incoming, root / ".dvc" / "tmp" / "mlops")
    folders = [path for place in places if place.is_dir() for path in place.iterdir()]
    partial = [path for path in root.rglob("*.tmp") if ".git" not in path.parts]
    return [str(path) for path in {*folders, *partial}]


def unlock(root: Path) -> None:
    """Take away the locks of a git that was killed, as git itself asks for."""
    for lock in (root / ".git").rglob("*.lock"):
        if "mlops" not in lock.parts:
            lock.unlink()


@contextlib.contextmanager
def disk(folder: Path, options: str) -> Iterator[None]:
    """A file system in memory at `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a disk of its own")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def filled(folder: Path, free_blocks: int) -> Iterator[None]:
    """The disk of `folder` has only so many blocks left."""
    status = os.statvfs(folder)
    filler = folder / "filler"
    with filler.open("wb") as file:
        if (size := (status.f_bavail - free_blocks) * status.f_frsize) > 0:
            os.posix_fallocate(file.fileno(), 0, size)
    try:
        yield
    finally:
        filler.unlink()
