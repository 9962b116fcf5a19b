"""A notebook that is no stage becomes one by running: `run NOTEBOOK`, `stage add --capture`."""

from __future__ import annotations

import pytest
from chains import UP_TO_DATE, our_states, states, write_notebook

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.pipelines.stages.limits import Limits
from jupyter_mlops.project import Project
from jupyter_mlops.rendering import text
from jupyter_mlops.verbs import find
from jupyter_mlops.verbs.invoking import Origin, invoke

MEET = """
import pathlib, time
pathlib.Path('{own}').touch()
end = time.monotonic() + 30
while '{other}' not in __import__('os').listdir() and time.monotonic() < end:
    time.sleep(0.02)
"""
"""Waits for the other notebook, so that both run at once."""


@pytest.fixture
def root(notebooks):
    """A notebook that reads, writes, measures and imports."""
    (notebooks / "helpers.py").write_text("def double(text):\n    return text * 2\n")
    write_notebook(
        notebooks / "fit.ipynb",
        "C = 1.0\nlabel = 'two words'",
        "import helpers, json, pathlib\ntext = helpers.double(open('data.csv').read())",
        "pathlib.Path('fitted').mkdir(exist_ok=True)\npathlib.Path('fitted/model.txt').write_text(text + label)",
        "json.dump({'auc': 0.5 + C / 10}, open('scores.json', 'w'))",
    )
    return notebooks


def asked(root, name, arguments, *, answer=True):
    """Run a verb with a user who answers; its result, and what was asked."""
    questions: list[str] = []

    def ask(question: str) -> bool:
        questions.append(question)
        return answer

    return invoke(find(name), arguments, Origin("cli", root, ask=ask)), questions


def test_a_run_that_names_the_stage_makes_it(root, dvc, git):
    report = mlops.run(["fit.ipynb"], parameters={"C": 3.0}, stage="fit", project=root)

    stage = next(one for one in mlops.stage.list(project=root).stages if one.name == "fit")
    assert stage.deps == ("fit.ipynb", "helpers.py", "data.csv")
    assert stage.outs == ("fitted", "executed/fit.ipynb")
    assert (stage.metrics, stage.params) == (("scores.json",), ("fit.C", "fit.label"))
    assert (states(report), report.metrics, report.proposal.is_made) == ({"fit": "ran"}, {"auc": 0.8}, True)
    assert our_states(root) == {"fit": "up-to-date"}
    assert dvc("status") == UP_TO_DATE
    assert "Running" not in dvc("repro")
    assert {"dvc.lock", "scores.json", ".keys/fit.key"} <= set(git("show", "--name-only", "--format=").split())


def test_the_record_of_the_run_is_that_of_the_stage(root):
    report = mlops.run(["fit.ipynb"], stage="fit", project=root)

    record = Project(root).runs.find(report.run).record
    assert record.parameters == {"fit.C": 1.0, "fit.label": "two words"}
    assert set(record.inputs) == {"helpers.py", "data.csv"}
    assert set(record.outputs) == {"fitted", "executed/fit.ipynb", "scores.json"}
    assert Project(root).runs.recording.environment(record.environments[0]).version


def test_its_outputs_come_back_from_the_cache(root):
    import shutil

    mlops.run(["fit.ipynb"], stage="fit", project=root)
    shutil.rmtree(root / "fitted")

    assert states(mlops.run(project=root)) == {"fit": "restored"}
    assert (root / "fitted" / "model.txt").read_text().endswith("two words")


def test_whoever_can_be_asked_is_asked(root):
    report, questions = asked(root, "run", {"targets": ["fit.ipynb"]})

    assert questions == [
        "Make fit.ipynb the pipeline stage fit? It reads helpers.py, data.csv and writes fitted, scores.json."
    ]
    assert our_states(root) == {"fit": "up-to-date"}
    assert "It is the pipeline stage fit now" in text(report)


@pytest.mark.parametrize("answer", [False, None])
def test_otherwise_it_runs_by_itself_and_says_what_would_make_it_one(root, answer):
    if answer is None:
        report = mlops.run(["fit.ipynb"], project=root)
    else:
        report, _ = asked(root, "run", {"targets": ["fit.ipynb"]}, answer=answer)

    assert not (root / "dvc.yaml").exists()
    line = "stage add fit fit.ipynb -p C=1.0 -p 'label=two words' -d helpers.py -d data.csv -o fitted -M scores.json"
    assert report.proposal.line == line
    assert f"%mlops {line}" in text(report)


def test_no_stage_asks_nothing(root):
    report, questions = asked(root, "run", {"targets": ["fit.ipynb"], "no_stage": True})

    assert (questions, report.proposal) == ([], None)
    assert not (root / "dvc.yaml").exists()


def test_stage_add_under_capture(root, dvc):
    made = mlops.stage.add("fit", "fit.ipynb", capture=True, retries=2, out=["fitted"], project=root)

    assert made.stages[0].deps == ("fit.ipynb", "helpers.py", "data.csv")
    assert made.proposal.is_made
    assert our_states(root) == {"fit": "up-to-date"}
    assert dvc("status") == UP_TO_DATE
    stage = next(stage for stage in Project(root).pipeline.stages() if stage.name == "fit")
    assert stage.limits == Limits(retries=2)


