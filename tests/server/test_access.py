"""Every route, every method, every kind of visitor; a route that is added later is in the table by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_server import EXTRA, Server, launch

from jupyter_mlops.server.extension import MlopsExtension
from jupyter_mlops.server.openapi import BASE, document, path_of
from jupyter_mlops.verbs import verbs

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def routes() -> Iterator[str]:
    """An address for each handler that the extension registers, and one for each verb."""
    extension = MlopsExtension()
    extension.initialize_handlers()
    patterns = [handler[0] for handler in extension.handlers]
    assert patterns[-1].endswith("/(.*)")
    for pattern in patterns[:-1]:
        yield re.sub(r"\(.*?\)", "job-00000000000-000000", pattern).replace("\\", "").removeprefix(f"{BASE}/")
    yield from (path_of(verb).removeprefix(f"{BASE}/") for verb in verbs().values())
    yield "no/such/verb"


ROUTES = tuple(routes())


@pytest.fixture
def denying(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("PYTHONPATH", str(EXTRA))
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    started = launch(repository.parent, "--ServerApp.authorizer_class=authorizers.DenyEverything")
    yield started
    started.stop()


def everything_below(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}


@pytest.mark.parametrize("option", ["True", "False"])
def test_nobody_gets_nothing(repository: Path, option: str) -> None:
    server = launch(repository.parent, f"--ServerApp.allow_unauthenticated_access={option}")
    try:
        for route in ROUTES:
            for method in METHODS:
                answer = server.ask(method, route, {} if method == "POST" else None, token="", project="project")
                assert answer.status == 401, (method, route, answer)
                assert method == "HEAD" or answer.body["error"]["reference"] == "unauthenticated"
    finally:
        server.stop()


def test_whom_the_authorizer_denies_gets_nothing(denying: Server, tmp_path: Path) -> None:
    for route in ROUTES:
        for method in METHODS:
            answer = denying.ask(method, route, {} if method == "POST" else None, project="project")
            assert answer.status == 403, (method, route, answer)
            assert method == "HEAD" or answer.body["error"]["reference"] == "forbidden"
    asked = {tuple(line.split()) for line in (tmp_path / "asked").read_text().splitlines()}
    assert len(asked) == len(ROUTES) * len(METHODS)
    assert {action for method, _, action in asked if method in ("GET", "HEAD")} == {"read"}
    needs = {path: action for method, path, action in asked if method == "POST"}
    assert (needs[f"{BASE}/commit"], needs[f"{BASE}/deploy"], needs[f"{BASE}/run"]) == ("write", "execute", "execute")


def test_whoever_may_gets_an_answer_and_get_changes_nothing(server: Server, repository: Path) -> None:
    before = everything_below(repository)
    for route in ROUTES:
        if route != "watch":
            answer = server.ask("GET", route, project="project")
            assert answer.status in (200, 304, 400, 404, 405, 503), (route, answer)
            assert answer.status < 400 or set(answer.body) == {"error"}, (route, answer)
    assert everything_below(repository) == before
    assert server.get("jobs", project="project")["jobs"] == []


def test_a_browser_needs_its_xsrf_token(server: Server) -> None:
    cookies = server.browser_cookies()
    said = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    assert server.ask("GET", "verbs", token="", headers=said).status == 200
    refused = server.ask("POST", "commit", {"nonsense": 1}, token="", headers=said)
    assert (refused.status, refused.body["error"]["reference"]) == (403, "forbidden")
    known = {**said, "X-XSRFToken": cookies["_xsrf"]}
    assert server.ask("POST", "commit", {"nonsense": 1}, token="", headers=known).status == 400


def test_every_verb_has_its_one_method(server: Server) -> None:
    for verb in verbs().values():
        wrong = "POST" if verb.reads else "GET"
        answer = server.ask(
            wrong, path_of(verb).removeprefix(f"{BASE}/"), {} if verb.reads else None, project="project"
        )
        assert (answer.status, answer.headers["Allow"]) == (405, "GET" if verb.reads else "POST")


def test_the_description_names_every_route() -> None:
    described = {
        path.removeprefix(f"{BASE}/").replace("{job}", "job-00000000000-000000") for path in document()["paths"]
    }
    assert described == set(ROUTES) - {"no/such/verb"}


def test_a_role_is_asked_before_a_job_starts(server: Server, repository: Path) -> None:
    (repository / "mlops.toml").write_text('[roles]\n"sara@example.org" = "viewer"\n')
    answer = server.ask("POST", "commit", {"project": "project"})
    assert (answer.status, answer.body["error"]["message"]) == (403, "You are a viewer. `commit` needs data scientist.")
    catalogue = server.get("verbs", project="project")
    permitted = {entry["name"]: entry["permitted"] for entry in catalogue["verbs"]}
    assert (catalogue["role"], permitted["log"], permitted["commit"]) == ("viewer", True, False)
    assert all(entry["denied"] for entry in catalogue["verbs"] if not entry["permitted"])
