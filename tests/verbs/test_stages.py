"""`stage add`, `stage list`, `stage remove` and `run` as people call them."""

from __future__ import annotations

import pytest
from chains import states, write_notebook

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.rendering import document, text


def test_a_stage_is_plain_papermill_with_readable_parameters(chain):
    written = (chain / "dvc.yaml").read_text()

    assert "papermill prepare.ipynb executed/prepare.ipynb -p rows ${prepare.rows}" in written
    assert '-p C ${train.C} -r name "${train.name}" -y "flag: ${train.flag}"' in written
    assert "jupyter_mlops" not in written


def test_an_input_that_nobody_makes_is_refused(chain):
    with pytest.raises(MlopsError, match=r"There is no clan\.csv, and no stage makes it") as caught:
        mlops.stage.add("late", "train.ipynb", dep=["clan.csv"], project=chain)
    assert (caught.value.reference, caught.value.hint) == ("unknown-input", "Did you mean clean.csv?")
    assert "late" not in (chain / "dvc.yaml").read_text()
    assert not (chain / "model.txt").exists()
    mlops.stage.add("late", "train.ipynb", dep=["model.txt", "https://example.org/x.csv"], project=chain)


def test_an_input_that_is_not_pulled_yet_is_known(chain):
    mlops.commit("data.csv", project=chain)
    (chain / "data.csv").unlink()
    mlops.stage.add("late", "train.ipynb", dep=["data.csv"], dry_run=True, project=chain)


def test_comments_and_order_survive_an_edit(chain):
    path = chain / "dvc.yaml"
    path.write_text("# ours\n" + path.read_text().replace("  train:", "  # the model\n  train:"))

    mlops.stage.remove("prepare", project=chain)

    edited = path.read_text()
    assert edited.startswith("# ours\n")
    assert "# the model" in edited
    assert [stage.name for stage in mlops.stage.list(project=chain).stages] == ["train"]


def test_only_its_own_files_are_committed(notebooks, git):
    (notebooks / "other.txt").write_text("mine\n")
    git("add", "other.txt")

    made = mlops.stage.add("prepare", "prepare.ipynb", out=["clean.csv"], project=notebooks)

    assert git("show", "--name-only", "--format=", made.git_commit).split() == [
        ".gitignore",
        ".keys/notebook_key.py",
        "dvc.yaml",
        "executed/.gitignore",
    ]
    assert git("diff", "--cached", "--name-only").split() == ["other.txt"]


def test_a_dry_run_writes_nothing(notebooks):
    planned = mlops.stage.add("prepare", "prepare.ipynb", parameters={"rows": 5}, dry_run=True, project=notebooks)

    assert planned.stages[0].name == "prepare"
    assert not (notebooks / "dvc.yaml").exists()
    assert not (notebooks / "params.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "reference"),
    [
        ({"name": "prepare", "notebook": "train.ipynb"}, "stage-exists"),
        ({"name": "a b", "notebook": "train.ipynb"}, "bad-stage-name"),
        ({"name": "new", "notebook": "nothing.ipynb"}, "notebook-missing"),
        ({"name": "new", "notebook": "data.csv"}, "not-a-notebook"),
        ({"name": "new", "notebook": "../out.ipynb"}, "outside-project"),
        ({"name": "new", "notebook": "train.ipynb", "parameters": {"Cc": 1}}, "unknown-parameter"),
        ({"name": "new", "notebook": "train.ipynb", "parameters": {"name": 'a"; rm -rf .'}}, "parameter-not-quotable"),
        ({"name": "new", "notebook": "train.ipynb", "out": ["clean.csv"]}, "two-writers"),
        ({"name": "new", "notebook": "train.ipynb", "out": ["README.md"]}, "tracked-by-git"),
        ({"name": "new", "notebook": "train.ipynb", "dep": ["model.txt"], "out": ["data.csv"]}, "pipeline-cycle"),
        ({"name": "new", "notebook": "bare.ipynb", "parameters": {"x": 1}}, "no-parameters-cell"),
        ({"name": "new", "notebook": "julia.ipynb"}, "kernel-missing"),
    ],
)
def test_bad_stages_are_refused_and_nothing_is_written(chain, arguments, reference):
    write_notebook(chain / "bare.ipynb", "x = 1", parameters=False)
    write_notebook(chain / "julia.ipynb", "x = 1", kernel="julia-9")
    before = (chain / "dvc.yaml").read_text()

    with pytest.raises(MlopsError) as raised:
        mlops.stage.add(**arguments, project=chain)

    assert raised.value.reference == reference
    assert raised.value.hint
    assert (chain / "dvc.yaml").read_text() == before


