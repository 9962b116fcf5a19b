from __future__ import annotations

import pytest
from model_files import commit_model, onnx_bytes

import jupyter_mlops as mlops
from jupyter_mlops.errors import UnknownReference, UsageError
from jupyter_mlops.records import Actor, StageRecord, VersionRecord, now
from jupyter_mlops.rendering import text


@pytest.fixture
def folder(project, git):
    commit_model(project, git, onnx_bytes(), "models/churn.onnx")
    return project.root


def recorded(project, outputs: dict[str, str], name: str = "abcdef") -> None:
    """A run that wrote `outputs`."""
    sara = Actor("Sara", "sara@example.org")
    stage = StageRecord(name="train", state="ran", seconds=1.0, inputs={"data": "d1" * 16}, outputs=outputs)
    project.runs.append(
        VersionRecord(
            f"run-018c0000000-{name}", "succeeded", now(), 1.0, sara, None, False, (stage,), metrics={"auc": 0.8}
        ),
        sara,
    )


def test_register_alias_and_list(folder):
    done = mlops.register("models/churn.onnx", name="churn", message="first", project=folder)
    assert (done.version, done.tag, done.path) == ("v1", "churn@v1.0.0", "models/churn.onnx")
    assert mlops.alias("churn@champion", project=folder).version == "v1"
    model = mlops.models(project=folder).models[0]
    assert (model.name, model.aliases) == ("churn", {"champion": "v1"})
    assert (model.versions[0].message, model.versions[0].author) == ("first", "Sara")
    assert mlops.alias("churn@champion", remove=True, project=folder).version is None


def test_bytes_that_were_registered_before_are_said_to_be(folder, git):
    assert mlops.register("models/churn.onnx", name="churn", project=folder).same_as is None
    git("commit", "-q", "--allow-empty", "-m", "retrained")
    again = mlops.register("models/churn.onnx", name="churn", project=folder)
    assert (again.version, again.same_as) == ("v2", "v1")
    assert "The same file as v1." in text(again)


def test_a_model_has_a_size_and_says_which_runs_it_met(project, folder):
    mlops.register("models/churn.onnx", name="churn", project=folder)
    size = (folder / "models" / "churn.onnx").stat().st_size
    found = mlops.show("churn@v1", project=folder)
    assert found.version.bytes == size == mlops.log("churn", project=folder).versions[0].bytes > 0
    recorded(project, {"models/churn.onnx": found.version.digest})
    assert mlops.show("churn@v1", project=folder).producers == ("#1",)


def test_two_models_are_compared_by_their_runs(project, folder, git):
    mlops.register("models/churn.onnx", name="churn", project=folder)
    with pytest.raises(UsageError, match="churn is a model") as caught:
        mlops.diff("churn@v1", project=folder)
    assert caught.value.hint == "models churn lists the metrics of its versions."
    commit_model(project, git, onnx_bytes(1), "models/churn.onnx")
    mlops.register("models/churn.onnx", name="churn", project=folder)
    for version in ("v1", "v2"):
        recorded(project, {"models/churn.onnx": mlops.show(f"churn@{version}", project=folder).version.digest}, version)
    with pytest.raises(UsageError, match="churn is a model") as caught:
        mlops.diff("churn@v1", "churn@v2", project=folder)
    assert caught.value.hint == "runs --compare 1 2"


def test_dry_runs_write_nothing(folder, git):
    assert mlops.register("models/churn.onnx", name="churn", dry_run=True, project=folder).version == "v1"
    assert git("tag") == ""
    mlops.register("models/churn.onnx", name="churn", project=folder)
    mlops.alias("churn@champion", dry_run=True, project=folder)
    assert git("tag").split() == ["churn@v1.0.0"]


def test_a_path_counts_from_where_the_user_stands(folder):
    assert mlops.register("churn.onnx", name="churn", project=folder / "models").path == "models/churn.onnx"


def test_a_version_knows_the_run_that_wrote_it(project, folder):
    digest = mlops.register("models/churn.onnx", name="churn", project=folder).digest
    recorded(project, {"models/churn.onnx": digest, "notes.txt": "0" * 32})
    version = mlops.models("churn", project=folder).models[0].versions[0]
    assert (version.metrics, version.run) == ({"auc": 0.8}, "run-018c0000000-abcdef")
    assert version.inputs == {"data": "d1" * 16}


def test_a_run_is_registered_by_its_number(project, folder):
    digest = mlops.register("models/churn.onnx", name="churn", dry_run=True, project=folder).digest
    recorded(project, {"models/churn.onnx": digest, "notes.txt": "0" * 32})
    assert mlops.register("#1", name="churn", project=folder).digest == digest


@pytest.mark.parametrize(
    ("outputs", "reference"),
    [({"notes.txt": "0" * 32}, "no-single-model"), ({"models/churn.onnx": "0" * 32}, "run-superseded")],
)
def test_a_run_that_cannot_be_registered(project, folder, outputs, reference):
    recorded(project, outputs)
    with pytest.raises(UsageError, match=reference):
        mlops.register("1", name="churn", project=folder)


def test_bad_names_and_references(folder):
    with pytest.raises(UsageError, match="bad-name"):
        mlops.register("models/churn.onnx", name="Churn Model", project=folder)
    with pytest.raises(UnknownReference, match="unknown-model"):
        mlops.models("nobody", project=folder)
    with pytest.raises(UsageError, match="no-alias"):
        mlops.alias("churn", project=folder)
    with pytest.raises(UsageError, match="outside-project"):
        mlops.register("../churn.onnx", name="churn", project=folder)
