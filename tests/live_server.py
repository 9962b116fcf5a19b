"""A real Jupyter server, in this process for tables and in its own for everything that may die."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

import attrs
import pytest

TOKEN = "the-token-of-a-test"
READY_S = 30
EXTRA = Path(__file__).parent / "server" / "extra"


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

    def ask(
        self, method: str, path: str, body: Any = None, *, token: str = TOKEN, headers: Any = None, **query: Any
    ) -> Answer:
        address = f"{self.url}/mlops/v1/{path}?{urlencode(query, doseq=True)}"
        said = {"Content-Type": "application/json", **({"Authorization": f"token {token}"} if token else {})}
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = Request(address, data, {**said, **(headers or {})}, method=method)
        try:
            with urlopen(request, timeout=30) as response:
                return Answer(response.status, dict(response.headers), _decoded(response.read()))
        except HTTPError as error:
            with error:
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
        jar = CookieJar()
        build_opener(HTTPCookieProcessor(jar)).open(f"{self.url}/login?token={TOKEN}", timeout=30).close()
        return {cookie.name: cookie.value or "" for cookie in jar}

    def answers(self) -> bool:
        """Whether it is up."""
        try:
            urlopen(f"{self.url}/api", timeout=5).close()
        except (URLError, OSError):
            return False
        return True

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


def launch(root: Path, *options: str, environment: Mapping[str, str] = os.environ) -> Server:
    """Start a server on `root` and wait until it answers."""
    port = free_port()
    command = [sys.executable, "-m", "jupyter_server", f"--ServerApp.root_dir={root}", f"--port={port}", "--no-browser"]
    command += [f"--IdentityProvider.token={TOKEN}", "--ServerApp.port_retries=0", "--allow-root", *options]
    command += ["--ServerApp.jpserver_extensions={'jupyter_mlops': True}"]
    written = root.parent / "server.log"
    with written.open("ab") as log:
        server = Server(root, port, subprocess.Popen(command, stdout=log, stderr=log, env=dict(environment)))
    deadline = time.monotonic() + READY_S
    while not server.answers():
        assert time.monotonic() < deadline, written.read_text()
        assert server.process.poll() is None, written.read_text()
        time.sleep(0.05)
    return server


@pytest.fixture(scope="session")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for many tests; its root is a link that each test points at its own folder."""
    home = tmp_path_factory.mktemp("server")
    link = home / "root"
    link.symlink_to(home)
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": str(EXTRA), "GIT_CONFIG_NOSYSTEM": "1"}
    started = launch(link, environment=environment)
    yield started
    started.stop()


@pytest.fixture
def server(standing: Server, repository: Path) -> Server:
    """A server whose root is the folder above the repository ``project``."""
    standing.root.unlink()
    standing.root.symlink_to(repository.parent)
    return standing


@pytest.fixture
def mortal(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of its own, for a test that kills it."""
    monkeypatch.setenv("PYTHONPATH", str(EXTRA))
    started = launch(repository.parent)
    yield started
    if started.process.poll() is None:
        started.stop()
