"""`reproduce`: what is executed again, what counts as the same, and the causes by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chains import write_notebook

import jupyter_mlops as mlops
from jupyter_mlops.project import Project


def stage(root: Path, *cells: str, out: str = "out.txt", dep: tuple[str, ...] = (), metrics: tuple[str, ...] = ()) -> None:
    """Run a notebook as the stage ``work``; its first cell sets nothing."""
    write_notebook(root / "work.ipynb", "x = 1", *cells)
    mlops.stage.add("work", "work.ipynb", dep=list(dep), out=[out] if out else [], metrics=list(metrics), project=root)
    report = mlops.run(project=root)
    assert report.gate is None, report.gate


def causes(found: mlops.verbs.reproduction.Reproduction, output: str = "out.txt") -> set[str]:
    return {each.cause for each in found.differences if each.output == output}


@pytest.fixture
def root(project: Project) -> Path:
    return project.root


def test_a_run_is_reproduced_bit_for_bit_and_the_tree_stays_as_it_is(chain, git):
    mlops.run(project=chain)
    (chain / "README.md").write_text("edited\n")
    before = git("status", "--porcelain"), (chain / "dvc.lock").read_bytes()

    found = mlops.reproduce("run:1", project=chain)

    assert (found.verdict, found.gate) == ("identical", None)
    assert [each.name for each in found.stages] == ["prepare", "train"]
    assert (git("status", "--porcelain"), (chain / "dvc.lock").read_bytes()) == before
    assert len(mlops.runs(project=chain).runs) == 1
    assert "worktrees" not in git("worktree", "list")
    assert len(git("worktree", "list").splitlines()) == 1


def test_an_unset_seed_is_named(root):
    stage(root, "import random", "y = random.random()\nopen('out.txt', 'w').write(str(y))")

    found = mlops.reproduce("work", project=root)

    assert found.verdict == "different"
    assert causes(found) == {"unset seed"}
    assert [(each.what, each.cell) for each in found.evidence] == [("random.random", 3)]
    assert "unset seed" in found.gate
