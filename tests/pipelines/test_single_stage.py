"""A stage by itself: what it needs comes from the remote, what it made goes there, and nothing else runs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from chains import states, write_notebook

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError

TASK = {"single": True, "pull": True, "push": True, "git": False}


@pytest.fixture
def shared(chain, git, tmp_path) -> Path:
    """The chain, its data and stages committed and pushed; nothing has run."""
    mlops.commit("data.csv", project=chain)
    mlops.init(remote=str(tmp_path / "remote"), project=chain)
    git("add", "-A")
    git("commit", "-qm", "all", "--allow-empty")
    mlops.push(project=chain)
    return chain


@pytest.fixture
def machine(shared, tmp_path):
    """A new clone for each call, as each task of a workflow engine has one."""

    def clone(name: str) -> Path:
        subprocess.run(["git", "clone", "-q", str(shared), str(tmp_path / name)], check=True)
        for key, value in (("user.name", "Tom"), ("user.email", "tom@example.org")):
            subprocess.run(["git", "config", key, value], cwd=tmp_path / name, check=True)
        return tmp_path / name

    return clone


def refused(*arguments, **named) -> MlopsError:
    with pytest.raises(MlopsError) as caught:
        mlops.run(*arguments, **named)
    return caught.value


def test_stages_of_separate_machines_find_what_the_others_made(machine):
    one, two, three = machine("one"), machine("two"), machine("three")

    assert states(mlops.run(["prepare"], **TASK, project=one)) == {"prepare": "ran"}
    assert states(mlops.run(["train"], **TASK, project=two)) == {"train": "ran"}

    assert (two / "clean.csv").read_text() == "a\n1\na\n1\n"
    assert not (one / "model.txt").exists()
    found = mlops.run(project=three, pull=True, git=False)
    assert states(found) == {"prepare": "restored", "train": "restored"}
    assert (three / "model.txt").read_bytes() == (two / "model.txt").read_bytes()
    assert found.metrics == {"auc": 0.6}


def test_without_being_asked_nothing_is_brought_and_nothing_else_runs(machine):
    report = mlops.run(["train"], single=True, git=False, project=machine("one"))
    assert report.gate == "train failed: clean.csv is missing"


def test_what_nobody_made_yet_is_said(machine):
    error = refused(["train"], **TASK, project=machine("one"))
    assert error.reference == "input-unknown"
    assert "clean.csv" in error.message


def test_an_input_made_of_older_parameters_is_replaced(machine):
    one, two = machine("one"), machine("two")
    mlops.run(["prepare"], **TASK, project=one)
    mlops.run(["train"], **TASK, project=two)
    for place in (one, two):
        text = (place / "params.yaml").read_text()
        (place / "params.yaml").write_text(text.replace("rows: 2", "rows: 3"))
    mlops.run(["prepare"], **TASK, project=one)

    assert states(mlops.run(["train"], **TASK, project=two)) == {"train": "ran"}

    assert (two / "clean.csv").read_text() == "a\n1\n" * 3


def test_an_input_that_only_this_workspace_has_is_not_overwritten(machine):
    one, two = machine("one"), machine("two")
    mlops.run(["prepare"], **TASK, project=one)
    (two / "clean.csv").write_text("mine")

    assert refused(["train"], **TASK, project=two).reference == "uncommitted-output"
    assert (two / "clean.csv").read_text() == "mine"


def test_a_remote_that_lost_the_data_is_told(machine, tmp_path):
    shutil.rmtree(tmp_path / "remote")
    error = refused(["prepare"], **TASK, project=machine("one"))
    assert (error.reference, "data.csv" in error.message) == ("not-on-remote", True)


def test_a_failed_stage_sends_nothing(machine, tmp_path):
    one = machine("one")
    write_notebook(one / "prepare.ipynb", "rows = 2", "1 / 0")
    assert mlops.run(["prepare"], **TASK, project=one).gate
    assert not list((tmp_path / "remote").glob("runs/*"))


@pytest.mark.parametrize("targets", [[], ["prepare", "train"]])
def test_it_is_one_stage(chain, targets):
    assert refused(targets, single=True, project=chain).reference == "one-stage"


def test_without_a_remote_the_refusal_comes_first(chain):
    assert refused(["prepare"], **TASK, project=chain).reference == "no-remote"
    assert not (chain / "clean.csv").exists()