@pytest.mark.parametrize(
    ("targets", "parameters", "reference"),
    [
        (["trian"], {}, "unknown-stage"),
        (["train"], {"c": 2}, "unknown-parameter"),
        (["train"], {"C": "much"}, "parameter-type"),
        (["nothing.ipynb"], {}, "notebook-missing"),
    ],
)
def test_bad_runs_are_refused_before_anything_is_written(chain, targets, parameters, reference):
    before = (chain / "params.yaml").read_text()

    with pytest.raises(MlopsError) as raised:
        mlops.run(targets, parameters=parameters, project=chain)

    assert raised.value.reference == reference
    assert (chain / "params.yaml").read_text() == before


def test_parameters_are_kept_and_the_lock_is_committed(chain, git, dvc):
    report = mlops.run(["train"], parameters={"C": 3.0}, project=chain)

    assert report.metrics == {"auc": 0.8}
    assert "C: 3.0" in (chain / "params.yaml").read_text()
    assert {"dvc.lock", "params.yaml", "metrics.json"} <= set(git("show", "--name-only", "--format=").split())
    assert "(3.0, 'two words', False)" in (chain / "model.txt").read_text()
    assert dvc("status") == "Data and pipelines are up to date.\n"


def test_a_preview_says_why_and_runs_nothing(chain):
    planned = mlops.run(dry_run=True, project=chain)

    assert [(stage.name, stage.state, stage.reason) for stage in planned.stages] == [
        ("prepare", "ran", "never run"),
        ("train", "ran", "never run"),
    ]
    assert not (chain / "clean.csv").exists()


def test_downstream_and_force(ran):
    assert states(mlops.run(["prepare"], project=ran)) == {"prepare": "up-to-date"}
    assert states(mlops.run(["prepare"], downstream=True, force=True, project=ran)) == {
        "prepare": "ran",
        "train": "ran",
    }


def test_a_second_run_starts_nothing_and_leaves_no_record(ran, git):
    before = git("rev-parse", "HEAD")

    assert mlops.run(project=ran).run == ""
    assert git("rev-parse", "HEAD") == before
    assert len(mlops.runs(project=ran).runs) == 1


def test_the_last_stage_leaves_an_empty_list(chain, dvc):
    mlops.stage.remove("train", project=chain)
    mlops.stage.remove("prepare", project=chain)

    assert mlops.stage.list(project=chain).stages == ()
    assert "no" in dvc("status")
    mlops.stage.add("again", "prepare.ipynb", out=["clean.csv"], project=chain)
    assert [stage.name for stage in mlops.stage.list(project=chain).stages] == ["again"]


def test_the_notebook_of_a_stage_is_committed_with_it_when_no_commit_holds_it(notebooks, git):
    for name in ("mine", "other"):
        write_notebook(notebooks / f"{name}.ipynb", "x = 1")

    made = mlops.stage.add("mine", "mine.ipynb", project=notebooks)

    assert "mine.ipynb" in git("show", "--name-only", "--format=", made.git_commit).split()
    assert "other.ipynb" in git("status", "--porcelain")
    write_notebook(notebooks / "mine.ipynb", "x = 2")
    again = mlops.stage.add("mine", "mine.ipynb", out=["y.txt"], force=True, project=notebooks)
    assert "mine.ipynb" not in git("show", "--name-only", "--format=", again.git_commit).split()


