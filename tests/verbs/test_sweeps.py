"""`sweep`, `sweeps`, `sweep apply`, and registering what was found: real kernels, real Optuna."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from chains import write_notebook
from sweeping import PARAMETERS, TRAIN, sweep, write_train

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.project import Project
from jupyter_mlops.rendering import html, text


def tree(root: Path) -> dict[str, bytes]:
    """Every file of the user, and what git says of them."""
    outside = {".git", "cache", ".mlops", "tmp"}
    files = [path for path in root.rglob("*") if path.is_file() and not outside & {*path.parts}]
    status = subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, check=True).stdout
    return {**{str(path): path.read_bytes() for path in files}, "status": status}


def records(root: Path, sweep: str):
    return [run.record for run in Project(root).runs.all() if run.record.labels.get("sweep") == sweep]


def points(found) -> list[dict]:
    return [one.parameters for one in sorted(found.trials, key=lambda one: one.trial)]


def test_trials_run_side_by_side_beside_the_workspace_and_each_is_a_run(swept, git):
    before = tree(swept)

    found = sweep(swept, trials=5, jobs=2)

    assert tree(swept) == before
    assert git("worktree", "list").count("\n") == 1
    assert [one.state for one in found.trials] == ["succeeded"] * 5
    values = [one.value for one in found.trials]
    assert values == sorted(values, reverse=True)
    assert found.best == found.trials[0]
    assert abs(found.best.value - (1 - (found.best.parameters["C"] - 0.3) ** 2)) < 1e-9
    kept = records(swept, found.sweep)
    assert {one.labels["trial"]: one.parameters["train.C"] for one in kept if "trial" in one.labels} == {
        one.trial: one.parameters["C"] for one in found.trials
    }
    ran = [stage.name for one in kept for stage in one.stages if stage.state == "ran"]
    assert sorted(ran) == ["prepare", *["train"] * 5]
    assert (found.state, found.importance) == ("finished", {"C": 1.0})


def test_equal_seeds_try_equal_points_and_a_repeated_point_is_free(swept):
    first, second = sweep(swept, trials=4), sweep(swept, trials=4)

    assert points(first) == points(second)
    assert len({one["C"] for one in points(first)}) == 4
    assert points(first) != points(sweep(swept, trials=4, seed=2))
    assert {stage.state for one in records(swept, second.sweep) for stage in one.stages} <= {"restored", "up-to-date"}
    assert [one.value for one in first.trials] == [one.value for one in second.trials]


def test_a_grid_tries_every_point_once(swept):
    found = sweep(swept, space={"C": "float(0,1,0.5)", "name": "choice(x,y)"}, sampler="grid", trials=None, jobs=2)

    assert points(found) == [{"C": C, "name": name} for C in (0.0, 0.5, 1.0) for name in ("x", "y")]
    assert found.planned == 6
    assert len(sweep(swept, space={"C": [0.1, 0.2, 0.3]}, sampler="grid", trials=2).trials) == 2


def test_parameters_of_a_stage_before_are_searched_too(swept):
    found = sweep(swept, space={"rows": "choice(1,3)", "C": "[0.3]"}, sampler="grid")
    assert points(found) == [{"rows": 1, "C": 0.3}, {"rows": 3, "C": 0.3}]
    mlops.sweep.apply("train", found.trials[1].trial, project=swept)
    assert "rows: 3" in (swept / "params.yaml").read_text()
    assert (swept / "clean.csv").read_text() == "a\n1\n" * 3


def test_a_trial_that_lags_behind_is_ended_at_once(swept):
    slow = (
        "import jupyter_mlops as mlops, time\n"
        "for step in range(3):\n"
        "    mlops.report(auc=1 - C, step=step)\n"
        "if C > 0.5:\n"
        "    time.sleep(60)\n"
    )
    write_train(swept, slow)

    space = {"C": [0.01, 0.02, 0.03, 0.04, 0.9, 0.005]}
    found = sweep(swept, space=space, sampler="grid", trials=None, prune=True)

    lost = next(one for one in found.trials if one.parameters["C"] == 0.9)
    assert (lost.state, round(lost.value, 6)) == ("pruned", 0.1)
    assert lost.seconds < 10
    record = next(one for one in records(swept, found.sweep) if one.run == lost.run)
    assert (record.state, record.stages[-1].state, record.metrics) == ("pruned", "pruned", {})
    assert record.history == {"auc": [(0, pytest.approx(0.1))]}
    # The worker lives on: what comes after it ends well, from the same replica.
    assert {one.state for one in found.trials if one is not lost} == {"succeeded"}
    assert found.gate is None


def test_without_prune_nothing_is_ended(swept):
    write_train(swept, "import jupyter_mlops as mlops\nmlops.report(auc=-C, step=0)")
    found = sweep(swept, space={"C": [0.1, 0.2, 0.3, 0.4, 0.9]}, sampler="grid", trials=None, jobs=2)
    assert {one.state for one in found.trials} == {"succeeded"}


def test_a_metric_may_be_reported_instead_of_written(swept):
    write_train(
        swept, "import jupyter_mlops as mlops\nfor step in range(3):\n    mlops.report(loss=C + 1 / (step + 1))"
    )
    found = sweep(swept, metric="loss", maximize=False, trials=2)
    assert found.best.value == pytest.approx(found.best.parameters["C"] + 1 / 3)


def test_what_a_trial_leaves_lying_about_is_not_there_for_the_next(swept):
    write_train(
        swept,
        "import os\nassert not os.path.exists('litter')\nopen('litter', 'w').write(str(C))\nopen('README.md', 'w')",
    )
    assert {one.state for one in sweep(swept).trials} == {"succeeded"}


def test_the_best_is_applied_from_the_run_cache(swept, git):
    found = sweep(swept)

    applied = mlops.sweep.apply("1", project=swept)

    assert applied.applied == found.best.trial
    assert f"C: {found.best.parameters['C']}" in (swept / "params.yaml").read_text()
    last = mlops.runs(limit=1, project=swept).runs[0]
    assert {stage.state for stage in last.stages} == {"restored"}
    assert last.metrics["auc"] == found.best.value
    assert repr(found.best.parameters["C"]) in (swept / "model.txt").read_text()
    assert git("status", "--porcelain") == ""
    assert applied.git_commit == Project(swept).git.head()


def test_apply_with_the_sweep_and_a_trial_that_is_not_there(swept):
    found = sweep(swept, trials=2, apply=True)
    assert found.applied == found.best.trial
    assert (
        mlops.sweep.apply("train", found.trials[1].trial, dry_run=True, project=swept).applied == found.trials[1].trial
    )
    with pytest.raises(MlopsError, match="no trial 99"):
        mlops.sweep.apply("train", 99, project=swept)


def test_the_best_is_registered_although_the_workspace_never_had_it(chain, git):
    mlops.commit(["data.csv"], message="data", project=chain)
    write_notebook(
        chain / "train.ipynb", PARAMETERS, "open('m.onnx', 'w').write(open('clean.csv').read() + repr(C))", TRAIN
    )
    mlops.stage.add(
        "train", "train.ipynb", parameters={"C": 1.0}, dep=["clean.csv"], out=["m.onnx"], metrics=["metrics.json"],
        force=True, project=chain,
    )  # fmt: skip
    git("commit", "-qam", "onnx")
    before = tree(chain), git("rev-parse", "HEAD"), git("branch")
    found = sweep(chain, jobs=2)
    assert found.next == ("sweep apply 1", f"register run:{found.best.number} --name train")

    registered = mlops.register(f"run:{found.best.number}", name="train", project=chain)
    second = mlops.register(f"run:{found.trials[1].number}", name="train", project=chain)

    assert (tree(chain), git("rev-parse", "HEAD"), git("branch")) == before
    assert (registered.version, second.version) == ("v1", "v2")
    models = Project(chain).models
    assert models.location(models.resolve("train@v1")).read_text().endswith(repr(found.best.parameters["C"]))
    shown = mlops.models("train", project=chain).models[0].versions
    assert [one.run for one in shown] == [found.trials[1].run, found.best.run]
    assert shown[1].metrics["auc"] == found.best.value
    assert f"C: {found.best.parameters['C']}" in git("show", f"{registered.git_commit}:params.yaml")


def test_a_trial_on_code_that_no_commit_holds_is_not_registered(chain, git):
    mlops.commit(["data.csv"], message="data", project=chain)
    write_notebook(chain / "train.ipynb", PARAMETERS, "open('m.onnx', 'w').write('old')", TRAIN)
    mlops.stage.add(
        "train",
        "train.ipynb",
        parameters={"C": 1.0},
        out=["m.onnx"],
        metrics=["metrics.json"],
        force=True,
        project=chain,
    )
    git("commit", "-qam", "onnx")
    write_notebook(chain / "train.ipynb", PARAMETERS, "open('m.onnx', 'w').write(repr(C))", TRAIN)
    found = sweep(chain, trials=1)
    with pytest.raises(MlopsError) as raised:
        mlops.register(f"run:{found.best.number}", name="train", project=chain)
    assert raised.value.reference == "run-not-repeatable"
    assert "train.ipynb changed" in raised.value.context or "never run" in raised.value.context
    assert git("tag") == ""


@pytest.mark.parametrize(
    ("wish", "reference", "words"),
    [
        ({"space": {"D": "float(0,1)"}}, "unknown-parameter", "no parameter D"),
        ({"space": {}}, "empty-space", "Nothing to try"),
        ({"space": {"C": "log(0,1)"}}, "log-of-zero", "no logarithm of 0"),
        ({"space": {"C": "choice(a,b)"}}, "parameter-type", "C is a number"),
        ({"space": {"name": "choice('a$b')"}}, "parameter-not-quotable", "cannot stand"),
        ({"sampler": "grid"}, "endless-grid", "every value of C"),
        ({"trials": 0}, "bad-argument", "wrong argument"),
        ({"seed": -1}, "bad-argument", "wrong argument"),
        ({"sampler": "magic"}, "bad-argument", "wrong argument"),
        ({"metric": ""}, "which-metric", "Which metric"),
        ({"resume": "1"}, "resume-alone", "goes on with"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(swept, wish, reference, words):
    with pytest.raises(MlopsError, match=words) as raised:
        sweep(swept, **wish)
    assert raised.value.reference == reference
    assert raised.value.hint
    assert mlops.sweeps(project=swept).sweeps == ()
    assert mlops.runs(project=swept).runs == ()


def test_a_metric_that_the_stage_did_not_write_is_said(swept):
    with pytest.raises(MlopsError) as raised:
        sweep(swept, metric="f1")
    assert (raised.value.reference, raised.value.context) == ("metric-not-written", "It wrote auc, rows.")
    mlops.run(project=swept)
    with pytest.raises(MlopsError, match="no metric acu") as raised:
        sweep(swept, metric="acu")
    assert raised.value.hint == "Did you mean auc?"


def test_a_stage_that_writes_no_metrics_is_not_swept_and_the_one_that_does_is_named(swept):
    mlops.run(project=swept)
    for metric, words in (("auc", "train writes auc: sweep train."), ("f1", "stage edit prepare -M FILE")):
        with pytest.raises(MlopsError) as raised:
            mlops.sweep("prepare", space={"rows": [1, 2]}, metric=metric, project=swept)
        assert raised.value.reference == "no-metrics"
        assert raised.value.hint.startswith(words)
    assert mlops.sweeps(project=swept).sweeps == ()


def test_the_only_metric_of_a_stage_need_not_be_named(chain):
    mlops.run(project=chain)
    found = mlops.sweep("train", space={"C": [0.1, 0.2]}, sampler="grid", dry_run=True, project=chain)
    assert (found.metric, found.planned) == ("auc", 2)


def test_a_notebook_that_is_no_stage_and_a_stage_that_is_none(swept):
    write_notebook(swept / "look.ipynb", "x = 1")
    for target, reference in (("look.ipynb", "not-a-stage"), ("tarin", "unknown-stage"), ("", "stage-needed")):
        with pytest.raises(MlopsError) as raised:
            mlops.sweep(target, space={"x": "int(1,2)"}, metric="auc", project=swept)
        assert raised.value.reference == reference


def test_data_that_no_version_holds_is_not_swept(swept):
    (swept / "data.csv").write_text("a\n9\n")
    with pytest.raises(MlopsError, match=r"data\.csv is not what its last version holds") as raised:
        sweep(swept)
    assert raised.value.reference == "dirty-data"
    assert raised.value.hint.startswith("commit data.csv")


def test_edits_of_code_that_are_not_committed_are_swept(swept):
    write_notebook(
        swept / "train.ipynb", PARAMETERS, "open('model.txt', 'w').write('new')", TRAIN.replace("C - 0.3", "C")
    )
    found = sweep(swept, space={"C": [0.5]}, sampler="grid")
    assert found.best.value == 0.75


def test_a_stage_before_that_fails_stops_the_sweep(swept):
    write_notebook(swept / "prepare.ipynb", "rows = 2", "1 / 0")
    with pytest.raises(MlopsError, match="prepare, which train needs, failed") as raised:
        sweep(swept)
    assert "ZeroDivisionError" in raised.value.context


def test_one_trial_may_fail_and_its_notebook_is_kept(swept):
    write_train(swept, "assert C != 0.9")
    found = sweep(swept, space={"C": [0.9, 0.3]}, sampler="grid", trials=None)
    good, bad = found.trials
    assert (good.state, bad.state, found.state) == ("succeeded", "failed", "finished")
    assert bad.error.startswith("train, cell 2: AssertionError")
    assert "AssertionError" in (swept / bad.notebook).read_text()
    assert "executed" not in Project(swept).git.run("status", "--porcelain")


def test_a_sweep_in_which_nothing_goes_well_ends_early(swept):
    write_train(swept, "1 / 0")
    found = sweep(swept, trials=20)
    assert [one.state for one in found.trials] == ["failed"] * 3
    assert "No trial ended well: train, cell 2: ZeroDivisionError" in found.gate


def test_more_trials_later_and_not_on_other_code(swept):
    first = sweep(swept, trials=2)
    with pytest.raises(MlopsError, match="goes on with"):
        sweep(swept, resume="1")

    found = mlops.sweep(resume="1", trials=4, project=swept)

    assert (found.sweep, len(found.trials), found.state) == (first.sweep, 4, "finished")
    assert points(found)[:2] == points(first)
    assert points(found) == points(sweep(swept, trials=4))
    write_train(swept, "C = C")
    with pytest.raises(MlopsError) as raised:
        mlops.sweep(resume="1", trials=9, project=swept)
    assert raised.value.reference == "sweep-moved"
    assert 'sweep train -s "C=float(0.0,1.0)"' in raised.value.hint


def test_past_sweeps_are_listed_and_shown(swept):
    assert "Nothing was swept yet" in text(mlops.sweeps(project=swept))
    found = sweep(swept, maximize=False, trials=3)
    again = sweep(swept, space={"name": "choice(x,y)", "C": "log(0.1,1)"})

    listed = mlops.sweeps(project=swept).sweeps

    assert [one.number for one in listed] == [2, 1]
    assert listed[1] == found
    assert listed[0] == again
    assert mlops.sweeps("train", project=swept).sweeps == (again,)
    assert "--maximize looks for the greatest" in text(found)
    assert "The least auc counts as best" not in text(again)
    assert "<svg" in html(again)
    assert "Sweep #2 of train" in text(again)
    view = mlops.view("sweep", "1", project=swept)
    page = (swept / view.file).read_text()
    assert "Sweep #1 of train" in page
    assert page.count("<path") == 3
    with pytest.raises(MlopsError, match="no sweep 7"):
        mlops.sweeps("7", project=swept)


def test_a_clone_that_fetched_the_records_has_the_same_boards(swept, tmp_path):
    found = sweep(swept, trials=2)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(swept), str(clone)], check=True, capture_output=True)
    subprocess.run(["git", "fetch", "-q", "origin", "refs/mlops/*:refs/remotes/mlops/*"], cwd=clone, check=True)
    assert mlops.sweeps(project=clone).sweeps == (found,)


def test_a_sweep_whose_study_another_clone_has_is_not_resumed(swept):
    sweep(swept, trials=1)
    shutil.rmtree(swept / ".git" / "mlops" / "sweeps")  # as in a clone that has the code, the data and the records
    with pytest.raises(MlopsError, match="another clone") as raised:
        mlops.sweep(resume="1", trials=3, project=swept)
    assert raised.value.hint.startswith("Start one of your own: sweep train")


def test_a_dry_run_runs_nothing(swept):
    found = sweep(swept, dry_run=True)
    assert (found.state, found.trials, found.space) == ("planned", (), {"C": "float(0.0,1.0)"})
    assert mlops.sweeps(project=swept).sweeps == ()
    assert not (swept / ".git" / "mlops" / "sweeps").exists()


def test_progress_says_the_best_so_far_and_shows_the_board(swept):
    from jupyter_mlops.records import Standing
    from jupyter_mlops.verbs import find
    from jupyter_mlops.verbs.invoking import Origin, invoke

    heard = []
    wish = {
        "stage": "train",
        "space": {"C": "[0.3,0.9]"},
        "sampler": "grid",
        "metric": "auc",
        "maximize": True,
        "jobs": 1,
    }
    invoke(find("sweep"), wish, Origin("test", swept, progress=heard.append))

    steps = [step for step in heard if isinstance(step, Standing)]
    assert [(step.done, step.total, step.note) for step in steps] == [
        (0, 2, ""),
        (1, 2, "best auc 1, trial 0"),
        (2, 2, "best auc 1, trial 0"),
    ]
    assert len(steps[-1].result.trials) == 2


def test_a_sweep_inside_a_run_is_refused(swept):
    write_notebook(
        swept / "prepare.ipynb",
        "rows = 2",
        "import jupyter_mlops as m\nm.sweep('train', space={'C': 'int(1,2)'}, metric='auc')",
    )
    assert "cannot start another run" in mlops.run(["prepare"], project=swept).gate


def test_the_command_line_understands_ranges_and_the_verb_below_it(swept, capsys):
    from jupyter_mlops.cli import main

    line = ["sweep", "train", "-s", "C=float(0,1)", "-s", "name=choice(x,y)", "-n", "2", "-j", "1", "--metric", "auc"]
    assert main([*line, "--maximize", "--seed", "3", "--project", str(swept)]) == 0
    assert "Sweep #1 of train" in capsys.readouterr().out
    assert main(["sweep", "apply", "1", "--dry-run", "--project", str(swept)]) == 0
    assert main(["sweeps", "--json", "--project", str(swept)]) == 0
    assert main(["sweep", "train", "-s", "C", "--project", str(swept)]) == 2
    assert "Write -s key=value." in capsys.readouterr().err
