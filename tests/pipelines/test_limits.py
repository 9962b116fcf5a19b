"""What a stage may take stands beside it, where DVC looks past it."""

from __future__ import annotations

import pytest
from chains import states, write_notebook
from hypothesis import given
from hypothesis import strategies as st

import jupyter_mlops as mlops
from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.stages import dvc_yaml
from jupyter_mlops.pipelines.stages.limits import Limits


@given(
    st.integers(0, 9),
    st.none() | st.floats(0.001, 1e6),
    st.floats(0.1, 512),
    st.none() | st.integers(1, 10**13),
)
def test_limits_are_read_as_they_were_written(retries, timeout_s, cpus, memory_bytes):
    limits = Limits(retries, timeout_s, cpus, memory_bytes)

    assert Limits.read(limits.entry()) == limits


def test_a_stage_keeps_its_limits_and_plain_dvc_runs_it(notebooks, dvc):
    limits = {"retries": 2, "timeout": 90, "cpus": 1.5, "memory": 4}
    mlops.stage.add("prepare", "prepare.ipynb", dep=["data.csv"], out=["clean.csv"], **limits, project=notebooks)

    stage = next(stage for stage in dvc_yaml.read(notebooks) if stage.name == "prepare")
    assert stage.limits == Limits(2, 90, 1.5, 4 * 10**9)
    assert "timeout_s: 90\n" in (notebooks / "dvc.yaml").read_text()
    dvc("repro", "-q")
    assert states(mlops.run(project=notebooks)) == {"prepare": "up-to-date"}


def test_without_limits_nothing_is_written(chain):
    assert "meta" not in (chain / "dvc.yaml").read_text()
    assert {stage.limits for stage in dvc_yaml.read(chain)} == {Limits()}


def test_a_change_of_limits_makes_nothing_stale(notebooks):
    write_notebook(notebooks / "one.ipynb", "x = 1")
    mlops.stage.add("one", "one.ipynb", project=notebooks)
    mlops.run(project=notebooks)

    mlops.stage.add("one", "one.ipynb", retries=1, force=True, project=notebooks)

    assert states(mlops.run(project=notebooks)) == {"one": "up-to-date"}


@pytest.mark.parametrize(
    "given", [{"retries": -1}, {"timeout": 0}, {"cpus": 0}, {"memory": -2}, {"cpus": float("nan")}]
)
def test_limits_that_mean_nothing_are_refused(notebooks, given):
    with pytest.raises(UsageError) as raised:
        mlops.stage.add("prepare", "prepare.ipynb", **given, project=notebooks)

    assert raised.value.reference in ("bad-limit", "bad-argument")
    assert not (notebooks / "dvc.yaml").exists()


@pytest.mark.parametrize(
    "meta", ["{retires: 2}", "{retries: two}", "{retries: true}", "[1]", "{timeout_s: .inf}", "{retries: 1.5}"]
)
def test_limits_written_by_hand_are_checked(notebooks, meta):
    (notebooks / "dvc.yaml").write_text(f"stages:\n  a:\n    cmd: 'true'\n    meta:\n      mlops: {meta}\n")

    with pytest.raises(UsageError) as raised:
        dvc_yaml.read(notebooks)

    assert raised.value.reference == "bad-pipeline"
    assert raised.value.context


def test_meta_of_other_tools_is_left_alone(notebooks):
    (notebooks / "dvc.yaml").write_text("stages:\n  a:\n    cmd: 'true'\n    meta: {team: credit, x: [1]}\n")

    assert dvc_yaml.read(notebooks)[0].limits == Limits()
