"""Runs: what survives a failure, who waits for whom, and what a killed run leaves behind."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from chains import states, write_notebook

import jupyter_mlops as mlops
from jupyter_mlops.errors import GateFailed, MlopsError
from jupyter_mlops.pipelines.running.runner import Runner
from jupyter_mlops.project import Project

RUN = "import sys; import jupyter_mlops as m; r = m.run(project=sys.argv[1]); sys.exit(r.gate is not None)"


def start(root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(root)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def state_of(root: Path, stage: str) -> object:
    return next(one for one in Project(root).pipeline.states() if one.name == stage)


def processes_of(run_folder: Path) -> list[str]:
    """The command lines of our workers and their kernels that still run."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if run_folder == (place / "cwd").readlink():
                found.append((place / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return [line for line in found if "jupyter_mlops.pipelines.executing.worker" in line or "ipykernel" in line]


def slow(root: Path, seconds: float = 60) -> None:
    write_notebook(
        root / "train.ipynb",
        "C = 1.0\nname = 'x'\nflag = False",
        f"import time\nopen('began', 'w').close()\ntime.sleep({seconds})",
        "open('model.txt', 'w').write(open('clean.csv').read())",
        "open('metrics.json', 'w').write('{}')",
    )


def test_a_failure_keeps_the_last_good_outputs_and_stops_what_depends_on_it(chain, dvc):
    mlops.run(project=chain)
    kept = (chain / "clean.csv").read_text()
    write_notebook(chain / "prepare.ipynb", "rows = 2", "open('clean.csv', 'w').write('bad')", "1 / 0")

    report = mlops.run(project=chain)

    assert states(report) == {"prepare": "failed", "train": "skipped"}
    assert report.gate == "prepare failed in cell 3: ZeroDivisionError: division by zero"
    assert (chain / "clean.csv").read_text() == kept
    assert "ZeroDivisionError" in (chain / report.stages[0].notebook).read_text()
    assert state_of(chain, "prepare").state == "failed"
    assert ".keys/prepare.key" in dvc("status")


def test_a_run_that_failed_claims_no_metrics_of_an_earlier_one(ran):
    write_notebook(ran / "look.ipynb", "x = 1", "1 / 0")
    write_notebook(ran / "train.ipynb", "C = 1.0\nname = 'x'\nflag = False", "1 / 0")

    assert mlops.run(["look.ipynb"], project=ran).metrics == {}
    assert mlops.run(project=ran).metrics == {}
    assert [run.metrics for run in mlops.runs(project=ran).runs] == [{}, {}, {"auc": 0.6}]


def test_a_failure_is_forgotten_when_the_notebook_is_edited(chain):
    write_notebook(chain / "prepare.ipynb", "rows = 2", "1 / 0")
    mlops.run(["prepare"], project=chain)
    assert state_of(chain, "prepare").state == "failed"

    write_notebook(chain / "prepare.ipynb", "rows = 2", "open('clean.csv', 'w').write('good')")

    assert state_of(chain, "prepare").state == "never-run"


def test_the_source_notebook_is_never_written(chain):
    before = {path: path.read_bytes() for path in chain.glob("*.ipynb")}

    mlops.run(project=chain)

    assert {path: path.read_bytes() for path in chain.glob("*.ipynb")} == before
    executed = json.loads((chain / "executed" / "train.ipynb").read_text())
    assert executed["metadata"]["papermill"]["input_path"] == "train.ipynb"
    assert executed["metadata"]["papermill"]["output_path"] == "executed/train.ipynb"


def test_an_input_edited_while_the_stage_runs_is_never_recorded_as_clean(chain):
    write_notebook(
        chain / "prepare.ipynb",
        "rows = 2",
        "text = open('data.csv').read()",
        "open('data.csv', 'a').write('9')",
        "open('clean.csv', 'w').write(text)",
    )

    report = mlops.run(["prepare"], project=chain)

    assert "data.csv changed while the stage ran" in report.gate
    assert "\n  prepare:" not in (chain / "dvc.lock").read_text()
    assert state_of(chain, "prepare").state in {"never-run", "failed"}


def test_a_notebook_edited_while_it_runs_is_recorded_as_what_was_executed(chain, dvc):
    write_notebook(
        chain / "prepare.ipynb",
        "rows = 2",
        "open('clean.csv', 'w').write('first')",
        "text = open('prepare.ipynb').read()",
        "open('prepare.ipynb', 'w').write(text.replace('rows = 2', 'rows = 3'))",
    )

    assert states(mlops.run(["prepare"], project=chain)) == {"prepare": "ran"}
    assert state_of(chain, "prepare").reason == "prepare.ipynb changed"
    assert "prepare.ipynb" in dvc("status")


def test_an_output_that_is_not_written_fails_the_stage(chain):
    write_notebook(chain / "prepare.ipynb", "rows = 2", "pass")

    assert mlops.run(["prepare"], project=chain).gate == "prepare failed: it did not write clean.csv"


def test_a_kernel_that_dies_fails_its_stage_and_nothing_else(chain):
    write_notebook(chain / "prepare.ipynb", "rows = 2", "import os\nos._exit(3)")

    assert "prepare failed in cell 2: the kernel died" in mlops.run(project=chain).gate


def test_two_runs_at_once_take_turns(chain):
    both = [start(chain), start(chain)]

    said = [process.communicate(timeout=90) for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    assert len(mlops.runs(project=chain).runs) == 1


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_cancelled_run_leaves_no_process_and_the_old_outputs(ran, how):
    kept = (ran / "model.txt").read_text()
    slow(ran)
    process = start(ran)
    wait_for((ran / "began").exists)

    process.send_signal(how)
    _, said = process.communicate(timeout=20)

    assert "cancelled" in said
    assert (ran / "model.txt").read_text() == kept
    assert processes_of(ran) == []
    assert mlops.runs(project=ran).runs[0].state == "cancelled"


def test_a_killed_run_leaves_no_process_and_the_next_one_goes_on(ran):
    kept = (ran / "model.txt").read_text()
    slow(ran)
    process = start(ran)
    wait_for((ran / "began").exists)
    assert state_of(ran, "train").state == "running"
    assert state_of(ran, "train").done == 1
    assert not (ran / "model.txt").exists()  # it is being written, and nothing to bring back
    assert mlops.status(project=ran).next == ()

    process.kill()
    process.communicate()

    wait_for(lambda: processes_of(ran) == [], 5)
    assert state_of(ran, "train").state == "stale"
    slow(ran, 0)
    assert states(mlops.run(project=ran)) == {"prepare": "up-to-date", "train": "ran"}
    assert kept
    assert list((ran / ".git" / "mlops" / "live").glob("run-*.json")) == []


def test_outputs_set_aside_by_a_killed_run_come_back(ran):
    kept = (ran / "model.txt").read_text()
    slow(ran)
    process = start(ran)
    wait_for((ran / "began").exists)
    process.kill()
    process.communicate()
    write_notebook(ran / "train.ipynb", "C = 1.0\nname = 'x'\nflag = False", "1 / 0")

    assert states(mlops.run(project=ran))["train"] == "failed"

    assert (ran / "model.txt").read_text() == kept


def test_a_notebook_that_is_no_stage_runs_by_itself(notebooks):
    write_notebook(
        notebooks / "explore" / "look.ipynb", "x = 1", "import os\nprint(x * 21, os.path.basename(os.getcwd()))"
    )

    report = mlops.run(["explore/look.ipynb"], parameters={"x": 2}, project=notebooks)

    assert states(report) == {"look": "ran"}
    assert "42 explore" in (notebooks / report.stages[0].notebook).read_text()
    assert "executed" not in Project(notebooks).git.run("status", "--porcelain")
    assert mlops.runs(project=notebooks).runs[0].parameters == {"x": 2}


def test_a_run_inside_a_run_is_refused(chain):
    write_notebook(chain / "prepare.ipynb", "rows = 2", "import jupyter_mlops as m\nm.run()")

    assert "cannot start another run" in mlops.run(["prepare"], project=chain).gate


def test_other_commands_run_in_the_shell(project):
    (project.root / "dvc.yaml").write_text(
        "stages:\n  say:\n    cmd:\n    - echo one > out.txt\n    - echo two >> out.txt\n    outs:\n    - out.txt\n  fail:\n    cmd: exit 3\n    deps:\n    - out.txt\n"
    )

    report = mlops.run(project=project.root)

    assert (project.root / "out.txt").read_text() == "one\ntwo\n"
    assert states(report) == {"say": "ran", "fail": "failed"}
    assert "exit code 3" in report.gate


def test_a_detached_head_is_said_before_anything_runs(chain, git):
    git("checkout", "-q", "--detach")

    with pytest.raises(MlopsError) as raised:
        mlops.run(project=chain)

    assert raised.value.reference == "detached-head"
    assert not (chain / "clean.csv").exists()
    assert states(mlops.run(git=False, project=chain))["train"] == "ran"


def test_a_missing_kernel_is_named_with_those_there_are(chain):
    write_notebook(chain / "prepare.ipynb", "rows = 2", kernel="julia-9")

    with pytest.raises(MlopsError, match="julia-9") as raised:
        mlops.run(project=chain)

    assert raised.value.reference == "kernel-missing"
    assert "python3" in raised.value.context


def test_a_gate_of_a_failed_stage_reaches_the_exit_code(chain):
    write_notebook(chain / "prepare.ipynb", "rows = 2", "1 / 0")
    assert GateFailed.exit_code == 1
    assert mlops.run(project=chain).gate is not None


def test_a_waiting_kernel_imports_what_its_notebook_will(chain):
    (chain / "mlops.toml").write_text('[kernels]\npreload = ["wave", "xml"]\n')
    write_notebook(
        chain / "train.ipynb",
        "C = 1.0\nname = 'x'\nflag = False",
        "import sys\nfound = {'wave', 'xml.dom.minidom', 'chunk', 'colorsys'} & set(sys.modules)\nbound = 'wave' in dir()",
        "import wave, colorsys\nfrom xml.dom.minidom import Document",
        "open('model.txt', 'w').write(' '.join(sorted(found)) + f' {bound}')",
        "open('metrics.json', 'w').write('{}')",
    )
    assert states(mlops.run(project=chain))["train"] == "ran"
    assert (chain / "model.txt").read_text() == "wave xml.dom.minidom False"


def test_what_preload_lists_must_be_names(chain):
    (chain / "mlops.toml").write_text("[kernels]\npreload = 3\n")
    with pytest.raises(MlopsError, match="list of texts"):
        mlops.run(project=chain)


def test_a_run_leaves_nothing_among_temporary_files(chain, monkeypatch):
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        mlops.run(project=chain)
        assert not list(Path(folder).iterdir())


def test_runs_in_other_work_trees_come_and_go_while_one_looks_for_what_was_left_behind(chain):
    project = Project(chain)
    runner = Runner(project.pipeline, project.runs, project.git, project.actor)
    other = project.places.state / "runs" / "run-other"
    is_over = threading.Event()

    def come_and_go() -> None:
        while not is_over.is_set():
            other.mkdir(parents=True)
            (other / "root").write_text("elsewhere")
            (other / "aside" / "train").mkdir(parents=True)
            shutil.rmtree(other / "aside")
            shutil.rmtree(other)

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        for _ in range(300):
            runner._recover()
    finally:
        is_over.set()
        thread.join()
