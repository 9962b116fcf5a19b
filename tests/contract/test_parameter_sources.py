"""Parameters from files and from metrics reach the notebook alike through plain `dvc repro` and through our run."""

from __future__ import annotations

import json

import pytest
from chains import UP_TO_DATE, our_states, states, write_notebook

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError

SAID = "open('said.txt', 'w').write(repr((auc, rate, deep)))"


@pytest.fixture
def root(chain):
    """A stage after `train` could take its metric, and a file of parameters lies there."""
    write_notebook(chain / "report.ipynb", "auc = 0.0\nrate = 0.0\ndeep = 0", SAID)
    (chain / "config.yaml").write_text("# ours\nrate: 0.25  # often\ndeep: 3\nother: 1\n")
    return chain


def add(root, **arguments):
    mlops.stage.add("report", "report.ipynb", out=["said.txt"], project=root, **arguments)


def test_a_metric_of_a_stage_before_that_never_ran(root, dvc):
    add(root, parameters={"auc": "${train.auc}", "rate": 0.5})

    assert "-f metrics.json" in (root / "dvc.yaml").read_text()
    assert mlops.stage.list(project=root).stages[-1].deps == ("report.ipynb", "metrics.json")
    assert states(mlops.run(project=root)) == {"prepare": "ran", "train": "ran", "report": "ran"}
    assert (root / "said.txt").read_text() == "(0.6, 0.5, 0)"
    assert dvc("status") == UP_TO_DATE


@pytest.mark.slow
def test_plain_repro_hands_over_the_metric_of_the_same_repro(root, dvc):
    add(root, parameters={"auc": "${train.auc}"})
    dvc("repro", "-q")
    assert (root / "said.txt").read_text() == "(0.6, 0.0, 0)"

    text = (root / "params.yaml").read_text()
    (root / "params.yaml").write_text(text.replace("C: 1.0", "C: 3.0"))
    dvc("repro", "-q")

    assert (root / "said.txt").read_text() == "(0.8, 0.0, 0)"
    assert set(our_states(root).values()) == {"up-to-date"}


def test_a_whole_file_of_parameters(root, dvc):
    add(root, params=["config.yaml"])
    mlops.run(project=root)
    assert (root / "said.txt").read_text() == "(0.0, 0.25, 3)"
    assert dvc("status") == UP_TO_DATE

    (root / "config.yaml").write_text((root / "config.yaml").read_text().replace("other: 1", "other: 2"))

    assert our_states(root)["report"] == "stale"
    assert "report" in dvc("status")


def test_some_of_a_file_of_parameters(root, dvc):
    add(root, params=["config.yaml:rate,deep"], parameters={"auc": 0.1})
    mlops.run(project=root)
    assert (root / "said.txt").read_text() == "(0.1, 0.25, 3)"
    assert dvc("status") == UP_TO_DATE

    (root / "config.yaml").write_text((root / "config.yaml").read_text().replace("other: 1", "other: 2"))

    assert our_states(root)["report"] == "up-to-date"
    assert dvc("status") == UP_TO_DATE


@pytest.mark.parametrize("params", ["config.yaml", "config.yaml:rate"])
def test_a_run_changes_a_parameter_where_it_stands(root, git, dvc, params):
    add(root, params=[params])

    mlops.run(["report"], parameters={"rate": 0.75}, project=root)

    assert "0.75" in (root / "said.txt").read_text()
    assert (root / "config.yaml").read_text() == "# ours\nrate: 0.75  # often\ndeep: 3\nother: 1\n"
    assert "rate" not in (root / "params.yaml").read_text()
    assert "config.yaml" in git("show", "--name-only", "--format=").split()
    assert "report" not in dvc("status")


def test_json_is_read_and_not_written(root):
    (root / "config.json").write_text(json.dumps({"rate": 0.5}))
    add(root, params=["config.json"])
    mlops.run(["report"], project=root)
    assert (root / "said.txt").read_text() == "(0.0, 0.5, 0)"

    with pytest.raises(MlopsError) as raised:
        mlops.run(["report"], parameters={"rate": 0.75}, project=root)

    assert (raised.value.reference, raised.value.hint) == ("parameter-elsewhere", "Edit config.json, then run.")


@pytest.mark.parametrize(
    ("arguments", "reference"),
    [
        ({"parameters": {"auc": "${trian.auc}"}}, "unknown-stage"),
        ({"parameters": {"auc": "${prepare.auc}"}}, "unknown-metric"),
        ({"parameters": {"rate": "${train.auc}"}}, "metric-renamed"),
        ({"parameters": {"auc": "${train.test.auc}"}}, "metric-renamed"),
        ({"parameters": {"auc": "${PATH}"}}, "parameter-not-quotable"),
        ({"params": ["nothing.yaml"]}, "no-parameter-file"),
        ({"params": ["report.ipynb"]}, "no-parameter-file"),
        ({"params": ["config.yaml:rat"]}, "unknown-parameter"),
        ({"params": ["list.yaml"]}, "bad-file"),
        ({"params": ["list.yaml:rate"]}, "bad-file"),
        ({"params": ["deep.yaml:rate"]}, "parameter-type"),
        ({"params": ["config.yaml:rate"], "parameters": {"rate": 1}}, "parameter-twice"),
        ({"params": ["config.yaml:other"]}, "unknown-parameter"),
        ({"params": ["../config.yaml"]}, "outside-project"),
    ],
)
def test_bad_sources_are_refused(root, arguments, reference):
    (root / "list.yaml").write_text("- 1\n")
    (root / "deep.yaml").write_text("rate: {a: 1}\n")
    before = (root / "dvc.yaml").read_text()

    with pytest.raises(MlopsError) as raised:
        add(root, **arguments)

    assert raised.value.reference == reference
    assert raised.value.hint or raised.value.context
    assert (root / "dvc.yaml").read_text() == before


def test_a_metric_that_the_file_lacks_is_named(root):
    mlops.run(project=root)
    write_notebook(root / "report.ipynb", "acu = 0.0", "print(acu)")

    with pytest.raises(MlopsError) as raised:
        add(root, parameters={"acu": "${train.acu}"})

    assert (raised.value.reference, raised.value.hint) == ("unknown-metric", "Did you mean auc?")
