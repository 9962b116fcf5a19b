"""Whoever speaks to the server gets no further than its project, however they put it."""

from __future__ import annotations

import contextlib
import socket
from itertools import chain
from pathlib import Path

import pytest
import websocket
from live_server import TOKEN, Server

NASTY = [
    "--upload-pack=touch pwned",
    "-x",
    "--output=pwned",
    "a\nb",
    "a\0b",
    "$(touch pwned)",
    "`touch pwned`",
    "../../etc/passwd",
]


@pytest.mark.parametrize(
    "project",
    [
        "..",
        "../",
        "project/../..",
        "/etc",
        "//etc",
        "~",
        "~root",
        "..\\..",
        "project/\n",
        "project\0",
        "./../../",
        "%2e%2e/",
    ],
)
def test_a_folder_outside_the_root_is_refused(server: Server, project: str) -> None:
    for answer in (
        server.ask("GET", "verbs", project=project),
        server.ask("POST", "init", {"project": project, "yes": True}),
    ):
        assert answer.status == 400
        assert answer.body["error"]["reference"] in ("outside-server-root", "no-such-folder")


def test_a_link_that_leads_outside_is_refused(server: Server, repository: Path, tmp_path_factory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (repository / "link").symlink_to(elsewhere)
    answer = server.ask("POST", "init", {"project": "project/link", "yes": True})
    assert (answer.status, answer.body["error"]["reference"]) == (400, "outside-server-root")
    assert not list(elsewhere.iterdir())


def test_a_hidden_folder_and_a_link_inside_are_fine(server: Server, repository: Path) -> None:
    (repository / ".hidden").mkdir()
    (repository / "link").symlink_to(repository / ".hidden")
    assert server.get("verbs", project="project/.hidden")["role"] == "admin"
    assert server.get("verbs", project="project/link")["role"] == "admin"


@pytest.mark.parametrize("nasty", NASTY)
def test_no_argument_becomes_an_option_or_a_command(
    server: Server, repository: Path, tmp_path: Path, nasty: str
) -> None:
    for verb, name in (
        ("log", "name"),
        ("show", "reference"),
        ("diff", "before"),
        ("lineage", "reference"),
        ("drift", "reference"),
    ):
        answer = server.ask("GET", verb, project="project", **{name: nasty})
        assert answer.status in (200, 400, 503), answer
        assert "Traceback" not in str(answer.body)
    for verb, body in (
        ("checkout", {"reference": nasty}),
        ("tag", {"reference": nasty, "name": nasty}),
        ("alias", {"reference": nasty}),
    ):
        started = server.ask("POST", verb, {"project": "project", **body})
        if started.status == 202:
            assert server.wait(started.body["job"], "project")["state"] == "failed"
    assert not list(chain(repository.rglob("pwned*"), tmp_path.glob("pwned*")))


@pytest.mark.parametrize("job", ["..", "../jobs", "job-1", "%2e%2e", "job-00000000000-000000/../x", "--help"])
def test_a_job_is_an_id_and_no_path(server: Server, job: str) -> None:
    for method in ("GET", "DELETE"):
        answer = server.ask(method, f"jobs/{job}", project="project")
        assert answer.status in (400, 404, 405)
        assert answer.body["error"]["reference"] in ("unknown-job", "unknown-route", "bad-request")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{",
        b'{"a":' * 5000,
        b'{"project": 1}',
        b'{"project": ["x"]}',
        b'{"nonsense": 1}',
        b'{"paths": 5}',
    ],
)
def test_a_body_of_another_kind_is_refused(server: Server, body: bytes) -> None:
    answer = server.ask("POST", "commit", body)
    assert answer.status == 400
    assert answer.body["error"]["reference"] in ("bad-body", "bad-argument", "not-a-git-repository")


def test_a_form_is_no_request(server: Server) -> None:
    answer = server.ask(
        "POST", "init", b"project=project", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert (answer.status, answer.body["error"]["reference"]) == (400, "bad-body")


@pytest.mark.parametrize("query", [{"nonsense": "1"}, {"limit": "many"}, {"name": ["a", "b"]}, {"limit": "1e400"}])
def test_an_unknown_or_malformed_query_is_refused(server: Server, query: dict[str, object]) -> None:
    answer = server.ask("GET", "log", project="project", **query)
    assert (answer.status, answer.body["error"]["reference"]) == (400, "bad-argument")


def test_a_huge_body_is_not_read(server: Server) -> None:
    answer = server.ask("POST", "commit", b" " * 1_000_001)
    assert (answer.status, answer.body["error"]["reference"]) == (400, "body-too-large")


@pytest.mark.parametrize("token", [TOKEN, ""])
def test_an_endless_body_is_cut(server: Server, token: str) -> None:
    head = f"POST /mlops/v1/commit HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: token {token}\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as line:
        line.sendall(f"{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 1000:
                line.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
                sent += 1
    assert sent < 1000


@pytest.mark.parametrize("token", ["", "wrong"])
@pytest.mark.parametrize("origin", [None, "https://evil.example"])
def test_nobody_can_listen(server: Server, token: str, origin: str | None) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        listen(server, {"Authorization": f"token {token}"}, origin)
    assert refused.value.status_code == 401


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_a_page_of_another_site_cannot_listen(server: Server, origin: str) -> None:
    cookies = "; ".join(f"{name}={value}" for name, value in server.browser_cookies().items())
    listen(server, {"Cookie": cookies}, server.url).close()
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        listen(server, {"Cookie": cookies}, origin)
    assert refused.value.status_code == 403


def listen(server: Server, headers: dict[str, str], origin: str | None = None) -> websocket.WebSocket:
    address = f"ws://127.0.0.1:{server.port}/mlops/v1/watch?project=project"
    return websocket.create_connection(address, header=headers, origin=origin, timeout=10)


def test_a_chatty_listener_is_cut(server: Server) -> None:
    line = listen(server, {"Authorization": f"token {TOKEN}"})
    line.send("x" * 5000)
    with contextlib.suppress(OSError, websocket.WebSocketConnectionClosedException):
        while line.recv():
            pass
    assert not line.connected
    line.shutdown()


def test_a_page_of_another_site_cannot_read(server: Server) -> None:
    cookies = "; ".join(f"{name}={value}" for name, value in server.browser_cookies().items())
    answer = server.ask("GET", "verbs", token="", headers={"Cookie": cookies, "Origin": "https://evil.example"})
    assert answer.status == 404