def test_capture_runs_with_all_parameters_of_the_stage(chain, dvc):
    mlops.run(project=chain)
    (chain / "config.yaml").write_text("rate: 0.25\nother: 1\n")
    write_notebook(
        chain / "say.ipynb", "auc = rate = deep = 0\nword = 'x'", "open('said', 'w').write(repr((auc, rate, word)))"
    )
    given = {"auc": "${train.auc}", "word": "y"}

    mlops.stage.add("say", "say.ipynb", parameters=given, params=["config.yaml"], capture=True, project=chain)

    assert (chain / "said").read_text() == "(0.6, 0.25, 'y')"
    assert dvc("status") == UP_TO_DATE
    (chain / "said").unlink()
    (chain / ".dvc" / "cache").rename(chain / "gone")
    dvc("repro", "-q")
    assert (chain / "said").read_text() == "(0.6, 0.25, 'y')"


def test_a_run_under_capture_says_what_stages_do_not_declare(notebooks):
    (notebooks / "extra.csv").write_text("a\n1\n")
    write_notebook(notebooks / "honest.ipynb", "k = 1", "open('honest.txt', 'w').write(open('data.csv').read())")
    write_notebook(
        notebooks / "sly.ipynb",
        "k = 1",
        "import polars\nrows = polars.read_csv('extra.csv')",
        "open('sly.txt', 'w').write('x')\nopen('more.txt', 'w').write('y')",
    )
    mlops.stage.add("honest", "honest.ipynb", dep=["data.csv"], out=["honest.txt"], project=notebooks)
    mlops.stage.add("sly", "sly.ipynb", dep=["data.csv"], out=["sly.txt"], project=notebooks)

    report = mlops.run(capture=True, jobs=1, project=notebooks)

    found = {each.stage: (each.reads, each.writes, each.unsure, each.outside) for each in report.undeclared}
    assert found == {"honest": ((), (), (), ()), "sly": (("extra.csv",), ("more.txt",), (), ())}
    line = "stage edit sly -d extra.csv -o more.txt"
    assert report.undeclared[1].line == line
    assert "honest declares all that was read and written." in text(report)
    assert f"sly reads extra.csv and writes more.txt, which it does not declare: %mlops {line}" in text(report)

    mlops.stage.edit("sly", dep=["extra.csv"], out=["more.txt"], project=notebooks)
    again = mlops.run(["sly"], capture=True, project=notebooks)
    assert [each.line for each in again.undeclared] == [""]
    assert mlops.run(capture=True, project=notebooks).undeclared == ()


def test_what_only_the_folder_told_while_two_ran_is_unsure(notebooks):
    (notebooks / "extra.csv").write_text("a\n1\n")
    read = "import polars\nrows = polars.read_csv('extra.csv')"
    write_notebook(
        notebooks / "a.ipynb",
        "k = 1",
        MEET.format(own="a.here", other="b.here"),
        read,
        MEET.format(own="a.gone", other="b.gone"),
    )
    write_notebook(
        notebooks / "b.ipynb",
        "k = 1",
        MEET.format(own="b.here", other="a.here"),
        "open('b.txt', 'w').write('b')",
        MEET.format(own="b.gone", other="a.gone"),
    )
    for name in "ab":
        outs = [f"{name}.here", f"{name}.gone"]
        mlops.stage.add(name, f"{name}.ipynb", dep=["data.csv"], out=outs, project=notebooks)

    report = mlops.run(capture=True, jobs=2, project=notebooks)

    found = {each.stage: (each.reads, each.writes, each.unsure) for each in report.undeclared}
    assert found == {"a": ((), (), ("extra.csv",)), "b": ((), ("b.txt",), ("extra.csv",))}
    assert "a, or what ran beside it, opened extra.csv. Alone it tells: %mlops run a --force --capture" in text(report)


def test_capture_is_for_this_machine(chain):
    with pytest.raises(MlopsError) as raised:
        mlops.run(capture=True, engine="dask", project=chain)
    assert raised.value.reference == "capture-here-only"


def test_stage_add_offers_to_find_what_is_not_named(root):
    _, questions = asked(root, "stage add", {"name": "fit", "notebook": "fit.ipynb"})
    assert questions == ["No inputs or outputs are named. Run it once to find them?"]
    assert our_states(root) == {"fit": "up-to-date"}

    _, questions = asked(root, "stage add", {"name": "other", "notebook": "fit.ipynb", "dep": ["data.csv"]})
    assert questions == []


def test_a_notebook_that_fails_becomes_no_stage(root):
    write_notebook(root / "bad.ipynb", "x = 1", "1 / 0")

    report = mlops.run(["bad.ipynb"], stage="bad", project=root)
    assert report.gate == "bad failed in cell 2: ZeroDivisionError: division by zero"
    with pytest.raises(MlopsError) as raised:
        mlops.stage.add("bad", "bad.ipynb", capture=True, project=root)

    assert raised.value.reference == "trial-failed"
    assert not (root / "dvc.yaml").exists()


@pytest.mark.parametrize(
    ("targets", "stage", "reference"),
    [(["fit.ipynb"], "a b", "bad-stage-name"), (["fit.ipynb"], "prepare", "stage-exists"), ([], "new", "one-notebook")],
)
@pytest.mark.usefixtures("chain")
def test_a_name_that_cannot_be_is_refused_before_anything_runs(root, targets, stage, reference):
    with pytest.raises(MlopsError) as raised:
        mlops.run(targets, stage=stage, project=root)

    assert raised.value.reference == reference
    assert not (root / "fitted").exists()


def test_an_input_that_the_notebook_changes_itself_is_said(root):
    write_notebook(root / "fit.ipynb", "x = 1", "open('data.csv', 'a').write(open('data.csv').read())")

    report = mlops.run(["fit.ipynb"], project=root)

    assert "data.csv is changed in place" in text(report)
