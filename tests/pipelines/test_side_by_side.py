"""Stages that run at once, within their limits, each with a log of its own; and notebooks that misbehave."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from chains import states, write_notebook

import jupyter_mlops as mlops
from jupyter_mlops.project import Project

MEET = """
import time, pathlib
pathlib.Path('{own}').touch()
end = time.monotonic() + 30
while not pathlib.Path('{other}').exists():
    assert time.monotonic() < end, 'the other never came'
    time.sleep(0.02)
open('{name}.txt', 'w').write('met')
"""


def pipeline(root: Path, stages: dict[str, dict[str, object]]) -> None:
    (root / "dvc.yaml").write_text(json.dumps({"stages": stages}))


def notebook_stage(root: Path, name: str, *cells: str, **more: object) -> dict[str, object]:
    write_notebook(root / f"{name}.ipynb", "k = 1", *cells)
    command = f"papermill {name}.ipynb executed/{name}.ipynb"
    return {"cmd": command, "deps": [f"{name}.ipynb"], "outs": [f"executed/{name}.ipynb"], **more}


@pytest.fixture
def root(project: Project) -> Path:
    (project.root / "seed.txt").write_text("seed")
    return project.root


def log_of(root: Path, report: mlops.verbs.run_reports.RunReport, stage: str) -> str:
    return (Project(root).places.state / "runs" / report.run / f"{stage}.log").read_text()


def test_independent_notebooks_run_at_once(root, dvc):
    pairs = {"a": "b", "b": "a"}
    pipeline(
        root,
        {
            one: notebook_stage(root, one, MEET.format(own=f"{one}.here", other=f"{other}.here", name=one))
            for one, other in pairs.items()
        },
    )
    assert states(mlops.run(jobs=2, git=False, project=root)) == {"a": "ran", "b": "ran"}
    assert "up to date" in dvc("status")


def test_whichever_is_done_first_the_lock_is_the_same(root):
    later = "until grep -q '^  b:' dvc.lock; do sleep 0.05; done; echo a > a.txt"
    pipeline(root, {"a": {"cmd": later, "outs": ["a.txt"]}, "b": {"cmd": "echo b > b.txt", "outs": ["b.txt"]}})
    (root / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")

    assert states(mlops.run(jobs=2, git=False, project=root)) == {"a": "ran", "b": "ran"}

    lines = (root / "dvc.lock").read_text().splitlines()
    assert [line for line in lines if line.startswith("  ") and line[2] != " "] == ["  a:", "  b:"]


def test_one_job_runs_one_after_the_other(root):
    count = "import pathlib, time; p = pathlib.Path('{0}.on'); p.touch(); n = len(list(pathlib.Path().glob('*.on'))); time.sleep(0.3); p.unlink(); assert n == 1"
    pipeline(root, {name: notebook_stage(root, name, count.format(name)) for name in "ab"})
    assert states(mlops.run(jobs=1, git=False, project=root)) == {"a": "ran", "b": "ran"}


def test_a_failure_stops_only_what_depends_on_it(root):
    stages = {name: notebook_stage(root, name, f"open('{name}.txt', 'w').write('x')") for name in "abcd"}
    stages["a"] = notebook_stage(root, "a", "1 / 0")
    for name, out in (("a", "a.txt"), ("b", "b.txt")):
        stages[name]["outs"] = [f"executed/{name}.ipynb", out]
    stages["c"]["deps"] = ["c.ipynb", "a.txt"]
    stages["d"]["deps"] = ["d.ipynb", "b.txt"]
    pipeline(root, stages)
    report = mlops.run(jobs=2, git=False, project=root)
    assert states(report) == {"a": "failed", "b": "ran", "c": "skipped", "d": "ran"}
    assert next(one for one in report.stages if one.name == "c").reason == "a failed"


def test_a_stage_that_takes_too_long_is_ended_and_leaves_nothing_running(root):
    stage = notebook_stage(root, "a", "import time", "time.sleep(120)", meta={"mlops": {"timeout_s": 15}})
    pipeline(root, {"a": stage, "b": notebook_stage(root, "b", "x = 1")})
    start = time.monotonic()
    report = mlops.run(git=False, project=root)
    assert time.monotonic() - start < 60
    assert states(report) == {"a": "failed", "b": "ran"}
    failed = report.stages[0]
    assert (failed.error, failed.cell) == ("it took longer than 15 s", 3)
    assert "time.sleep(120)" in (root / failed.notebook).read_text()


def test_a_stage_is_tried_again_and_begins_with_a_clean_slate(root):
    flaky = (
        "import pathlib; n = len(list(pathlib.Path().glob('try*'))); pathlib.Path(f'try{n}').touch()\n"
        "had = pathlib.Path('out.txt').exists(); open('out.txt', 'w').write(f'{n} {had}')\n"
        "assert n == 2, 'not yet'"
    )
    stage = notebook_stage(root, "a", flaky, meta={"mlops": {"retries": 3}})
    stage["outs"] = ["executed/a.ipynb", "out.txt"]
    pipeline(root, {"a": stage})
    report = mlops.run(git=False, project=root)
    assert states(report) == {"a": "ran"}
    assert (root / "out.txt").read_text() == "2 False"
    assert Project(root).runs.find(report.run).record.stages[0].attempts == 3


def test_retries_come_to_an_end(root):
    pipeline(root, {"a": notebook_stage(root, "a", "1 / 0", meta={"mlops": {"retries": 1}})})
    report = mlops.run(git=False, project=root)
    assert states(report) == {"a": "failed"}
    assert Project(root).runs.find(report.run).record.stages[0].attempts == 2


def test_each_stage_has_a_log_of_its_own(root):
    shell = {"cmd": "echo said by a >&2; echo and this; cp seed.txt a.txt", "deps": ["seed.txt"], "outs": ["a.txt"]}
    other = {"cmd": "echo said by b; cp seed.txt b.txt", "deps": ["seed.txt"], "outs": ["b.txt"]}
    pipeline(root, {"a": shell, "b": other})
    report = mlops.run(git=False, project=root)
    assert log_of(root, report, "a") == "said by a\nand this\n"
    assert log_of(root, report, "b") == "said by b\n"


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("import os; os._exit(3)", "the kernel died"),
        ("input('who? ')", "StdinNotImplementedError"),
        ("import sys; sys.exit(2)", "SystemExit"),
        ("def f(: pass", "SyntaxError"),
    ],
)
def test_a_notebook_that_cannot_end_well_says_why_and_where(root, cell, error):
    pipeline(root, {"a": notebook_stage(root, "a", "x = 1", cell)})
    failed = mlops.run(git=False, project=root).stages[0]
    assert (failed.state, failed.cell) == ("failed", 3)
    assert error in failed.error


def test_a_notebook_that_prints_without_end_fills_no_memory_and_no_disk(root):
    pipeline(root, {"a": notebook_stage(root, "a", "for _ in range(3_000): print('x' * 10_000)", "print('after')")})
    report = mlops.run(git=False, project=root)
    assert states(report) == {"a": "ran"}
    text = (root / "executed/a.ipynb").read_text()
    assert len(text) < 6_000_000
    assert "the rest of what this cell printed is left out" in text
    assert "after" in text


def test_a_server_that_a_notebook_started_ends_with_it(root):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = f"import subprocess, sys; subprocess.Popen([sys.executable, '-m', 'http.server', '{port}', '--bind', '127.0.0.1'])"
    wait = f"import socket, time\nend = time.monotonic() + 20\nwhile socket.socket().connect_ex(('127.0.0.1', {port})) and time.monotonic() < end: time.sleep(0.1)"
    pipeline(root, {"a": notebook_stage(root, "a", server, wait)})
    assert states(mlops.run(git=False, project=root)) == {"a": "ran"}
    time.sleep(0.3)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_plain_dvc_keeps_off_what_a_stage_is_writing(root):
    """While our stage runs, ``dvc repro`` says who is at work, instead of running it a second time."""
    go = "import pathlib, time\npathlib.Path('on').touch()\nwhile not pathlib.Path('go').exists(): time.sleep(0.05)"
    pipeline(root, {"a": notebook_stage(root, "a", go)})
    run = [sys.executable, "-m", "jupyter_mlops", "run", "--no-git"]
    ours = subprocess.Popen(run, cwd=root, stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while not (root / "on").exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        theirs = subprocess.run(
            [sys.executable, "-m", "dvc", "repro"],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ,
        )
        assert theirs.returncode != 0
        assert "is busy" in theirs.stderr
        assert "mlops run-" in theirs.stderr
    finally:
        (root / "go").touch()
    assert ours.wait(30) == 0
    assert json.loads((root / ".dvc/tmp/rwlock").read_text()) == {"read": {}, "write": {}}


def test_we_wait_for_plain_dvc_that_writes_what_a_stage_reads(root):
    slow = {
        "cmd": "touch on; while [ ! -e go ]; do sleep 0.05; done; cp seed.txt a.txt",
        "deps": ["seed.txt"],
        "outs": ["a.txt"],
    }
    pipeline(root, {"a": slow})
    theirs = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro"], cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not (root / "on").exists():
        time.sleep(0.05)
    run = [sys.executable, "-m", "jupyter_mlops", "run", "--no-git", "--json"]
    ours = subprocess.Popen(run, cwd=root, stdout=subprocess.PIPE, text=True)
    time.sleep(1.5)
    assert ours.poll() is None
    (root / "go").touch()
    assert theirs.wait(60) == 0
    out, _ = ours.communicate(timeout=60)
    assert ours.returncode == 0, out


def test_an_entry_of_a_process_that_is_gone_blocks_nobody(root):
    pipeline(root, {"a": notebook_stage(root, "a", "x = 1")})
    (root / ".dvc/tmp").mkdir(exist_ok=True)
    stale = {"write": {str(root / "executed/a.ipynb"): {"pid": 2**22 + 1, "cmd": "dvc repro"}}, "read": {}}
    (root / ".dvc/tmp/rwlock").write_text(json.dumps(stale))
    assert states(mlops.run(git=False, project=root)) == {"a": "ran"}


def test_a_run_on_an_older_version_leaves_the_workspace_alone(chain):
    root = chain
    mlops.run(project=root)
    mlops.commit("data.csv", message="one", project=root)
    (root / "data.csv").write_text("a\n2\n2\n")
    mlops.commit("data.csv", message="two", project=root)
    mlops.run(project=root)
    now = {path: (root / path).read_bytes() for path in ("data.csv", "clean.csv", "dvc.lock", "metrics.json")}

    report = mlops.run(data=["data.csv@v1"], parameters={"rows": 3}, project=root)

    assert states(report) == {"prepare": "ran", "train": "ran"}
    assert {path: (root / path).read_bytes() for path in now} == now
    record = Project(root).runs.find(report.run).record
    assert record.inputs["data.csv"] == Project(root).datasets.resolve("data.csv@v1").digest
    assert record.parameters["prepare.rows"] == 3
    assert (root / report.stages[0].notebook).is_file()
