"""A sweep that is killed or stopped goes on: exactly as many trials, none twice, no process left behind."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from sweeping import start, sweep, write_train

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.pipelines.sweeps.search import Aim, Search
from jupyter_mlops.pipelines.sweeps.space import parse_all
from jupyter_mlops.project import Project

PLANNED = 6
AIM = Aim(parse_all({"C": "float(0,1)"}), maximize=True, sampler="random", seed=1)


def trials_of(root: Path) -> list[int]:
    labels = [run.record.labels for run in Project(root).runs.all() if run.record.state == "succeeded"]
    return sorted(one["trial"] for one in labels if "trial" in one)


def wait_for_trials(root: Path, process, count: int) -> None:
    end = time.monotonic() + 120
    while len(trials_of(root)) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "no trial ended"
        time.sleep(0.02)


def require_no_process(root: Path) -> None:
    """Workers and kernels stand in replicas below the root, and end with whoever started them."""
    end = time.monotonic() + 20
    while left := [place for place in Path("/proc").glob("[0-9]*") if stands_below(place, root)]:
        assert time.monotonic() < end, [(place / "cmdline").read_text() for place in left]
        time.sleep(0.05)


def stands_below(process: Path, root: Path) -> bool:
    try:
        return str((process / "cwd").readlink()).startswith(str(root))
    except OSError:
        return False


@pytest.mark.parametrize("moment", [(0, 0.0), (1, 0.0), (2, 0.15), (3, 0.4)])
def test_a_killed_sweep_goes_on_and_ends_with_exactly_its_trials(swept, git, moment):
    write_train(swept, "import time\ntime.sleep(0.3)")
    process = start(swept, trials=PLANNED)
    wait_for_trials(swept, process, moment[0])
    time.sleep(moment[1])

    process.kill()
    process.communicate()
    require_no_process(swept)
    known = mlops.sweeps(project=swept).sweeps
    if not known:  # killed before anything of it was written
        return
    assert known[0].state == "interrupted"
    assert known[0].next[0] == "sweep --resume 1"
    before = {one.trial: one for one in known[0].trials}

    found = mlops.sweep(resume="1", jobs=2, project=swept)

    assert (found.state, len(found.trials)) == ("finished", PLANNED)
    assert {one.trial: one for one in found.trials}.items() >= before.items()
    assert len({one.parameters["C"] for one in found.trials}) == PLANNED
    assert trials_of(swept) == sorted(one.trial for one in found.trials)
    assert git("worktree", "list").count("\n") == 1
    assert git("status", "--porcelain") == ""


def test_a_resumed_sweep_tries_what_an_unbroken_one_tries(swept):
    write_train(swept, "import time\ntime.sleep(0.3)")
    process = start(swept, trials=PLANNED, jobs=1)
    wait_for_trials(swept, process, 2)
    process.kill()
    process.communicate()

    resumed = mlops.sweep(resume="1", jobs=1, project=swept)

    unbroken = sweep(swept, trials=PLANNED)
    assert {one.parameters["C"] for one in resumed.trials} == {one.parameters["C"] for one in unbroken.trials}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_sweep_leaves_nothing_and_goes_on(swept, git, how):
    write_train(swept, "import time\ntime.sleep(0 if C < 0.5 else 60)")
    process = start(swept, space={"C": [0.1, 0.9, 0.2]}, sampler="grid", jobs=1)
    wait_for_trials(swept, process, 1)
    time.sleep(1)

    process.send_signal(how)
    _, said = process.communicate(timeout=30)

    assert "goes on" in said
    require_no_process(swept)
    assert git("worktree", "list").count("\n") == 1
    assert [one.parameters["C"] for one in mlops.sweeps(project=swept).sweeps[0].trials] == [0.1]


def test_a_sweep_that_runs_is_not_resumed(swept):
    write_train(swept, "import time\ntime.sleep(60)")
    process = start(swept, trials=2)
    while not (known := mlops.sweeps(project=swept).sweeps):
        time.sleep(0.05)
    try:
        while mlops.sweeps(project=swept).sweeps[0].state != "running":
            time.sleep(0.05)
        with pytest.raises(MlopsError) as raised:
            mlops.sweep(resume=known[0].sweep, project=swept)
        assert raised.value.reference == "sweep-running"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_a_lost_trial_is_tried_again_once_and_counted_once(tmp_path):
    first = Search(tmp_path / "s", "s", AIM)
    lost, done = first.ask(), first.ask()
    first.tell(done.trial, "succeeded", 0.5)

    second = Search(tmp_path / "s", "s", AIM)
    assert second.running == (lost.trial,)
    second.give_up(lost.trial)
    third = Search(tmp_path / "s", "s", AIM)
    again = third.ask()

    assert again.values == lost.values
    assert third.ended == (done.trial,)
    third.tell(again.trial, "succeeded", 0.7)
    assert third.ended == (done.trial, again.trial)
    assert third.ask().values not in (lost.values, done.values)


def test_a_study_that_was_torn_in_the_middle_of_a_line_is_read(tmp_path):
    first = Search(tmp_path / "s", "s", AIM)
    for _ in range(3):
        first.tell(first.ask().trial, "succeeded", 0.5)
    data = (tmp_path / "s").read_bytes()
    for cut in range(len(data) - 40, len(data)):
        (tmp_path / "s").write_bytes(data[:cut])
        torn = Search(tmp_path / "s", "s", AIM)
        for trial in torn.running:
            torn.give_up(trial)
        while len(torn.ended) < 4:
            torn.tell(torn.ask().trial, "succeeded", 0.1)
        assert len(Search(tmp_path / "s", "s", AIM).ended) == 4
        assert all(json.loads(line) for line in (tmp_path / "s").read_text().splitlines())
