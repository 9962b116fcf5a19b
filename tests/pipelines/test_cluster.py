"""Stages on a Dask cluster: real scheduler and workers, a real remote and a bare repository between them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from chains import states, write_notebook
from clusters import Cluster, cluster, wait_for

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.project import Project

RUN = "import sys, jupyter_mlops as m; r = m.run(engine='dask', project=sys.argv[1]); print(r.gate); sys.exit(r.gate is not None)"


@pytest.fixture(scope="module")
def machines(tmp_path_factory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("dask") / "cluster", workers=0) as made:
        yield made


@pytest.fixture
def dask(machines, monkeypatch) -> Cluster:
    """Two workers that live, and the address of their scheduler."""
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", machines.address)
    while len(machines.alive) < 2:
        machines.add()
    return machines


@pytest.fixture
def pushed(chain, git, tmp_path) -> Path:
    """The chain, its data, a DVC remote and a git remote; everything pushed, nothing run."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(tmp_path / "origin")], check=True)
    git("remote", "add", "origin", str(tmp_path / "origin"))
    mlops.commit("data.csv", project=chain)
    mlops.init(remote=str(tmp_path / "remote"), project=chain)
    publish(chain, git)
    mlops.push(project=chain)
    return chain


def publish(root: Path, git) -> None:
    git("add", "-A", cwd=root)
    git("commit", "-qm", "work", "--allow-empty", cwd=root)
    git("push", "-q", "-u", "origin", "main", cwd=root)


def slow(root: Path, marks: Path, seconds: float = 120) -> None:
    """`train` says that it began, then takes its time while the file ``go`` is missing."""
    marks.mkdir(exist_ok=True)
    write_notebook(
        root / "train.ipynb",
        "C = 1.0\nname = 'x'\nflag = False",
        f"import os, time\nopen(f'{marks}/began-{{os.getpid()}}', 'w').close()",
        f"end = time.time() + {seconds}\nwhile time.time() < end and not os.path.exists('{marks}/go'): time.sleep(0.05)",
        "open('model.txt', 'w').write(open('clean.csv').read())",
        "open('metrics.json', 'w').write('{\"auc\": 0.9}')",
    )


