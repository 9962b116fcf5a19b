"""`stage add`, `stage list`, `stage remove` and `run` as people call them."""

from __future__ import annotations

import pytest
from chains import states, write_notebook

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError


def test_a_stage_is_plain_papermill_with_readable_parameters(chain):
    text = (chain / "dvc.yaml").read_text()

    assert "papermill prepare.ipynb executed/prepare.ipynb -p rows ${prepare.rows}" in text
    assert '-p C ${train.C} -r name "${train.name}" -y "flag: ${train.flag}"' in text
    assert "jupyter_mlops" not in text


def test_comments_and_order_survive_an_edit(chain):
    path = chain / "dvc.yaml"
    path.write_text("# ours\n" + path.read_text().replace("  train:", "  # the model\n  train:"))

    mlops.stage.remove("prepare", project=chain)

    text = path.read_text()
    assert text.startswith("# ours\n")
    assert "# the model" in text
    assert [stage.name for stage in mlops.stage.list(project=chain).stages] == ["train"]


def test_only_its_own_files_are_committed(notebooks, git):
    (notebooks / "other.txt").write_text("mine\n")
    git("add", "other.txt")

    made = mlops.stage.add("prepare", "prepare.ipynb", out=["clean.csv"], project=notebooks)

    assert git("show", "--name-only", "--format=", made.git_commit).split() == [
        ".gitignore",
        "dvc.yaml",
        "executed/.gitignore",
    ]
    assert git("diff", "--cached", "--name-only").split() == ["other.txt"]


def test_a_dry_run_writes_nothing(notebooks):
    planned = mlops.stage.add("prepare", "prepare.ipynb", parameters={"rows": 5}, dry_run=True, project=notebooks)

    assert planned.stages[0].name == "prepare"
    assert not (notebooks / "dvc.yaml").exists()
    assert not (notebooks / "params.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "reference"),
    [
        ({"name": "prepare", "notebook": "train.ipynb"}, "stage-exists"),
        ({"name": "a b", "notebook": "train.ipynb"}, "bad-stage-name"),
        ({"name": "new", "notebook": "nothing.ipynb"}, "notebook-missing"),
        ({"name": "new", "notebook": "data.csv"}, "not-a-notebook"),
        ({"name": "new", "notebook": "../out.ipynb"}, "outside-project"),
        ({"name": "new", "notebook": "train.ipynb", "parameters": {"Cc": 1}}, "unknown-parameter"),
        ({"name": "new", "notebook": "train.ipynb", "parameters": {"name": 'a"; rm -rf .'}}, "parameter-not-quotable"),
        ({"name": "new", "notebook": "train.ipynb", "out": ["clean.csv"]}, "two-writers"),
        ({"name": "new", "notebook": "train.ipynb", "out": ["README.md"]}, "tracked-by-git"),
        ({"name": "new", "notebook": "train.ipynb", "dep": ["model.txt"], "out": ["data.csv"]}, "pipeline-cycle"),
        ({"name": "new", "notebook": "bare.ipynb", "parameters": {"x": 1}}, "no-parameters-cell"),
        ({"name": "new", "notebook": "julia.ipynb"}, "kernel-missing"),
    ],
)
def test_bad_stages_are_refused_and_nothing_is_written(chain, arguments, reference):
    write_notebook(chain / "bare.ipynb", "x = 1", parameters=False)
    write_notebook(chain / "julia.ipynb", "x = 1", kernel="julia-9")
    before = (chain / "dvc.yaml").read_text()

    with pytest.raises(MlopsError) as raised:
        mlops.stage.add(**arguments, project=chain)

    assert raised.value.reference == reference
    assert raised.value.hint
    assert (chain / "dvc.yaml").read_text() == before


@pytest.mark.parametrize(
    ("targets", "parameters", "reference"),
    [
        (["trian"], {}, "unknown-stage"),
        (["train"], {"c": 2}, "unknown-parameter"),
        (["train"], {"C": "much"}, "parameter-type"),
        (["nothing.ipynb"], {}, "notebook-missing"),
    ],
)
def test_bad_runs_are_refused_before_anything_is_written(chain, targets, parameters, reference):
    before = (chain / "params.yaml").read_text()

    with pytest.raises(MlopsError) as raised:
        mlops.run(targets, parameters=parameters, project=chain)

    assert raised.value.reference == reference
    assert (chain / "params.yaml").read_text() == before


def test_parameters_are_kept_and_the_lock_is_committed(chain, git, dvc):
    report = mlops.run(["train"], parameters={"C": 3.0}, project=chain)

    assert report.metrics == {"auc": 0.8}
    assert "C: 3.0" in (chain / "params.yaml").read_text()
    assert {"dvc.lock", "params.yaml", "metrics.json"} <= set(git("show", "--name-only", "--format=").split())
    assert "(3.0, 'two words', False)" in (chain / "model.txt").read_text()
    assert dvc("status") == "Data and pipelines are up to date.\n"


def test_a_preview_says_why_and_runs_nothing(chain):
    planned = mlops.run(dry_run=True, project=chain)

    assert [(stage.name, stage.state, stage.reason) for stage in planned.stages] == [
        ("prepare", "ran", "never run"),
        ("train", "ran", "never run"),
    ]
    assert not (chain / "clean.csv").exists()


def test_downstream_and_force(chain):
    mlops.run(project=chain)

    assert states(mlops.run(["prepare"], project=chain)) == {"prepare": "up-to-date"}
    assert states(mlops.run(["prepare"], downstream=True, force=True, project=chain)) == {
        "prepare": "ran",
        "train": "ran",
    }


def test_a_second_run_starts_nothing_and_leaves_no_record(chain, git):
    mlops.run(project=chain)
    before = git("rev-parse", "HEAD")

    assert mlops.run(project=chain).run == ""
    assert git("rev-parse", "HEAD") == before
    assert len(mlops.runs(project=chain).runs) == 1


def test_the_last_stage_leaves_an_empty_list(chain, dvc):
    mlops.stage.remove("train", project=chain)
    mlops.stage.remove("prepare", project=chain)

    assert mlops.stage.list(project=chain).stages == ()
    assert "no" in dvc("status")
    mlops.stage.add("again", "prepare.ipynb", out=["clean.csv"], project=chain)
    assert [stage.name for stage in mlops.stage.list(project=chain).stages] == ["again"]
