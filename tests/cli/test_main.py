"""The command line as a process: streams, exit codes, errors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def mlops(tmp_path: Path):
    """Run ``jupyter mlops`` in a folder."""

    def run(*words: str, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "jupyter_mlops", *words]
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    return run


def test_outside_a_repository_the_error_says_what_to_do(mlops):
    done = mlops("status")
    assert done.returncode == 2
    assert done.stdout == ""
    message, _, hint = done.stderr.strip().splitlines()
    assert "not in a git repository" in message
    assert "init" in hint
    assert "Traceback" not in done.stderr


def test_a_terminal_is_told_what_to_type_in_a_terminal(mlops, project):
    assert "jupyter mlops commit PATH" in mlops("status", cwd=project.root).stdout
    assert "%mlops" not in mlops("status", cwd=project.root).stdout


def test_json_prints_exactly_one_document_even_for_an_error(mlops):
    done = mlops("status", "--json")
    error = json.loads(done.stdout)["error"]
    assert set(error) == {"reference", "message", "context", "hint", "link"}
    assert error["reference"] == "not-a-git-repository"
    assert error["link"].endswith("#not-a-git-repository")


def test_status_of_a_project_as_json(mlops, project):
    done = mlops("status", "--json", cwd=project.root)
    assert done.returncode == 0, done.stderr
    status = json.loads(done.stdout)
    assert status["branch"] == "main"
    assert status["datasets"] == []


def test_debug_shows_the_traceback(mlops):
    assert "Traceback" in mlops("status", "--debug").stderr


def test_a_missing_folder_is_an_environment_fault(mlops):
    assert mlops("status", "--project", "nowhere").returncode == 3


def test_a_denied_verb_exits_with_4(mlops, project):
    (project.root / "mlops.toml").write_text('[roles]\n"sara@example.org" = "viewer"\n')
    (project.root / "data.csv").write_text("a\n1\n")
    done = mlops("commit", "data.csv", cwd=project.root)
    assert done.returncode == 4
    assert "You are a viewer. `commit` needs data scientist." in done.stderr


def test_a_cut_pipe_is_no_traceback(project):
    command = f"{sys.executable} -m jupyter_mlops help | head -1"
    done = subprocess.run(command, shell=True, cwd=project.root, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


def test_doctor_names_what_is_wrong(mlops):
    done = mlops("doctor", "--json")
    checks = {check["name"]: check["state"] for check in json.loads(done.stdout)["checks"]}
    assert checks["git"] == "ok"
    assert checks["project"] == "warning"
