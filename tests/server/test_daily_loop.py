"""The verbs that people use daily, through the server: the same answers as from every other face."""

from __future__ import annotations

import json

import msgspec
import pytest

import jupyter_mlops as mlops
from jupyter_mlops.project import Project


def test_a_version_is_committed_and_read_back(server, project: Project) -> None:
    (project.root / "data.csv").write_text("a,b\n1,2\n")
    found = server.wait(server.start("commit", project="project", paths=["data.csv"], message="May"), "project")
    assert (found["state"], found["line"]) == ("succeeded", "commit data.csv -m May")
    assert found["result"]["versions"][0]["dataset"] == "data.csv"
    assert server.get("log", project="project") == json.loads(msgspec.json.encode(mlops.log(project=project.root)))
    assert server.get("status", project="project", paths=["data.csv"])["datasets"][0]["state"] == "up-to-date"


@pytest.mark.usefixtures("project")
def test_an_unknown_reference_is_a_400_with_five_fields(server) -> None:
    answer = server.ask("GET", "show", project="project", reference="nothing@v1")
    assert (answer.status, set(answer.body["error"])) == (400, {"reference", "message", "context", "hint", "link"})
