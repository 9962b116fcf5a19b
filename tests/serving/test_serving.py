from __future__ import annotations

import http.client
import json
import socket
import stat
import subprocess
import sys

import pytest
from model_files import SARA, commit_model, rows

from jupyter_mlops.errors import EnvironmentFault, UnknownReference, UsageError
from jupyter_mlops.project import Project
from jupyter_mlops.serving.control import Command
from jupyter_mlops.serving.control import ask as order
from jupyter_mlops.serving.spec import State

INFER = "/v2/models/credit/infer"


def test_the_protocol_from_end_to_end(deploy, ask):
    served = deploy()
    assert ask(served, "GET", "/v2")[1]["name"] == "jupyter-mlops"
    assert ask(served, "GET", "/v2/health/live")[0] == ask(served, "GET", "/v2/health/ready")[0] == 200
    status, told = ask(served, "GET", "/v2/models/credit")
    assert (status, told["versions"], told["platform"]) == (200, ["v1.0.0"], "onnxruntime")
    assert ask(served, "GET", "/v2/models/credit/versions/v1.0.0/ready")[0] == 200
    status, answer = ask(served, "POST", INFER, rows(1.0, 90.0))
    assert (status, answer["id"], answer["model_version"]) == (200, "7", "v1.0.0")
    assert [(out["name"], out["shape"]) for out in answer["outputs"]] == [("predict", [2]), ("predict_proba", [2, 2])]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", INFER, {"inputs": []}, 400),
        ("POST", INFER, None, 400),
        ("GET", INFER, None, 405),
        ("POST", "/v2/models/other/infer", {}, 404),
        ("POST", "/v2/models/credit/versions/v9/infer", {}, 404),
        ("GET", "/nothing", None, 404),
    ],
)
def test_wrong_requests_get_a_json_error(deploy, ask, method, path, body, status):
    got, document = ask(deploy(), method, path, body)
    assert got == status
    assert document["error"]


def test_missing_columns_are_named(deploy, ask):
    request = rows(1.0)
    request["inputs"].pop()
    assert ask(deploy(), "POST", INFER, request)[1] == {"error": "Missing inputs: wage."}


def test_many_rows_at_once(deploy, ask):
    status, answer = ask(deploy(), "POST", INFER, rows(*range(500)))
    assert (status, len(answer["outputs"][0]["data"])) == (200, 500)


def test_rollback_walks_back_and_keeps_the_port(released, deploy):
    first = deploy("v1")
    deploy("v2")
    deploy("v3")
    back = [released.deployments.rollback("credit", SARA, {}).version for _ in range(2)]
    assert back == ["v2.0.0", "v1.0.0"]
    with pytest.raises(UsageError, match="credit is back at v1, the first") as caught:
        released.deployments.rollback("credit", SARA, {})
    assert caught.value.reference == "nothing-to-roll-back"
    assert caught.value.hint.startswith("deploy credit@v2 --name credit ")
    last = deploy("v3")
    assert (last.port, last.pid) == (first.port, first.pid)
    assert released.deployments.rollback("credit", SARA, {}).version == "v1.0.0"
    assert [entry.reason for entry in last.history] == ["deploy", "rollback", "rollback", "deploy", "deploy", "deploy"]


def test_a_first_release_cannot_be_rolled_back(released, deploy):
    deploy("v1")
    with pytest.raises(UsageError, match="credit has served only v1") as caught:
        released.deployments.rollback("credit", SARA, {})
    assert caught.value.hint.startswith("deploy credit@v3 --name credit ")


def test_rollback_to_a_version(released, deploy):
    for version in ("v1", "v2"):
        deploy(version)
    with pytest.raises(UsageError, match="never-served"):
        released.deployments.rollback("credit", SARA, {}, "v3")
    assert released.deployments.rollback("credit", SARA, {}, "v1").version == "v1.0.0"


def test_the_same_version_again_changes_nothing(deploy):
    assert len(deploy().history) == len(deploy().history) == 1


def test_an_unknown_deployment_gets_the_nearest(released, deploy):
    deploy()
    with pytest.raises(UnknownReference) as caught:
        released.deployments.rollback("credt", SARA, {})
    assert caught.value.hint == "Did you mean credit?"
    with pytest.raises(UnknownReference):
        released.deployments.get("../credit")


def test_a_port_in_use_is_said_and_nothing_stays(released, deploy):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="port-in-use"):
        deploy(port=taken.getsockname()[1])
    assert released.deployments.all() == ()


def test_a_port_stays_what_it_is(deploy):
    port = deploy().port
    with pytest.raises(UsageError, match="port-fixed"):
        deploy("v2", port=port + 1)


def test_two_deployments_of_one_model(released, deploy):
    assert deploy("v1").port != deploy("v2", "credit-two").port
    assert [found.name for found in released.deployments.all()] == ["credit", "credit-two"]


def test_undeploy_frees_the_port(released, deploy):
    served = deploy()
    released.deployments.undeploy("credit")
    socket.create_server(("127.0.0.1", served.port)).close()
    assert released.deployments.all() == ()


def test_a_first_deploy_that_fails_leaves_nothing(released, git):
    commit_model(released, git, b"garbage")
    released.models.register("model.onnx", "broken", SARA)
    with pytest.raises(EnvironmentFault, match="model-unloadable"):
        released.deployments.deploy(released.models.resolve("broken"), "broken", SARA, {})
    assert released.deployments.all() == ()
    assert not (released.places.state / "deployments" / "broken").exists()


def test_only_the_owner_gives_orders(released, deploy):
    deploy()
    state = State(released.places.state / "deployments" / "credit")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (state.folder, state.socket, state.log)]
    assert modes == [0o700, 0o600, 0o600]
    assert order(state.socket, Command("dance"), 5).status.version == "v1.0.0"


def test_it_outlives_the_process_that_asked(released, ask):
    code = "import jupyter_mlops as mlops, json; d = mlops.deploy('credit@v1'); print(json.dumps([d.url, d.seconds]))"
    done = subprocess.run([sys.executable, "-c", code], cwd=released.root, check=True, capture_output=True, text=True)
    url, _ = json.loads(done.stdout)
    found = Project(released.root).deployments.get("credit")
    assert (found.state, str(found.port) in url) == ("healthy", True)
    assert ask(found, "POST", INFER, rows(1.0))[0] == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:80", 200),
        ("127.0.0.1", 200),
        ("hub.example.org", 200),
        ("evil.example", 421),
        ("localhost.evil", 421),
    ],
)
def test_it_answers_under_known_names_only(released, host, status):
    version = released.models.resolve("credit@v1")
    served = released.deployments.deploy(version, "credit", SARA, {"hosts": ["hub.example.org"]})
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.request("GET", "/v2/models/credit", headers={"Host": host})
    assert connection.getresponse().status == status
    connection.close()