def start(root: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", RUN, str(root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def began(marks: Path, times: int = 1) -> bool:
    return len(list(marks.glob("began-*"))) >= times


def record(root: Path):
    """Of the last run."""
    return Project.find(root).runs.all()[-1].record


def now(root: Path, stage: str):
    return next(state for state in Project.find(root).pipeline.states() if state.name == stage)


def refused(*arguments, **named) -> MlopsError:
    with pytest.raises(MlopsError) as caught:
        mlops.run(*arguments, engine="dask", **named)
    return caught.value


def require_as_pulled(root: Path, dvc) -> None:
    """What plain DVC says once it brought what the workers made."""
    dvc("pull")
    assert "up to date" in dvc("status")
    assert {state.state for state in Project.find(root).pipeline.states()} == {"up-to-date"}


def test_stages_run_on_the_workers_and_the_coordinator_records_them(pushed, dask, dvc):
    report = mlops.run(engine="dask", project=pushed)

    assert states(report) == {"prepare": "ran", "train": "ran"}, report.gate
    assert report.metrics == {"auc": 0.6}
    assert all(stage.host for stage in record(pushed).stages)
    assert record(pushed).state == "succeeded"
    assert not (pushed / "clean.csv").exists()
    assert json.loads((pushed / "executed" / "train.ipynb").read_text())["cells"][1]["outputs"] == []
    assert any(machine.clones for machine in dask.machines)
    require_as_pulled(pushed, dvc)
    assert (pushed / "clean.csv").read_text() == "a\n1\na\n1\n"
    assert states(mlops.run(engine="dask", project=pushed)) == {"prepare": "up-to-date", "train": "up-to-date"}


@pytest.mark.slow
def test_what_does_not_depend_on_each_other_runs_at_once_and_shows_while_it_does(pushed, dask, git, tmp_path):
    marks = tmp_path / "marks"
    slow(pushed, marks)
    write_notebook(pushed / "prepare.ipynb", "rows = 2", "open('clean.csv', 'w').write('a')")
    write_notebook(
        pushed / "other.ipynb",
        "rows = 2",
        f"import os, time\nopen('{marks}/began-other', 'w').close()",
        f"while not os.path.exists('{marks}/go'): time.sleep(0.05)",
        "open('other.csv', 'w').write('b')",
    )
    mlops.stage.add("other", "other.ipynb", out=["other.csv"], dep=["data.csv"], git=False, project=pushed)
    publish(pushed, git)
    process = start(pushed)
    wait_for(lambda: began(marks, 2))
    wait_for(lambda: now(pushed, "train").done >= 1)

    assert [now(pushed, name).state for name in ("other", "train")] == ["running", "running"]
    assert sorted(len(machine.kernels()) > 0 for machine in dask.alive) == [True, True]
    (marks / "go").touch()
    said, complaint = process.communicate(timeout=120)

    assert process.returncode == 0, said + complaint
    assert {stage.name: stage.state for stage in record(pushed).stages} == dict.fromkeys(
        ("other", "prepare", "train"), "ran"
    )


def test_the_stage_of_a_killed_worker_is_run_by_another(pushed, dask, git, dvc, tmp_path):
    marks = tmp_path / "marks"
    slow(pushed, marks)
    publish(pushed, git)
    process = start(pushed)
    wait_for(lambda: began(marks))
    (victim,) = [machine for machine in dask.alive if machine.kernels()]

    victim.kill()

    wait_for(lambda: victim.kernels() == [], 20)
    wait_for(lambda: began(marks, 2))
    assert "  train:" not in (pushed / "dvc.lock").read_text()
    (marks / "go").touch()
    said, complaint = process.communicate(timeout=120)
    assert process.returncode == 0, said + complaint
    assert [(one.name, one.state, one.attempts) for one in record(pushed).stages] == [
        ("prepare", "ran", 1),
        ("train", "ran", 1),
    ]
    require_as_pulled(pushed, dvc)


@pytest.mark.slow
def test_a_stage_that_kills_its_workers_is_given_up(pushed, dask, git):
    write_notebook(
        pushed / "prepare.ipynb",
        "rows = 2",
        "import os, psutil, signal\nos.kill(psutil.Process().parent().ppid(), signal.SIGKILL)\nimport time\ntime.sleep(60)",
    )
    publish(pushed, git)

    report = mlops.run(engine="dask", project=pushed)

    assert states(report) == {"prepare": "failed", "train": "skipped"}
    assert "each of the 2 workers that ran it died" in report.gate
    wait_for(lambda: dask.kernels() == [], 20)


@pytest.mark.slow
def test_a_killed_coordinator_leaves_no_kernel_and_the_next_run_goes_on(pushed, dask, git, dvc, tmp_path):
    marks = tmp_path / "marks"
    slow(pushed, marks)
    publish(pushed, git)
    process = start(pushed)
    wait_for(lambda: began(marks))

    process.kill()
    process.communicate()

    wait_for(lambda: dask.kernels() == [], 30)
    assert "  train:" not in (pushed / "dvc.lock").read_text()
    (pushed / "dvc.lock").unlink()  # even so: what ended is in the run-cache of the remote
    (marks / "go").touch()
    report = mlops.run(engine="dask", project=pushed)
    assert states(report) == {"prepare": "restored", "train": "ran"}
    require_as_pulled(pushed, dvc)


def test_cancelling_stops_the_kernels_on_the_workers(pushed, dask, git, tmp_path):
    marks = tmp_path / "marks"
    slow(pushed, marks)
    publish(pushed, git)
    process = start(pushed)
    wait_for(lambda: began(marks))

    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)

    assert "cancelled" in said
    assert dask.kernels() == []
    assert record(pushed).state == "cancelled"
    assert [(one.name, one.state) for one in record(pushed).stages] == [("prepare", "ran"), ("train", "failed")]


