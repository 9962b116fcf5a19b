"""Remotes over a real S3 interface on this machine: what arrives, what a cut leaves, what a vanished one is told."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from live_server import free_port

import jupyter_mlops as mlops
from jupyter_mlops.errors import EnvironmentFault, MlopsError
from jupyter_mlops.records import Step
from jupyter_mlops.verbs import find
from jupyter_mlops.verbs.invoking import Origin, invoke

pytest.importorskip("moto", reason="the extra [test] brings it")
FILES = 40
READY_S = 30


class Line:
    """A line to `port` that counts uploads, can be slow, and can be cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listening.getsockname()[1]
        self.puts = self.gets = 0
        self.pause_s = 0.0
        self.open = True
        self._turn = threading.Lock()
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            if not self.open:
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self._target))
            self._sockets += [client, server]
            threading.Thread(target=self._copy, args=(client, server, self._count), daemon=True).start()
            threading.Thread(target=self._copy, args=(server, client, None), daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket, count: Callable[[bytes], None] | None) -> None:
        tail = b""
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if count:
                    count(tail + data)
                    tail = data[-8:]
                    time.sleep(self.pause_s)
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _count(self, data: bytes) -> None:
        with self._turn:
            self.puts += data.count(b"PUT /data/")
            self.gets += data.count(b"GET /data/")

    def cut(self) -> None:
        self.open = False
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        self._listening.close()
        for one in self._sockets:
            one.close()


@pytest.fixture(scope="module")
def moto() -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + READY_S
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield port
    process.terminate()
    process.wait(10)


