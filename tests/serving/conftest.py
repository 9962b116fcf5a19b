"""Released models, and nothing left running."""

from __future__ import annotations

import pytest
from model_files import SARA, commit_model, onnx_bytes


@pytest.fixture
def released(project, git, once):
    """A project with three versions of ``credit``; whatever a test deploys is stopped."""

    def build(_):
        for seed in range(3):
            commit_model(project, git, onnx_bytes(seed))
            project.models.register("model.onnx", "credit", SARA)

    once(project.root, build)
    yield project
    for deployment in project.deployments.all():
        project.deployments.undeploy(deployment.name)


@pytest.fixture
def deploy(released):
    """Deploy a version of ``credit`` as Sara."""

    def run(version: str = "v1", name: str = "credit", port: int = 0):
        return released.deployments.deploy(released.models.resolve(f"credit@{version}"), name, SARA, {}, port)

    return run


@pytest.fixture
def ask():
    """Ask a deployment over HTTP: ``ask(deployment, "GET", path, body)`` gives status and document."""
    import http.client
    import json

    def send(deployment, method: str, path: str, body: object = None):
        connection = http.client.HTTPConnection("127.0.0.1", deployment.port, timeout=10)
        connection.request(method, path, None if body is None else json.dumps(body))
        response = connection.getresponse()
        document = json.loads(response.read() or b"null")
        connection.close()
        return response.status, document

    return send
