"""What the README promises a stranger: a clone, a fresh environment, two commands; and the Binder files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _private_home() -> None:
    """Package managers are set up in the real home and environment: a stranger has those too."""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone of what is committed."""
    if not (ROOT / ".git").exists():
        pytest.fail("The fresh-clone tests run in a git checkout.")
    subprocess.run(["git", "clone", "-q", ROOT, tmp_path / "clone"], check=True)
    return tmp_path / "clone"


def run(clone: Path, *command: str, **extra: str) -> str:
    """A command of the README, with nothing of this environment."""
    ours = ("PYTHON", "VIRTUAL_ENV", "PYTEST")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    parts = kept["PATH"].split(os.pathsep)
    path = os.pathsep.join(part for part in parts if Path(part) != Path(sys.executable).parent)
    done = subprocess.run(
        command, cwd=clone, env={**kept, "PATH": path, **extra}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def test_make_demo_builds_the_project_and_the_sidebar_is_installed(clone):
    said = run(clone, "make", "demo", "DEMO=--no-lab --json")
    report = json.loads(said[said.index("{") :])
    jupyter = clone / ".venv" / "bin" / "jupyter"
    try:
        assert report["steps"][-1]["line"] == "rollback jobs"
        listed = subprocess.run([jupyter, "labextension", "list"], capture_output=True, text=True, check=True)
        assert "jupyter-mlops" in listed.stdout + listed.stderr
        enabled = subprocess.run([jupyter, "server", "extension", "list"], capture_output=True, text=True, check=True)
        assert "jupyter_mlops" in enabled.stdout + enabled.stderr
    finally:
        run(clone, str(jupyter), "mlops", "undeploy", "jobs", "--project", report["root"])


def test_make_test_installs_what_it_needs_and_passes_there(clone):
    said = run(clone, "make", "test", "TEST=tests/cli tests/verbs/test_declarations.py -q")
    assert " passed" in said


def test_binder_files_build_the_demo_in_a_fresh_environment(clone, tmp_path):
    environment = tmp_path / "binder"
    run(clone, shutil.which("python3") or sys.executable, "-m", "venv", str(environment))
    path = f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}"
    run(clone, "pip", "install", "-q", "-r", "binder/requirements.txt", PATH=path)
    run(clone, "binder/postBuild", PATH=path, MLOPS_DEMO_DIR=str(tmp_path / "demo"))
    said = run(
        clone,
        "binder/start",
        "jupyter",
        "mlops",
        "deployments",
        "--json",
        "--project",
        str(tmp_path / "demo"),
        PATH=path,
        MLOPS_DEMO_DIR=str(tmp_path / "demo"),
    )
    try:
        (deployment,) = json.loads(said[said.rindex('{\n  "deployments"') :])["deployments"]
        assert deployment["ready"]
    finally:
        run(clone, "jupyter", "mlops", "undeploy", "jobs", "--project", str(tmp_path / "demo"), PATH=path)
