"""Serving: deploy to first prediction, cold and warm; requests a second; CPU a request.

Run: ``python benchmarks/serving.py [--requests 5000]``. Peers (MLServer, BentoML, mlflow) are not
dependencies of the project and are not measured here; their figures need environments of their own.
"""

from __future__ import annotations

import argparse
import http.client
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from jupyter_mlops.project import Project
from jupyter_mlops.records import Actor
from jupyter_mlops.serving.control import Command, ask
from jupyter_mlops.serving.spec import State

ACTOR = Actor("Bench", "bench@example.org")
FEATURES = 16


def train(seed: int, path: Path) -> None:
    """A scaled logistic regression on 16 numbers, saved by skops."""
    import skops.io
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    random = np.random.default_rng(seed)
    rows = random.normal(size=(2000, FEATURES))
    target = (rows @ random.normal(size=FEATURES) > 0).astype(int)
    skops.io.dump(make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, target), path)


def project_with_two_versions(folder: Path) -> Project:
    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    git("config", "user.name", "Bench")
    git("config", "user.email", "bench@example.org")
    for seed in range(2):
        train(seed, folder / "model.skops")
        git("add", "model.skops")
        git("commit", "-qm", f"model {seed}")
        Project(folder).models.register("model.skops", "bench", ACTOR)
    return Project(folder)


def body(rows: int) -> bytes:
    values = [0.5] * rows
    tensors = [{"name": f"x{n}", "shape": [rows], "datatype": "FP64", "data": values} for n in range(FEATURES)]
    return json.dumps({"inputs": tensors}).encode()


def predict(connection: http.client.HTTPConnection, data: bytes) -> None:
    connection.request("POST", "/v2/models/bench/infer", data)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    answer.read()


def until_first_prediction(project: Project, version: str) -> float:
    """Seconds from the call of deploy to the first answer."""
    started = time.perf_counter()
    found = project.deployments.deploy(project.models.resolve(f"bench@{version}"), "bench", ACTOR, {})
    connection = http.client.HTTPConnection("127.0.0.1", found.port)
    predict(connection, body(1))
    connection.close()
    return time.perf_counter() - started


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far, of its own and the kernel's on its behalf."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / 100


def measure(project: Project, rows: int, requests: int) -> tuple[float, float]:
    """Requests a second of one client, and CPU microseconds of the server a request."""
    state = State(project.places.state / "deployments" / "bench")
    status = ask(state.socket, Command("status"), 5).status
    assert status
    assert status.worker_pid
    connection, data = http.client.HTTPConnection("127.0.0.1", status.port), body(rows)
    for _ in range(50):
        predict(connection, data)
    started, before = time.perf_counter(), cpu_s(status.worker_pid)
    for _ in range(requests):
        predict(connection, data)
    seconds = time.perf_counter() - started
    connection.close()
    return requests / seconds, (cpu_s(status.worker_pid) - before) / requests * 1e6


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=5000)
    requests = parser.parse_args().requests
    with tempfile.TemporaryDirectory() as folder:
        project = project_with_two_versions(Path(folder))
        try:
            report(project, requests)
        finally:
            for found in project.deployments.all():
                project.deployments.undeploy(found.name)


def report(project: Project, requests: int) -> None:
    def show(what: str, version: str, goal: str = "") -> None:
        print(f"{what:55} {until_first_prediction(project, version):6.2f} s {goal}")

    print("deploy to first prediction")
    show("  no server, a model never seen", "v1", "(at most 6)")
    show("  the server runs, a model never seen", "v2")
    show("  the server runs, a model seen before", "v1", "(at most 0.5)")
    project.deployments.undeploy("bench")
    show("  no server, a model seen before", "v1")
    for rows in (1, 100):
        rate, cpu_us = measure(project, rows, requests)
        print(f"{rows:4} rows a request: {rate:8.0f} requests/s of one client, {cpu_us:6.0f} us CPU a request")
    print("peers: not measured here")


if __name__ == "__main__":
    main()
