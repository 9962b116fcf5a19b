"""The demo is the product in one go: every step real, every tool agrees afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import jupyter_mlops as mlops
from jupyter_mlops.example.story import STORY


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory):
    """The finished demo and the JSON it printed, built inside another repository as `make demo` does."""
    folder = tmp_path_factory.mktemp("demo")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    (folder / ".gitignore").write_text("demo/\n")
    command = [sys.executable, "-m", "jupyter_mlops", "demo", "--no-lab", "--json", "--dir", "demo"]
    fresh = {**os.environ, "HOME": str(tmp_path_factory.mktemp("home"))}
    done = subprocess.run(command, cwd=folder, env=fresh, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    yield Path(folder, "demo"), json.loads(done.stdout)
    mlops.undeploy("jobs", project=str(folder / "demo"))


def test_says_what_it_did_step_by_step(demo):
    _, report = demo
    assert len(report["steps"]) == len(STORY)
    assert all(step["line"] and step["outcome"] for step in report["steps"])
    assert report["steps"][-1]["line"] == "rollback jobs"


def test_the_repository_around_it_stays_as_it_was(demo):
    root, _ = demo
    command = ["git", "status", "--porcelain", "--untracked-files=all"]
    around = subprocess.run(command, cwd=root.parent, capture_output=True, text=True, check=True)
    assert around.stdout == "?? .gitignore\n"
    assert {path.name for path in root.parent.iterdir()} == {".git", ".gitignore", "demo"}


def test_four_years_are_four_versions(demo):
    root, _ = demo
    versions = mlops.log("employment", project=str(root)).versions
    assert [version.message for version in versions] == [f"survey of {year}" for year in (2018, 2017, 2016, 2015)]
    assert [version.rows for version in versions] == [70131, 69635, 69126, 68785]


def test_the_data_drifted_and_the_report_says_where(demo):
    root, _ = demo
    report = mlops.drift("employment@y2018", against="employment@y2015", project=str(root))
    moved = {column.name for column in report.columns if column.drifted}
    assert report.drifted
    assert "year" in moved
    assert "SEX" not in moved


def test_the_first_model_answers_again(demo):
    root, _ = demo
    (deployment,) = mlops.deployments(project=str(root)).deployments
    assert (deployment.routes[0].version, deployment.ready) == ("v1", True)
    answer = mlops.predict("jobs", "data/employment.parquet", limit=5, project=str(root))
    assert (answer.version, answer.rows) == ("v1", 5)


def test_nothing_waits_but_nothing_is_lost(demo):
    root, _ = demo
    status = mlops.status(project=str(root))
    assert status.clean, status.next
    assert (
        subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True, check=True).stdout
        == ""
    )


@pytest.mark.parametrize(
    "command", [["dvc", "status"], ["dvc", "repro", "--dry"], ["dvc", "data", "status"], ["git", "fsck"]]
)
def test_the_plain_tools_agree(demo, command):
    root, _ = demo
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, env=None)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "changed" not in said.replace("no changes", "").replace("didn't change", "")
    assert "Running stage" not in said


def test_gto_sees_the_models(demo):
    root, _ = demo
    done = subprocess.run(["gto", "show", "--json"], cwd=root, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["jobs"]["version"] == "v2.0.0"


def test_lineage_reaches_from_the_data_to_the_deployment(demo):
    root, _ = demo
    graph = mlops.lineage("jobs@v1", project=str(root))
    kinds = {node.kind for node in graph.nodes}
    assert kinds == {"data", "run", "model", "deployment"}
    assert any(
        node.kind == "data" and node.version.startswith("v1") and "employment" in node.name for node in graph.nodes
    )


def test_a_run_after_nothing_was_edited_runs_nothing(demo):
    root, _ = demo
    report = mlops.run(project=str(root))
    assert (report.run, {stage.state for stage in report.stages}) == ("", {"up-to-date"})


def test_an_earlier_demo_is_left_as_it_is(demo):
    root, _ = demo
    again = mlops.demo(dir=str(root), lab=False, project=str(root.parent))
    assert again.steps == ()


@pytest.mark.parametrize(("level", "line"), [("1", "make demo DEMO="), ("", "jupyter mlops demo --dir ")])
def test_the_last_line_says_how_to_open_it(demo, level, line):
    root, _ = demo
    command = [sys.executable, "-m", "jupyter_mlops", "demo", "--no-lab", "--dir", "demo"]
    around = {name: value for name, value in os.environ.items() if name != "MAKELEVEL"}
    done = subprocess.run(
        command,
        cwd=root.parent,
        env=around | ({"MAKELEVEL": level} if level else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert line in done.stdout
    elsewhere = subprocess.run(
        command, cwd=root.parent, env=around | {"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert f"{sys.executable} -m jupyter_mlops demo --dir " in elsewhere.stdout


def test_a_folder_with_something_else_is_refused(tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("mine")
    with pytest.raises(mlops.errors.UsageError, match="not empty"):
        mlops.demo(dir="taken", lab=False, project=str(tmp_path))


@pytest.mark.parametrize("runner", ["papermill"])
def test_the_readme_notebook_runs_without_a_server(demo, runner, tmp_path):
    root, _ = demo
    command = [
        sys.executable,
        "-m",
        runner,
        "README.ipynb",
        str(tmp_path / "out.ipynb"),
        "-k",
        "python3",
        "--no-progress-bar",
    ]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    cells = json.loads((tmp_path / "out.ipynb").read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", []) if "data" in output]
    assert len(outputs) >= 9
    (model,) = mlops.models("jobs", project=str(root)).models
    assert model.versions[0].message == "working age only"
    assert len({version.digest for version in model.versions}) == len(model.versions) == 3
    assert all("text/plain" in output["data"] and "text/html" in output["data"] for output in outputs)