@pytest.fixture
def line(moto, monkeypatch) -> Iterator[Line]:
    """The way to the server; the bucket ``data`` is empty."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    ask(moto, "POST", "/moto-api/reset")
    ask(moto, "PUT", "/data")
    opened = Line(moto)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{opened.port}")
    yield opened
    opened.close()


def ask(port: int, method: str, path: str, body: bytes = b"") -> bytes:
    import urllib.request

    known = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=testing/20260101/us-east-1/s3/aws4_request, Signature=0",
        "Content-Type": "application/octet-stream",
    }
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body or None, known, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


def objects(port: int) -> list[str]:
    listed = ask(port, "GET", "/data?list-type=2").decode()
    return [part.partition("</Key>")[0] for part in listed.split("<Key>")[1:]]


@pytest.fixture
def root(project, git, line, tmp_path) -> Path:  # noqa: ARG001 (the remote lies behind the line)
    """A dataset of several files and a default remote in the bucket."""
    folder = project.root
    fill(folder, 1)
    mlops.commit("raw", project=folder)
    mlops.init(remote="s3://data/store", project=folder)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(tmp_path / "origin")], check=True)
    git("remote", "add", "origin", str(tmp_path / "origin"))
    git("add", ".")
    git("commit", "-qm", "remote", "--allow-empty")
    return folder


def fill(root: Path, seed: int, count: int = FILES, size: int = 4000) -> None:
    (root / "raw").mkdir(exist_ok=True)
    words = random.Random(seed)
    for number in range(count):
        (root / "raw" / f"{number}.bin").write_bytes(words.randbytes(size))


def cloned(git, tmp_path: Path) -> Path:
    git("push", "-q", "--follow-tags", "-u", "origin", "main")
    subprocess.run(["git", "clone", "-q", str(tmp_path / "origin"), str(tmp_path / "clone")], check=True)
    return tmp_path / "clone"


def refused(function, *arguments, **named) -> MlopsError:
    with pytest.raises(MlopsError) as caught:
        function(*arguments, **named)
    return caught.value


def test_what_is_pushed_reaches_a_clone_and_nothing_is_sent_twice(root, git, line, dvc, tmp_path):
    sent = mlops.push(project=root)
    assert (sent.files, sent.bytes, line.puts) == (FILES, FILES * 4000, FILES + 1)
    assert mlops.push(project=root).files == 0
    assert line.puts == FILES + 1
    assert "in sync" in dvc("status", "-c")
    clone = cloned(git, tmp_path)
    assert mlops.fetch("raw", project=clone, dry_run=True).bytes == sent.bytes
    assert not (clone / ".dvc" / "cache" / "files").exists()
    assert (mlops.fetch(project=clone).files, (clone / "raw").exists()) == (FILES, False)
    asked = line.gets
    assert mlops.pull(project=clone).files == 0
    assert line.gets == asked
    assert (clone / "raw" / "7.bin").read_bytes() == (root / "raw" / "7.bin").read_bytes()


def test_older_versions_travel_when_asked_for(root, git, tmp_path):
    mlops.tag("raw@v1", "gold", project=root)
    for seed in (2, 3):
        fill(root, seed, count=3)
        mlops.commit("raw", project=root)
    assert mlops.push("raw", project=root).files == FILES
    assert mlops.push(project=root).files == 3
    assert mlops.push("raw", all_versions=True, project=root).files == 3
    clone = cloned(git, tmp_path)
    assert mlops.fetch(project=clone).files == FILES
    assert mlops.fetch(project=clone, tagged=True).files == 3
    assert mlops.pull(project=clone, all_versions=True).files == 3
    shutil.rmtree(root / ".dvc" / "cache")
    assert mlops.fetch("raw@v2", project=root).files == FILES
    assert mlops.checkout("raw@v2", project=clone).written == 3


def test_progress_is_told_in_bytes_up_to_the_last(root, git, tmp_path):
    steps: list[Step] = []
    invoke(find("push"), {}, Origin("python", root, progress=steps.append))
    clone = cloned(git, tmp_path)
    invoke(find("pull"), {}, Origin("python", clone, progress=steps.append))
    for what in (f"push {FILES} files", f"fetch {FILES} files"):
        told = [step for step in steps if step.what == what]
        assert {(step.total, step.unit) for step in told} == {(FILES * 4000, "bytes")}
        assert told[-1].done == FILES * 4000
        assert len(told) > 1


def transfers(process: psutil.Process) -> list[psutil.Process]:
    return [one for one in process.children(recursive=True) if "jupyter_mlops.versioning.transfer" in one.cmdline()]


def begun(command: list[str], root: Path, enough) -> tuple[subprocess.Popen, list[psutil.Process]]:
    """A command line at work, and the process that moves objects, when `enough` got through."""
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter_mlops", *command], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    deadline = time.monotonic() + READY_S
    while not enough():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process, transfers(psutil.Process(process.pid))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_push_that_is_killed_leaves_no_process_and_goes_on_where_it_was(root, line, moto, how):
    line.pause_s = 0.4
    process, movers = begun(["push"], root, lambda: len(objects(moto)) > 4)
    line.pause_s = 30  # nothing moves any more, so nothing is said into a pipe that nobody reads
    time.sleep(1)
    process.send_signal(how)
    process.communicate(timeout=20)
    assert len(movers) == 1
    assert psutil.wait_procs(movers, 5)[1] == []
    line.pause_s = 0
    arrived = len(objects(moto))
    assert 4 < arrived < FILES
    sent, line.puts = line.puts, 0
    assert sent >= arrived
    assert mlops.push(project=root).files == FILES - arrived
    assert line.puts == FILES + 1 - arrived
    assert len(objects(moto)) == FILES + 1


def test_a_pull_that_is_killed_keeps_what_arrived(root, git, line, tmp_path):
    mlops.push(project=root)
    clone = cloned(git, tmp_path)
    line.pause_s = 0.4
    cache = clone / ".dvc" / "cache" / "files" / "md5"

    def kept() -> int:
        return sum(path.is_file() for path in cache.rglob("*"))

    process, movers = begun(["pull"], clone, lambda: kept() > 4)
    process.kill()
    process.communicate(timeout=20)
    assert psutil.wait_procs(movers, 10)[1] == []
    arrived = kept()
    assert 4 < arrived < FILES
    assert not (clone / "raw").exists()
    line.pause_s = 0
    assert mlops.pull(project=clone).files == FILES - arrived
    assert len(list((clone / "raw").iterdir())) == FILES
    assert not list((clone / ".dvc" / "cache" / ".incoming").iterdir())


def test_a_line_that_is_cut_is_told_and_repaired_by_repeating(root, line, moto):
    line.pause_s = 0.2
    pointer = (root / "raw.dvc").read_bytes()
    threading.Thread(target=lambda: (wait_for(lambda: len(objects(moto)) > 4), line.cut())).start()
    error = refused(mlops.push, project=root)
    assert error.reference == "remote-failed"
    assert "repeat" in error.hint
    assert (root / "raw.dvc").read_bytes() == pointer
    arrived = len(objects(moto))
    line.open, line.pause_s = True, 0
    assert mlops.push(project=root).files == FILES - arrived


def wait_for(true) -> None:
    deadline = time.monotonic() + READY_S
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)


@pytest.mark.parametrize("verb", ["push", "fetch", "pull"])
def test_a_vanished_remote_is_a_clear_error_and_touches_nothing(root, git, line, verb, tmp_path):
    mlops.push(project=root)
    clone = cloned(git, tmp_path)
    pointer = (clone / "raw.dvc").read_bytes()
    line.cut()
    error = refused(getattr(mlops, verb), project=root if verb == "push" else clone)
    assert isinstance(error, EnvironmentFault)
    assert error.reference == "remote-failed"
    assert (clone / "raw.dvc").read_bytes() == pointer
    assert not (clone / "raw").exists()


def test_a_check_finds_what_the_remote_lost_and_what_is_cut_short(root, moto):
    mlops.push(project=root)
    assert mlops.push(project=root, check=True).gate is None
    names = [name for name in objects(moto) if not name.endswith(".dir")]
    ask(moto, "DELETE", f"/data/{names[0]}")
    ask(moto, "PUT", f"/data/{names[1]}", b"short")
    found = mlops.push(project=root, check=True)
    assert [(one.version, one.files) for one in found.lacking] == [("raw", 2)]
    assert "raw" in found.gate
    assert len(objects(moto)) == FILES
    done = subprocess.run(
        [sys.executable, "-m", "jupyter_mlops", "push", "--check", "--json"], cwd=root, capture_output=True, check=False
    )
    assert (done.returncode, json.loads(done.stdout)["files"]) == (1, 2)
    assert mlops.push(project=root).files == 1


def test_what_is_damaged_in_the_remote_is_never_kept(root, git, moto, tmp_path):
    mlops.push(project=root)
    clone = cloned(git, tmp_path)
    name = next(name for name in objects(moto) if not name.endswith(".dir"))
    ask(moto, "PUT", f"/data/{name}", b"other bytes of some length")
    error = refused(mlops.pull, project=clone)
    assert error.reference == "not-on-remote"
    cache = clone / ".dvc" / "cache" / "files" / "md5"
    assert sum(path.is_file() for path in cache.rglob("*")) == FILES
    assert not (clone / "raw").exists()


def test_what_a_kind_of_remote_needs_installed_is_said(root, monkeypatch, tmp_path):
    (tmp_path / "blind").mkdir()
    (tmp_path / "blind" / "s3fs.py").write_text("raise ModuleNotFoundError('no s3fs here', name='s3fs')")
    (tmp_path / "blind" / "dvc_s3.py").write_text("raise ModuleNotFoundError('no dvc_s3 here', name='dvc_s3')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "blind"), os.environ.get("PYTHONPATH", "")]))
    error = refused(mlops.push, project=root)
    assert (error.reference, error.hint) == ("remote-kind-missing", 'pip install "jupyter-mlops[s3]"')


def test_a_file_in_a_bucket_is_imported_in_ranges_and_an_etag_saves_the_next_download(project, moto, line):
    body = random.Random(3).randbytes(9 << 20)
    ask(moto, "PUT", "/data/in/large.bin", body)
    done = mlops.import_("s3://data/in/large.bin", "large.bin", project=project.root)
    assert (project.root / "large.bin").read_bytes() == body
    assert done.source_version.startswith("etag ")
    asked = line.gets
    assert mlops.import_(update="large.bin", project=project.root).unchanged
    assert line.gets == asked
    ask(moto, "PUT", "/data/in/large.bin", b"new")
    assert mlops.import_("s3://data/in/large.bin", "large.bin", project=project.root).version == "v2"
    assert refused(mlops.import_, "s3://data/in/none.bin", project=project.root).reference == "no-such-file"


def test_a_prefix_is_imported_as_a_folder_and_goes_on_after_a_cut(project, moto, line):
    for number in range(FILES):
        ask(moto, "PUT", f"/data/in/deep/{number}.bin", random.Random(number).randbytes(2000))
    line.pause_s = 0.1
    threading.Thread(target=lambda: (wait_for(lambda: line.gets > 20), line.cut())).start()
    error = refused(mlops.import_, "s3://data/in/", "raw", project=project.root)
    assert (error.reference, (project.root / "raw").exists()) == ("download-failed", False)
    line.open, line.pause_s, line.gets = True, 0, 0
    done = mlops.import_("s3://data/in/", "raw", project=project.root)
    assert done.bytes == FILES * 2000
    assert (project.root / "raw" / "deep" / "7.bin").read_bytes() == random.Random(7).randbytes(2000)
    assert 0 < line.gets < FILES
    assert mlops.import_(update="raw", project=project.root).unchanged


def test_an_interrupt_stops_the_import_of_a_prefix_soon(project, moto, line):
    for number in range(FILES):
        ask(moto, "PUT", f"/data/in/{number}.bin", b"x" * 2000)
    line.pause_s = 0.1

    def interrupt(step: Step) -> None:
        if step.unit == "bytes":
            raise KeyboardInterrupt

    with pytest.raises(MlopsError) as caught:
        invoke(
            find("import"), {"url": "s3://data/in/", "path": "raw"}, Origin("python", project.root, progress=interrupt)
        )
    assert caught.value.reference == "cancelled"
    assert line.gets < FILES / 2
    assert not (project.root / "raw").exists()


def test_a_vanished_bucket_is_told_and_the_dataset_stays(project, moto, line):
    ask(moto, "PUT", "/data/in/t.csv", b"a\n1\n")
    mlops.import_("s3://data/in/t.csv", "t.csv", project=project.root)
    pointer = (project.root / "t.csv.dvc").read_bytes()
    line.cut()
    assert refused(mlops.import_, update="t.csv", project=project.root).reference == "download-failed"
    assert (project.root / "t.csv.dvc").read_bytes() == pointer
    assert (project.root / "t.csv").read_text() == "a\n1\n"


def test_the_settings_of_another_project_run_no_command(root, line, dvc, tmp_path, monkeypatch):
    mlops.push(project=root)
    shutil.rmtree(root / ".dvc" / "cache")
    mark, trap = tmp_path / "run", tmp_path / "aws"
    trap.write_text(f"[default]\ncredential_process = touch {mark}\n")
    with (root / ".dvc" / "config").open("a") as config:
        config.write(f"    configpath = {trap}\n    endpointurl = http://127.0.0.1:{line.port}\n")
    mine = tmp_path / "mine"
    subprocess.run(["git", "clone", "-q", str(root), str(mine)], check=True)
    for key, value in (("user.name", "Tom"), ("user.email", "tom@example.org")):
        subprocess.run(["git", "config", key, value], cwd=mine, check=True)
    mlops.import_(f"{root}::raw", "theirs", project=mine)
    assert len(list((mine / "theirs").iterdir())) == FILES
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    shutil.rmtree(mine / ".dvc" / "cache")
    assert refused(mlops.import_, f"{root}::raw", "again", project=mine).reference == "remote-failed"
    assert not mark.exists()
    with pytest.raises(AssertionError):
        dvc("fetch", "-q")
    assert mark.exists()  # it was a real trap
