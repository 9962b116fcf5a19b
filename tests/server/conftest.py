"""A real Jupyter server, in this process for tables and in its own for everything that may die."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import attrs
import pytest

TOKEN = "the-token-of-a-test"
READY_S = 30
ENABLED = {"ServerApp": {"jpserver_extensions": {"jupyter_mlops": True}}}


@attrs.frozen
class Answer:
    """A status, headers and the JSON body."""

    status: int
    headers: dict[str, str]
    body: Any


@attrs.define
class Server:
    """One ``jupyter server`` process with its token and XSRF checks on."""

    root: Path
    port: int
    process: subprocess.Popen[bytes]
    token: str = TOKEN

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: Any = None, *, token: str = TOKEN, headers: Any = None, **query: Any) -> Answer:
        address = f"{self.url}/mlops/v1/{path}?{urlencode(query, doseq=True)}"
        said = {"Content-Type": "application/json", **({"Authorization": f"token {token}"} if token else {})}
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = Request(address, data, {**said, **(headers or {})}, method=method)
        try:
            with urlopen(request, timeout=30) as response:
                return Answer(response.status, dict(response.headers), _decoded(response.read()))
        except HTTPError as error:
            return Answer(error.code, dict(error.headers), _decoded(error.read()))

    def get(self, path: str, **query: Any) -> Any:
        answer = self.ask("GET", path, **query)
        assert answer.status == 200, answer.body
        return answer.body

    def start(self, path: str, **body: Any) -> str:
        answer = self.ask("POST", path, body)
        assert answer.status == 202, answer.body
        return answer.body["job"]

    def wait(self, job: str, project: str = "", timeout_s: float = 60) -> Any:
        deadline = time.monotonic() + timeout_s
        while (found := self.get(f"jobs/{job}", project=project))["state"] == "running":
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
        return found

    def browser_cookies(self) -> dict[str, str]:
        """The cookies of somebody who logged in with a browser, the XSRF cookie among them."""
        with urlopen(f"{self.url}/login?token={TOKEN}", timeout=30) as response:
            jar = SimpleCookie()
            for line in response.headers.get_all("Set-Cookie") or ():
                jar.load(line)
            return {name: morsel.value for name, morsel in jar.items()}

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def launch(root: Path, *options: str, extension: bool = True) -> Server:
    """Start a server on `root` and wait until it answers."""
    port = free_port()
    command = [sys.executable, "-m", "jupyter_server", f"--ServerApp.root_dir={root}", f"--port={port}", "--no-browser"]
    command += [f"--IdentityProvider.token={TOKEN}", "--ServerApp.port_retries=0", "--allow-root", *options]
    command += [f"--ServerApp.jpserver_extensions={{'jupyter_mlops': {extension}}}"]
    log = (root.parent / "server.log").open("ab")
    server = Server(root, port, subprocess.Popen(command, stdout=log, stderr=log, env=os.environ))
    log.close()
    deadline = time.monotonic() + READY_S
    while True:
        try:
            urlopen(f"{server.url}/api", timeout=5).close()
            return server
        except (URLError, OSError):
            assert time.monotonic() < deadline and server.process.poll() is None, (root.parent / "server.log").read_text()
            time.sleep(0.05)


@pytest.fixture
def server(tmp_path: Path, repository: Path) -> Iterator[Server]:
    """A server whose root is the folder above the repository ``project``."""
    root = tmp_path
    started = launch(root)
    yield started
    if started.process.poll() is None:
        started.stop()
