from __future__ import annotations

import pytest
from model_files import commit_model, onnx_bytes

import jupyter_mlops as mlops
from jupyter_mlops.errors import EnvironmentFault, UnknownReference, UsageError

ROWS = '[{"age": 20, "wage": 1, "other": "x"}, {"age": 60, "wage": null}]'


@pytest.fixture
def folder(project, git, once):
    def build(root):
        for seed in range(2):
            commit_model(project, git, onnx_bytes(seed))
            mlops.register("model.onnx", name="churn", project=root)

    yield once(project.root, build)
    for deployment in mlops.deployments(project=project.root).deployments:
        mlops.undeploy(deployment.deployment, project=project.root)


def test_deploy_predict_rollback_undeploy(folder):
    first = mlops.deploy("churn@v1", project=folder)
    assert (first.ready, first.state, first.routes[0].version) == (True, "healthy", "v1")
    assert first.url.endswith(first.proxy_url.partition("/")[2].partition("/")[2])
    second = mlops.deploy("churn", project=folder)
    assert (second.routes[0].version, second.url) == ("v2", first.url)
    assert [release.version for release in second.history] == ["v2", "v1"]
    back = mlops.rollback("churn", project=folder)
    assert (back.routes[0].version, back.history[0].reason) == ("v1", "rollback")
    assert mlops.models("churn", project=folder).models[0].versions[1].deployments == ("churn",)
    assert mlops.undeploy("churn", project=folder).version == "v1"
    assert mlops.deployments(project=folder).deployments == ()


def test_predict_takes_json_rows_and_files(folder):
    mlops.deploy("churn@v1", project=folder)
    said = mlops.predict("churn", rows='{"wage": 1, "age": 20}', project=folder)
    assert (said.version, said.rows, len(said.outputs["predict_proba"][0])) == ("v1", 1, 2)
    (folder / "rows.csv").write_text("wage,age,other\n1,20,x\n5,60,y\n2,30,z\n")
    from_file = mlops.predict("churn", "rows.csv", limit=2, project=folder)
    assert from_file.outputs["predict"][0] == said.outputs["predict"][0]
    assert from_file.rows == 2


def test_predict_reads_a_dataset_version(folder):
    (folder / "rows.csv").write_text("wage,age\n1,20\n")
    mlops.commit("rows.csv", project=folder)
    mlops.deploy("churn@v1", project=folder)
    assert mlops.predict("churn", "rows.csv@v1", project=folder).rows == 1


@pytest.mark.parametrize(
    ("arguments", "reference"),
    [
        ({}, "no-rows"),
        ({"rows": "[]"}, "bad-rows"),
        ({"rows": "["}, "bad-rows"),
        ({"rows": '[{"age": 1}]'}, "missing-columns"),
        ({"rows": '[{"age": "old", "wage": 1}]'}, "bad-input"),
        ({"data": "bad.csv"}, "missing-columns"),
        ({"data": "bad.csv", "limit": 20_000}, "bad-argument"),
        ({"data": "empty.csv"}, "no-rows"),
        ({"data": "broken.parquet"}, "unreadable-table"),
    ],
)
def test_rows_that_do_not_fit(folder, arguments, reference):
    (folder / "bad.csv").write_text("age,wages\n1,2\n")
    (folder / "empty.csv").write_text("age,wage\n")
    (folder / "broken.parquet").write_bytes(b"PAR1 and no more")
    mlops.deploy("churn@v1", project=folder)
    with pytest.raises(UsageError, match=reference):
        mlops.predict("churn", project=folder, **arguments)


def test_missing_numbers_go_as_null(folder):
    mlops.deploy("churn@v1", project=folder)
    assert mlops.predict("churn", rows=ROWS, project=folder).rows == 2


def test_dry_runs_start_and_stop_nothing(folder):
    planned = mlops.deploy("churn@v1", dry_run=True, project=folder)
    assert (planned.state, planned.url, planned.routes[0].version) == ("planned", "", "v1")
    assert mlops.deployments(project=folder).deployments == ()
    for version in ("v1", "v2"):
        mlops.deploy(f"churn@{version}", project=folder)
    assert mlops.rollback("churn", dry_run=True, project=folder).routes[0].version == "v1"
    assert mlops.undeploy("churn", dry_run=True, project=folder).version == "v2"
    assert mlops.deployments("churn", project=folder).deployments[0].routes[0].version == "v2"


def test_unknown_names(folder):
    with pytest.raises(UnknownReference, match="unknown-model-version"):
        mlops.deploy("churn@v7", project=folder)
    with pytest.raises(UnknownReference, match="unknown-deployment"):
        mlops.predict("churn", rows=ROWS, project=folder)


def test_a_model_that_cannot_be_loaded(folder, git, project):
    commit_model(project, git, b"garbage")
    mlops.register("model.onnx", name="churn", project=folder)
    mlops.deploy("churn@v1", project=folder)
    with pytest.raises(EnvironmentFault, match="model-unloadable"):
        mlops.deploy("churn@v3", project=folder)
    assert mlops.deployments("churn", project=folder).deployments[0].routes[0].version == "v1"
