"""What may not happen whatever fails: a lost request, an orphan, a bad model in the place of a good one."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import pytest
from model_files import SARA, commit_model, rows

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.project import Project
from jupyter_mlops.serving.client import Client
from jupyter_mlops.serving.control import Command
from jupyter_mlops.serving.control import ask as order
from jupyter_mlops.serving.spec import State

INFER = "/v2/models/credit/infer"
INPUTS = [{"name": name, "datatype": "FP32"} for name in ("age", "wage")]


class Load:
    """Clients that ask without pause, and count what went wrong."""

    def __init__(self, port: int, clients: int = 2) -> None:
        self.answered, self.failures, self.versions = 0, [], set()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=(port, number)) for number in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, port: int, number: int) -> None:
        client = Client(port, "credit")
        while not self._stop.is_set():
            try:
                version, outputs = client.infer({"age": [20.0, 60.0], "wage": [1.0, number]}, INPUTS)
                problem = None if len(outputs["predict"]) == 2 else "short answer"
            except Exception as error:  # noqa: BLE001 (every failure counts)
                version, problem = "", repr(error)
            with self._lock:
                self.answered += problem is None
                self.versions.add(version)
                self.failures += [problem] if problem else []
        client.close()


def state_of(project) -> State:
    return State(project.places.state / "deployments" / "credit")


def worker_of(project) -> int:
    pid = order(state_of(project).socket, Command("status"), 5).status.worker_pid
    assert pid
    return pid


def wait_until(condition, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether the process lives; one that nobody waited for yet does not."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return words[0] != "Z"


def flip(project, deploy, load: Load, requests: int, flips: int) -> None:
    """Deploy and roll back in turn until both counts are reached."""
    done = 0
    while done < flips or load.answered < requests:
        if done % 2:
            project.deployments.rollback("credit", SARA, {})
        else:
            deploy("v2")
        done += 1
        goal = min(requests, load.answered + requests // flips)
        wait_until(lambda goal=goal: load.answered >= goal, 60)


@pytest.mark.parametrize(("requests", "flips"), [(2_000, 10), pytest.param(10_000, 50, marks=pytest.mark.slow)])
def test_no_request_is_lost_while_versions_flip(released, deploy, requests, flips):
    served = deploy("v1")
    with Load(served.port) as load:
        flip(released, deploy, load, requests, flips)
    assert load.failures == []
    assert load.answered >= requests
    assert load.versions == {"v1.0.0", "v2.0.0"}


def test_a_corrupt_model_never_takes_the_old_one_down(released, deploy, git):
    served = deploy("v1")
    commit_model(released, git, b"garbage")
    released.models.register("model.onnx", "credit", SARA)
    with Load(served.port) as load:
        with pytest.raises(EnvironmentFault, match="model-unloadable"):
            deploy("v4")
        wait_until(lambda: load.answered > 100)
    assert (load.failures, load.versions) == ([], {"v1.0.0"})
    assert [entry.version for entry in released.deployments.get("credit").history] == ["v1.0.0"]


def test_after_kill_9_of_the_supervisor_a_rollback_serves_again(released, deploy, ask):
    deploy("v1")
    served = deploy("v2")
    worker = worker_of(released)
    os.kill(served.pid, signal.SIGKILL)
    wait_until(lambda: not is_running(worker))
    found = released.deployments.get("credit")
    assert (found.state, found.version) == ("failed", "v2.0.0")
    back = released.deployments.rollback("credit", SARA, {})
    assert (back.state, back.version, back.port) == ("healthy", "v1.0.0", served.port)
    assert ask(back, "POST", INFER, rows(1.0))[0] == 200


def test_after_kill_9_a_deploy_of_the_same_version_serves_again(released, deploy):
    served = deploy("v1")
    os.kill(served.pid, signal.SIGKILL)
    wait_until(lambda: not state_of(released).is_alive())
    again = deploy("v1")
    assert (again.state, again.port) == ("healthy", served.port)


def test_a_crashed_worker_is_replaced_with_the_same_model(released, deploy, ask):
    served = deploy("v2")
    worker = worker_of(released)
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: not is_running(worker))
    assert ask(served, "GET", "/v2/health/live")[0] == 200
    wait_until(lambda: released.deployments.get("credit").ready)
    assert ask(served, "POST", INFER, rows(1.0))[1]["model_version"] == "v2.0.0"
    assert worker_of(released) != worker


def test_deploys_at_once_take_turns(released, deploy):
    deploy("v1")

    def attempt(version: str) -> str:
        project = Project(released.root)
        return project.deployments.deploy(project.models.resolve(f"credit@{version}"), "credit", SARA, {}).state

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(attempt, ["v2", "v3", "v1", "v2"])) == {"healthy"}
    found = released.deployments.get("credit")
    assert found.version == found.history[0].version
    assert found.ready


def test_first_deploys_at_once_start_one_server(released):
    def attempt(version: str) -> int | None:
        project = Project(released.root)
        return project.deployments.deploy(project.models.resolve(f"credit@{version}"), "credit", SARA, {}).pid

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(attempt, ["v1", "v2", "v3"]))) == 1


def test_a_torn_line_of_the_history_is_no_release(released, deploy):
    deploy("v1")
    with (state_of(released).folder / "history.jsonl").open("ab") as handle:
        handle.write(b'{"model": "cre')
    assert len(deploy("v2").history) == 2


def test_undeploy_stops_every_process(released, deploy):
    served = deploy("v1")
    worker = worker_of(released)
    released.deployments.undeploy("credit")
    wait_until(lambda: not is_running(served.pid) and not is_running(worker))


def test_a_deep_folder_is_no_hindrance(tmp_path):
    from jupyter_mlops.serving.control import short_path

    deep = tmp_path / ("d" * 120) / "control.sock"
    deep.parent.mkdir()
    with short_path(deep) as near:
        assert len(near) < 100
        assert os.path.realpath(near) == str(deep)


def preparing(parent: int) -> list[int]:
    """The processes below `parent` in which models are read: the one kept warm and its children."""
    below = [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    mine = [pid for pid in below if "serving.preparation" in Path(f"/proc/{pid}/cmdline").read_text()]
    return mine + [pid for one in mine for pid in preparing(one)]


def test_the_process_that_reads_models_dies_with_its_supervisor(deploy):
    supervisor = deploy().pid
    wait_until(lambda: preparing(supervisor))
    found = preparing(supervisor)
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: not any(is_running(pid) for pid in found))


def test_a_killed_reader_of_models_is_replaced(deploy):
    for pid in preparing(deploy().pid):
        os.kill(pid, signal.SIGKILL)
    assert deploy("v2").version == "v2.0.0"