@pytest.mark.usefixtures("dask")
@pytest.mark.slow
def test_a_failure_comes_back_with_its_notebook_and_its_log(pushed, git):
    write_notebook(
        pushed / "prepare.ipynb",
        "rows = 2",
        "import os\nos.write(2, b'said aloud\\n')",
        "1 / 0",
        "open('clean.csv', 'w')",
    )
    (pushed / "dvc.yaml").write_text(
        (pushed / "dvc.yaml").read_text().replace("  train:", "    meta: {mlops: {retries: 1}}\n  train:", 1)
    )
    publish(pushed, git)

    report = mlops.run(engine="dask", project=pushed)

    assert states(report) == {"prepare": "failed", "train": "skipped"}
    assert report.gate == "prepare failed in cell 3: ZeroDivisionError: division by zero"
    assert "ZeroDivisionError" in (pushed / report.stages[0].notebook).read_text()
    assert record(pushed).stages[0].attempts == 2
    log = pushed / ".git" / "mlops" / "runs" / report.run / "prepare.log"
    assert "said aloud" in log.read_text()
    assert "  prepare:" not in ((pushed / "dvc.lock").read_text() if (pushed / "dvc.lock").exists() else "")


@pytest.mark.slow
def test_limits_choose_the_worker(pushed, dask, git):
    strong = dask.add("--resources", "CPU=4 GPU=1")
    text = (pushed / "dvc.yaml").read_text()
    (pushed / "mlops.toml").write_text("[dask.stages.prepare]\nGPU = 1\n")
    (pushed / "dvc.yaml").write_text(text.replace("  train:", "    meta: {mlops: {cpus: 3}}\n  train:", 1) + META)
    publish(pushed, git)

    report = mlops.run(engine="dask", project=pushed)

    strong.process.terminate()
    assert states(report) == {"prepare": "ran", "train": "failed"}
    assert strong.clones
    assert report.gate == "train failed: it needs CPU=9, and no worker has more than 4"


META = "    meta: {mlops: {cpus: 9}}\n"


@pytest.mark.usefixtures("dask")
@pytest.mark.slow
def test_a_file_of_a_folder_that_another_stage_made_is_found(pushed, git, dvc):
    (pushed / "dvc.yaml").write_text(
        "stages:\n  make:\n    cmd: mkdir -p all && cp data.csv all/a.csv && echo 2 > all/b.csv\n    deps: [data.csv]\n"
        "    outs: [all]\n  use:\n    cmd: cat all/b.csv > used.txt && ls all > seen.txt\n    deps: [all/b.csv]\n"
        "    outs: [used.txt, seen.txt]\n"
    )
    publish(pushed, git)

    report = mlops.run(engine="dask", pull=True, project=pushed)

    assert states(report) == {"make": "ran", "use": "ran"}, report.gate
    assert (pushed / "used.txt").read_text() == "2\n"
    assert (pushed / "seen.txt").read_text() == "b.csv\n"
    assert "up to date" in dvc("status")


@pytest.mark.usefixtures("dask")
@pytest.mark.slow
def test_what_ran_here_and_was_shared_is_not_run_there(pushed):
    mlops.run(git=False, push=True, project=pushed)
    for name in ("dvc.lock", "clean.csv", "model.txt", "metrics.json"):
        (pushed / name).unlink()

    report = mlops.run(engine="dask", project=pushed)

    assert states(report) == {"prepare": "restored", "train": "restored"}
    assert report.metrics == {"auc": 0.6}
    (pushed / "dvc.lock").unlink()
    assert states(mlops.run(["train"], single=True, engine="dask", project=pushed)) == {"train": "restored"}


