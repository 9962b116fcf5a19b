from __future__ import annotations

import json
import subprocess

from model_files import commit_model

from jupyter_mlops.records import Actor

SARA = Actor("Sara", "sara@example.org")


def gto(project, *arguments: str) -> str:
    return subprocess.run(["gto", *arguments], cwd=project.root, check=True, capture_output=True, text=True).stdout


def shown(project) -> dict:
    return json.loads(gto(project, "show", "--json"))["credit"]


def release(project, git, content: bytes) -> None:
    commit_model(project, git, content)
    project.models.register("model.onnx", "credit", SARA)


def test_gto_reads_what_we_write(project, git):
    for content in (b"one", b"two", b"three"):
        release(project, git, content)
    for version in ("v1", "v3", "v2"):
        project.models.set_alias("credit", "champion", version, SARA)
    project.models.set_alias("credit", "challenger", "v3", SARA)
    found = shown(project)
    assert found["version"] == "v3.0.0"
    assert found["stage"] == {"champion": "v2.0.0", "challenger": "v3.0.0"}
    assert gto(project, "doctor")


def test_gto_agrees_that_an_alias_is_gone(project, git):
    release(project, git, b"one")
    release(project, git, b"two")
    for version in ("v1", "v2"):
        project.models.set_alias("credit", "champion", version, SARA)
    project.models.remove_alias("credit", "champion", SARA)
    assert not shown(project)["stage"].get("champion")


def test_we_read_what_gto_writes(project, git):
    release(project, git, b"one")
    commit_model(project, git, b"two")
    gto(project, "register", "credit", "--version", "v1.1.0")
    gto(project, "assign", "credit", "--version", "v1.1.0", "--stage", "champion")
    version = project.models.resolve("credit@champion")
    assert (version.label, project.models.location(version).read_bytes()) == ("v1.1.0", b"two")
    gto(project, "assign", "credit", "--version", "v1.0.0", "--stage", "prod")
    assert project.models.get("credit").aliases == {"champion": "v1.1.0", "prod": "v1.0.0"}


def test_dvc_reads_the_artifact(project, git):
    from dvc.api import artifacts_show

    release(project, git, b"one")
    assert artifacts_show("credit", repo=str(project.root))["path"] == "model.onnx"
