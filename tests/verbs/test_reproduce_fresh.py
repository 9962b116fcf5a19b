"""`reproduce --fresh-env`: an environment as it was recorded, built without the network."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from chains import write_notebook
from wheels import index_of, small_wheel

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.project import Project


def install(environment: Path, *requirements: str) -> None:
    python = str(environment / "bin" / "python")
    command = [sys.executable, "-m", "pip", "-q", "--python", python, "install", *requirements]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def index(tmp_path: Path, monkeypatch) -> Path:
    """A folder of archives, the only index that pip and uv know."""
    folder = index_of(tmp_path / "wheels", "ipykernel")
    for version in ("1.0", "2.0"):
        small_wheel(folder, "tinypkg", version, f"ANSWER = {version!r}\n")
    for tool in ("PIP", "UV"):
        monkeypatch.setenv(f"{tool}_NO_INDEX", "1")
        monkeypatch.setenv(f"{tool}_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def environment(tmp_path: Path, monkeypatch, index: Path) -> Path:
    """Where the kernel ``small`` lives, with the first version of a package."""
    assert index.is_dir()
    folder = tmp_path / "small"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    install(folder, "ipykernel", "tinypkg==1.0")
    spec = tmp_path / "jupyter" / "kernels" / "small"
    spec.mkdir(parents=True)
    command = [str(folder / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "small", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    return folder


@pytest.mark.slow
def test_a_fresh_environment_has_the_recorded_package_though_the_installed_one_changed(project, environment, index):
    root = project.root
    write_notebook(
        root / "work.ipynb", "x = 1", "import tinypkg\nopen('out.txt', 'w').write(tinypkg.ANSWER)", kernel="small"
    )
    mlops.stage.add("work", "work.ipynb", out=["out.txt"], project=root)
    assert mlops.run(project=root).gate is None
    install(environment, "tinypkg==2.0")

    installed = mlops.reproduce("run:1", project=root)
    fresh = mlops.reproduce("run:1", fresh_env=True, project=root)

    assert {each.cause for each in installed.differences} == {"changed package"}
    assert (fresh.verdict, fresh.gate) == ("identical", None)
    assert json.loads(fresh.attestation)["predicate"]["environment"]["lock"] == fresh.environment != ""
    assert json.loads(fresh.attestation)["predicate"]["environment"]["packages"]["tinypkg"] == "1.0"

    kept = Project(root).places.scratch / "environments" / fresh.environment[:16]
    built = (kept / "ready").stat().st_mtime_ns
    assert mlops.reproduce("run:1", fresh_env=True, project=root).verdict == "identical"
    assert (kept / "ready").stat().st_mtime_ns == built

    shutil.rmtree(kept)
    (index / "tinypkg-1.0-py3-none-any.whl").unlink()
    with pytest.raises(MlopsError, match=r"cannot be built: tinypkg==1\.0 could not be had") as caught:
        mlops.reproduce("run:1", fresh_env=True, project=root)
    assert caught.value.reference == "environment-unavailable"
    assert not kept.exists()
