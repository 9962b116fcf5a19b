"""``%%mlops stage NAME``: a cell becomes a notebook and a stage."""

from __future__ import annotations

import json

import pytest
from chains import UP_TO_DATE, states

import jupyter_mlops as mlops

CODE = """
# parameters
rate = 0.5
name = 'x'

text = open('data.csv').read()
!echo done
open('out.txt', 'w').write(text + str(rate) + name)
"""


@pytest.fixture
def place(inside):
    (inside / "data.csv").write_text("a\n")
    return inside


def cells(place, name="fit"):
    return json.loads((place / f"{name}.ipynb").read_text())["cells"]


def test_a_cell_becomes_a_stage_that_plain_dvc_runs(kernel, place, dvc):
    kernel.run(f"%%mlops stage fit -p rate=0.75 -d data.csv -o out.txt\n{CODE}")

    assert [cell["metadata"] for cell in cells(place)] == [{"tags": ["parameters"]}, {}]
    assert "".join(cells(place)[1]["source"]).startswith("text = open('data.csv').read()\n!echo")
    assert not (place / "out.txt").exists()
    dvc("repro", "-q")
    assert (place / "out.txt").read_text() == "a\n0.75x"
    assert states(mlops.run(project=place)) == {"fit": "up-to-date"}


def test_the_same_cell_again_changes_nothing_and_another_replaces(kernel, place, git, dvc):
    kernel.run(f"%%mlops stage fit -d data.csv -o out.txt\n{CODE}")
    mlops.run(project=place)
    kernel.run(f"%%mlops stage fit -d data.csv -o out.txt\n{CODE}")
    assert dvc("status") == UP_TO_DATE
    assert "fit.ipynb" in git("ls-files")

    kernel.run("%%mlops stage fit -d data.csv -o out.txt\nopen('out.txt', 'w').write('new')")

    assert [cell["metadata"] for cell in cells(place)] == [{}]
    assert states(mlops.run(project=place)) == {"fit": "ran"}


def test_capture_finds_what_the_cell_reads_and_writes(kernel, place):
    kernel.run(f"%%mlops stage fit --capture\n{CODE}")

    (stage,) = mlops.stage.list(project=place).stages
    assert (stage.deps, stage.outs) == (("fit.ipynb", "data.csv"), ("out.txt", "executed/fit.ipynb"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("status", "Only `stage NAME` takes a cell"),
        ("stage", "Only `stage NAME` takes a cell"),
        ("stage taken", "taken.ipynb is there already"),
        ("stage fit -d nothing.csv", "There is no nothing.csv"),
        ("stage 'a b'", "cannot name a stage"),
    ],
)
def test_what_cannot_be_leaves_nothing_behind(kernel, place, line, said):
    (place / "taken.ipynb").write_text("{}")
    before = sorted(place.iterdir())

    outputs = kernel.run(f"%%mlops {line}\nx = 1")

    assert outputs[-1][0] == "error"
    assert said in json.dumps(outputs)
    assert sorted(place.iterdir()) == before
    assert (place / "taken.ipynb").read_text() == "{}"
