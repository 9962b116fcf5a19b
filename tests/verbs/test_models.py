from __future__ import annotations

import pytest
from model_files import commit_model, onnx_bytes

import jupyter_mlops as mlops
from jupyter_mlops.errors import UnknownReference, UsageError
from jupyter_mlops.records import Actor, StageRecord, VersionRecord, now


@pytest.fixture
def folder(project, git):
    commit_model(project, git, onnx_bytes(), "models/churn.onnx")
    return project.root


def recorded(project, outputs: dict[str, str]) -> None:
    """A run that wrote `outputs`."""
    sara = Actor("Sara", "sara@example.org")
    stage = StageRecord(name="train", state="ran", seconds=1.0, inputs={"data": "d1" * 16}, outputs=outputs)
    project.runs.append(
        VersionRecord(
            "run-018c0000000-abcdef", "succeeded", now(), 1.0, sara, None, False, (stage,), metrics={"auc": 0.8}
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
