"""Small notebooks in a chain, and the tools to look at what plain DVC says of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import jupyter_mlops as mlops
from jupyter_mlops.project import Project

UP_TO_DATE = "Data and pipelines are up to date.\n"


def write_notebook(path: Path, *cells: str, kernel: str = "python3", parameters: bool = True) -> None:
    """A notebook whose first cell is tagged ``parameters``."""
    tags = [["parameters"] if parameters and number == 0 else [] for number in range(len(cells))]
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": kernel, "display_name": "Python 3", "language": "python"}},
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{number}",
                "metadata": {"tags": tags[number]} if tags[number] else {},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
            for number, source in enumerate(cells)
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


@pytest.fixture
def dvc(project: Project):
    """Run plain dvc in the project; its output."""

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "dvc", *arguments]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            command, cwd=project.root, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path}
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def notebooks(project: Project, once) -> Path:
    """Two notebooks, the second reading what the first writes, and their data."""
    return once(project.root, write_notebooks)


def write_notebooks(root: Path) -> None:
    (root / "data.csv").write_text("a\n1\n")
    write_notebook(root / "prepare.ipynb", "rows = 2", "open('clean.csv', 'w').write(open('data.csv').read() * rows)")
    write_notebook(
        root / "train.ipynb",
        "C = 1.0\nname = 'x'\nflag = False",
        "import json\nopen('model.txt', 'w').write(open('clean.csv').read() + repr((C, name, flag)))",
        "json.dump({'auc': 0.5 + C / 10}, open('metrics.json', 'w'))",
    )
    subprocess.run(["git", "add", "prepare.ipynb", "train.ipynb"], cwd=root, check=True)
    subprocess.run(["git", "commit", "-qm", "notebooks"], cwd=root, check=True)


@pytest.fixture
def chain(notebooks: Path, once) -> Path:
    """Both notebooks as stages, written by `stage add`."""
    return once(notebooks, add_stages)


def add_stages(root: Path) -> None:
    mlops.stage.add(
        "prepare", "prepare.ipynb", parameters={"rows": 2}, dep=["data.csv"], out=["clean.csv"], project=root
    )
    mlops.stage.add(
        "train",
        "train.ipynb",
        parameters={"C": 1.0, "name": "two words", "flag": False},
        dep=["clean.csv"],
        out=["model.txt"],
        metrics=["metrics.json"],
        project=root,
    )


@pytest.fixture
def ran(chain: Path, once) -> Path:
    """The chain after one run."""
    return once(chain, lambda root: mlops.run(project=root))


@pytest.fixture
def three(chain: Path, once) -> Path:
    """Three runs, the second the best; nothing is left uncommitted."""
    return once(chain, run_thrice)


def run_thrice(root: Path) -> None:
    mlops.commit(["data.csv"], message="data", project=root)
    for strength in (1.0, 3.0, 2.0):
        mlops.run(parameters={"C": strength}, project=root)


def states(report: mlops.verbs.run_reports.RunReport) -> dict[str, str]:
    """Stage to what became of it."""
    return {stage.name: stage.state for stage in report.stages}


def our_states(root: Path) -> dict[str, str]:
    """Stage to how it stands now, as we see it."""
    return {one.name: one.state for one in Project(root).pipeline.states()}