@pytest.mark.usefixtures("dask")
def test_what_workers_could_not_see_is_refused_before_anything_runs(pushed, git):
    assert refused(parameters={"rows": 3}, project=pushed).reference == "cluster-pushed-only"
    write_notebook(pushed / "look.ipynb", "x = 1")
    assert refused(["look.ipynb"], project=pushed).reference == "stages-only"
    original = (pushed / "prepare.ipynb").read_text()
    write_notebook(pushed / "prepare.ipynb", "rows = 2", "open('clean.csv', 'w')")
    error = refused(project=pushed)
    assert (error.reference, "prepare.ipynb" in error.message) == ("not-committed", True)
    git("commit", "-qam", "edit")
    assert refused(project=pushed).reference == "not-pushed"
    (pushed / "prepare.ipynb").write_text(original)
    git("commit", "-qam", "back")
    (pushed / "data.csv").write_text("a\n9\n")
    mlops.commit("data.csv", project=pushed)
    git("push", "-q")
    error = refused(project=pushed)
    assert (error.reference, "data.csv" in error.message) == ("not-on-remote", True)
    assert Project.find(pushed).runs.all() == ()


def test_a_cluster_that_is_nowhere_is_told(pushed, monkeypatch):
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    assert refused(project=pushed).reference == "no-cluster"
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://127.0.0.1:9")
    monkeypatch.setattr("jupyter_mlops.pipelines.cluster.dask_cluster.PATIENCE_S", 1.0)
    assert refused(project=pushed).reference == "cluster-unreachable"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[dask]\nadress = 'x'", "adress"),
        ("[dask]\naddress = 3", "no text"),
        ("[dask.resources]\ngpus = 'G'", "cpus and memory"),
        ("[dask.stages.train]\nGPU = 0", "above 0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(pushed, text, said):
    (pushed / "mlops.toml").write_text(text)
    error = refused(project=pushed)
    assert (error.reference, said in error.message) == ("bad-settings", True)


@pytest.mark.usefixtures("dask")
def test_doctor_says_whether_the_cluster_answers(pushed, monkeypatch):
    def said() -> tuple[str, str]:
        found = next(check for check in mlops.doctor(project=pushed).checks if check.name == "Dask")
        return found.state, found.message

    assert said()[0] == "ok"
    assert "workers" in said()[1]
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://127.0.0.1:9")
    assert said()[0] == "failed"


@pytest.mark.usefixtures("dask")
@pytest.mark.slow
def test_reports_parameters_from_metrics_and_the_environment_travel(pushed, git):
    write_notebook(pushed / "prepare.ipynb", "rows = 2", "import json, jupyter_mlops as m\nm.report(loss=0.5, step=3)")
    document = "open('clean.csv', 'w').write('a')\njson.dump({'best': 7}, open('first.json', 'w'))"
    write_notebook(
        pushed / "prepare.ipynb", "rows = 2", "import json, jupyter_mlops as m\nm.report(loss=0.5, step=3)", document
    )
    write_notebook(pushed / "second.ipynb", "best = 0", "open('second.txt', 'w').write(str(best))")
    mlops.stage.add(
        "prepare",
        "prepare.ipynb",
        parameters={"rows": 2},
        dep=["data.csv"],
        out=["clean.csv"],
        metrics=["first.json"],
        force=True,
        git=False,
        project=pushed,
    )
    mlops.stage.add(
        "second", "second.ipynb", parameters={"best": "${prepare.best}"}, out=["second.txt"], git=False, project=pushed
    )
    publish(pushed, git)

    report = mlops.run(["second"], engine="dask", pull=True, project=pushed)

    assert report.gate is None
    assert (pushed / "second.txt").read_text() == "7"
    done = record(pushed)
    assert done.history == {"loss": [(3.0, 0.5)]}
    seen = done.stages[0].environment
    assert seen
    assert Project.find(pushed).runs.recording.environment(seen)
