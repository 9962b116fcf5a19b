"""The plain papermill command does the same with our notebooks and with our engine."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from chains import write_notebook

import jupyter_mlops as mlops
from jupyter_mlops.pipelines.stages.papermill_command import NotebookCommand, compose, literal, references, typed

SCRIPTS = Path(sys.executable).parent


def papermill(root: Path, *arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    surroundings = {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}
    command = [str(SCRIPTS / "papermill"), *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, env=surroundings)


def test_plain_papermill_gives_what_our_run_gives(ran):
    ours = (ran / "model.txt").read_text()
    command = mlops.stage.list(project=ran).stages[1].command

    done = papermill(ran, *shlex.split(command)[1:])

    assert done.returncode == 0, done.stderr
    assert (ran / "model.txt").read_text() == ours


@pytest.fixture
def installed(tmp_path) -> str:
    """A folder that declares our entry point, as an installation does."""
    folder = tmp_path / "site"
    info = folder / "jupyter_mlops_engine-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: jupyter-mlops-engine\nVersion: 0\n")
    (info / "entry_points.txt").write_text(
        "[papermill.engine]\nmlops = jupyter_mlops.pipelines.executing.engine:MlopsEngine\n"
    )
    return str(folder)


def test_our_engine_works_under_the_plain_command(tmp_path, installed):
    write_notebook(tmp_path / "in.ipynb", "x = 1", "print(x + 1)")

    done = papermill(tmp_path, "in.ipynb", "out.ipynb", "--engine", "mlops", "-p", "x", "41", path=installed)

    assert done.returncode == 0, done.stderr
    assert "42" in (tmp_path / "out.ipynb").read_text()


def test_our_engine_keeps_the_notebook_of_a_failure(tmp_path, installed):
    write_notebook(tmp_path / "in.ipynb", "x = 1", "raise ValueError('boom')", "print('never')")

    done = papermill(tmp_path, "in.ipynb", "out.ipynb", "--engine", "mlops", path=installed)

    cells = json.loads((tmp_path / "out.ipynb").read_text())["cells"]
    assert done.returncode != 0
    assert "boom" in json.dumps(cells)
    assert cells[-1]["outputs"] == []


@pytest.mark.parametrize(
    "value", [1, -2.5, 1e-07, "plain", "two words", "1", "true", True, False, None, [1, 2.5], ["a b", "c"]]
)
def test_every_kind_of_parameter_arrives_as_itself(value):
    """The command we write, read back by papermill's own parser through DVC's own templates."""
    from papermill.cli import _resolve_type

    command = compose(NotebookCommand("n.ipynb", "o.ipynb", {"k": value}), "s")
    items = value if isinstance(value, list) else [value]
    filled = command
    for number, item in enumerate(items):
        shown = str(item).lower() if isinstance(item, bool) else str(item)
        filled = filled.replace(f"${{s.k[{number}]}}", shown).replace("${s.k}", shown)

    assert references(command) == {"k": "s.k"}
    assert NotebookCommand.parse(filled).parameters == {"k": value}
    assert NotebookCommand.parse(literal(NotebookCommand("n.ipynb", "o.ipynb", {"k": value}))).parameters == {
        "k": value
    }
    assert typed(str(value)) == _resolve_type(str(value))
