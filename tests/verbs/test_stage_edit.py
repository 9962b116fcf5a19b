"""`stage edit`: what it names changes, all else in ``dvc.yaml`` stays."""

from __future__ import annotations

import pytest
from chains import UP_TO_DATE, our_states, states

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError


def entry(root, name="train"):
    return next(stage for stage in mlops.stage.list(project=root).stages if stage.name == name)


def test_inputs_and_outputs_come_and_go(chain, dvc):
    (chain / "more.csv").write_text("x\n")

    mlops.stage.edit("train", dep=["more.csv"], without=["metrics.json"], project=chain)

    assert entry(chain).deps == ("train.ipynb", "clean.csv", "more.csv")
    assert entry(chain).metrics == ()
    mlops.run(project=chain)
    assert dvc("status") == UP_TO_DATE


def test_an_output_becomes_a_metric(chain):
    (chain / "train.ipynb").write_text((chain / "train.ipynb").read_text().replace("model.txt", "model.json"))
    mlops.stage.edit("train", without=["model.txt"], out=["model.json"], project=chain)
    assert entry(chain).outs == ("executed/train.ipynb", "model.json")

    mlops.stage.edit("train", metrics=["model.json"], project=chain)

    assert (entry(chain).outs, entry(chain).metrics) == (("executed/train.ipynb",), ("metrics.json", "model.json"))


def test_limits_change_alone_and_make_nothing_stale(chain):
    mlops.run(project=chain)

    edited = mlops.stage.edit("train", retries=2, timeout=90, memory=1.5, project=chain)
    limits = next(stage for stage in edited.stages if stage.name == "train").limits
    assert (limits.retries, limits.timeout, limits.cpus, limits.memory) == (2, 90, 1, 1.5)
    mlops.stage.edit("train", timeout=0, project=chain)
    limits = entry(chain).limits
    assert (limits.retries, limits.timeout, limits.memory) == (2, None, 1.5)
    mlops.stage.edit("train", retries=0, memory=0, project=chain)

    assert "meta" not in (chain / "dvc.yaml").read_text()
    assert set(our_states(chain).values()) == {"up-to-date"}


def test_comments_and_what_others_wrote_stay(chain, git):
    path = chain / "dvc.yaml"
    path.write_text(
        path.read_text().replace("  train:\n", "  train:\n    desc: the model  # ours\n    meta: {team: credit}\n")
    )

    made = mlops.stage.edit("train", retries=1, project=chain)

    assert "desc: the model  # ours" in path.read_text()
    assert "team: credit" in path.read_text()
    assert git("show", "--name-only", "--format=", made.git_commit).split() == ["dvc.yaml"]


def test_a_dry_run_writes_nothing(chain):
    before = (chain / "dvc.yaml").read_text()

    planned = mlops.stage.edit("train", retries=2, dry_run=True, project=chain)

    assert next(stage for stage in planned.stages if stage.name == "train").limits.retries == 2
    assert (chain / "dvc.yaml").read_text() == before


@pytest.mark.parametrize(
    ("arguments", "reference"),
    [
        ({"name": "trian"}, "unknown-stage"),
        ({"name": "train", "dep": ["clan.csv"]}, "unknown-input"),
        ({"name": "train", "out": ["README.md"]}, "tracked-by-git"),
        ({"name": "train", "out": ["clean.csv"]}, "two-writers"),
        ({"name": "prepare", "dep": ["model.txt"]}, "pipeline-cycle"),
        ({"name": "train", "without": ["nothing.csv"]}, "unknown-path"),
        ({"name": "train", "without": ["train.ipynb"]}, "unknown-path"),
        ({"name": "train", "without": ["executed/train.ipynb"]}, "unknown-path"),
        ({"name": "train", "retries": -1}, "bad-limit"),
        ({"name": "notebook-key@train", "retries": 1}, "generated-stage"),
        ({"name": "train", "dep": ["../x"]}, "outside-project"),
    ],
)
def test_bad_changes_are_refused_and_nothing_is_written(chain, arguments, reference):
    before = (chain / "dvc.yaml").read_text()

    with pytest.raises(MlopsError) as raised:
        mlops.stage.edit(**arguments, project=chain)

    assert raised.value.reference == reference
    assert (chain / "dvc.yaml").read_text() == before


def test_a_stage_that_gets_another_notebook_forgets_the_key_of_the_old_one(chain, git):
    mlops.run(project=chain)
    mlops.stage.add("train", "prepare.ipynb", out=["copy.csv"], force=True, project=chain)

    assert "- train\n" not in (chain / "dvc.yaml").read_text()
    assert not (chain / ".keys" / "train.key").exists()
    assert "keys" not in git("status", "--porcelain")
    assert states(mlops.run(["prepare"], project=chain)) == {"prepare": "up-to-date"}