def test_a_notebook_that_git_is_told_to_ignore_is_left_alone(notebooks, git):
    (notebooks / ".gitignore").write_text("secret.ipynb\n")
    write_notebook(notebooks / "secret.ipynb", "x = 1")

    mlops.stage.add("secret", "secret.ipynb", project=notebooks)

    assert git("ls-files", "secret.ipynb") == ""
    assert [step.kind for step in mlops.status(project=notebooks).next] == ["stale"]


def test_a_run_names_the_code_that_no_commit_holds_and_commits_none_of_it(notebooks, git):
    write_notebook(notebooks / "loose.ipynb", "x = 1")
    (notebooks / "shared.py").write_text("y = 2\n")
    mlops.stage.add("loose", "loose.ipynb", dep=["shared.py"], git=False, project=notebooks)

    report = mlops.run(project=notebooks)

    assert report.untracked == ("loose.ipynb", "shared.py")
    assert "git add -- loose.ipynb shared.py && git commit" in text(report)
    assert git("ls-files", "loose.ipynb", "shared.py") == ""


def test_a_run_has_the_number_that_runs_shows(chain):
    report = mlops.run(project=chain)
    assert (report.number, document(report).title) == (1, "Run #1")
    assert document(mlops.run(project=chain)).title == "Run"


def test_a_stage_without_parameters_says_how_to_give_it_one(notebooks):
    mlops.stage.add("prepare", "prepare.ipynb", out=["clean.csv"], project=notebooks)
    with pytest.raises(MlopsError) as raised:
        mlops.run(["prepare"], parameters={"C": 2}, project=notebooks)
    assert "stage add prepare prepare.ipynb -p C=… --force" in raised.value.hint


@pytest.mark.parametrize(
    ("path", "message"),
    [("nothing.ipynb", "There is no notebook nothing.ipynb."), ("nb", "nb is a folder, not a notebook.")],
)
def test_a_notebook_that_is_not_there_is_said_in_words(notebooks, path, message):
    (notebooks / "nb").mkdir()
    with pytest.raises(MlopsError) as raised:
        mlops.stage.add("x", path, project=notebooks)
    assert raised.value.message == message
    assert "Errno" not in str(raised.value)


def test_a_dry_run_tells_what_parameters_would_change_and_refuses_as_the_run_does(chain):
    mlops.run(project=chain)

    planned = mlops.run(["prepare"], parameters={"rows": 7}, dry_run=True, project=chain)

    assert states(planned) == {"prepare": "ran"}
    assert planned.stages[0].reason == "prepare.rows changed: 2 → 7"
    assert "· would run" in text(planned)
    assert "ran in" not in text(planned)
    assert states(mlops.run(project=chain)) == {"prepare": "up-to-date", "train": "up-to-date"}
    for given, reference in (({"row": 7}, "unknown-parameter"), ({"rows": "seven"}, "parameter-type")):
        with pytest.raises(MlopsError) as raised:
            mlops.run(["prepare"], parameters=given, dry_run=True, project=chain)
        assert raised.value.reference == reference


@pytest.mark.parametrize("path", ["data.csv.dvc", "dvc.lock"])
def test_a_file_of_dvc_is_no_input(chain, path):
    (chain / "data.csv.dvc").write_text("outs:\n")
    before = (chain / "dvc.yaml").read_text()
    for ask in (
        lambda: mlops.stage.edit("train", dep=[path], project=chain),
        lambda: mlops.stage.add("more", "train.ipynb", dep=[path], project=chain),
    ):
        with pytest.raises(MlopsError) as raised:
            ask()
        assert raised.value.reference == "dvc-file"
    assert (chain / "dvc.yaml").read_text() == before


def test_an_unknown_stage_is_told_those_that_its_user_made(chain):
    with pytest.raises(MlopsError) as raised:
        mlops.run(["nothing-alike"], project=chain)
    assert raised.value.hint == "Stages: prepare, train."
