"""A run of all cells in JupyterLab counts as the run of a stage when, and only when, all of it is verified."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from chains import UP_TO_DATE, our_states, states, write_notebook

import jupyter_mlops as mlops
from jupyter_mlops.errors import UsageError
from jupyter_mlops.project import Project
from jupyter_mlops.records import VersionRecord


def run_all(path: Path, *, extra: str = "", timed: bool = True) -> None:
    """Restart a kernel, run all cells and save, as JupyterLab does."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, 4)
    place = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, record_timing=timed, ipython_hist_file="", resources=place)
    with client.setup_kernel():
        for number, cell in enumerate(notebook.cells):
            client.execute_cell(cell, number)
        if extra:
            client.wait_for_reply(client.kc.execute(extra))
        notebook.metadata["language_info"] = client.wait_for_reply(client.kc.kernel_info())["content"]["language_info"]
    nbformat.write(notebook, path)


def edit(path: Path, change) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.fixture
def lab(chain):
    """`prepare` ran; `train` was run in JupyterLab with the parameters of its stage."""
    mlops.run(["prepare"], project=chain)
    write_notebook(
        chain / "train.ipynb",
        "C = 1.0\nname = 'two words'\nflag = False",
        "import json\n\n# a comment\nopen('model.txt', 'w').write(open('clean.csv').read() + repr((C, name, flag)))",
        "",
        "json.dump({'auc': 0.5 + C / 10}, open('metrics.json', 'w'))",
    )
    return chain


@pytest.mark.parametrize("timed", [True, False])
def test_a_clean_run_is_adopted(lab, dvc, git, timed):
    run_all(lab / "train.ipynb", timed=timed)
    assert our_states(lab)["train"] == "never-run"

    report = mlops.stage.adopt("train", project=lab)

    assert (states(report), report.metrics) == ({"train": "ran"}, {"auc": 0.6})
    assert our_states(lab) == {"prepare": "up-to-date", "train": "up-to-date"}
    assert dvc("status") == UP_TO_DATE
    assert "Running" not in dvc("repro")
    assert (lab / "executed" / "train.ipynb").read_bytes() == (lab / "train.ipynb").read_bytes()
    assert {"dvc.lock", ".keys/train.key", "metrics.json"} <= set(git("show", "--name-only", "--format=").split())


def test_its_record_is_that_of_a_run(lab):
    run_all(lab / "train.ipynb")

    record = Project(lab).runs.find(mlops.stage.adopt("train", project=lab).run).record

    assert isinstance(record, VersionRecord)
    assert record.parameters == {"train.C": 1.0, "train.name": "two words", "train.flag": False}
    assert (set(record.inputs), record.stages[0].reason) == ({"clean.csv"}, "adopted from JupyterLab")
    assert record.stages[0].code
    assert 0 < record.seconds < 60
    (lab / "model.txt").unlink()
    assert states(mlops.run(project=lab))["train"] == "restored"


def test_a_dry_run_records_nothing(lab):
    run_all(lab / "train.ipynb")

    assert states(mlops.stage.adopt("train", dry_run=True, project=lab)) == {"train": "ran"}

    assert our_states(lab)["train"] == "never-run"
    assert len(mlops.runs(project=lab).runs) == 1


def changed_cell(document):
    document["cells"][1]["source"] += "\nprint(1)"


def out_of_order(document):
    document["cells"][1]["execution_count"], document["cells"][3]["execution_count"] = 3, 2


def with_a_gap(document):
    document["cells"][3]["execution_count"] = 7


def never_run(document):
    document["cells"][3]["execution_count"] = None


def failed(document):
    document["cells"][1]["outputs"] = [{"output_type": "error", "ename": "E", "evalue": "", "traceback": []}]


def other_kernel(document):
    document["metadata"]["kernelspec"]["language"] = "R"


def other_version(document):
    document["metadata"]["language_info"]["version"] = "3.2.1"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (changed_cell, "no kernel executed exactly these cells"),
        (out_of_order, "execution counts 1, 3, 2"),
        (with_a_gap, "execution counts 1, 2, 7"),
        (never_run, "execution counts 1, 2, none"),
        (failed, "cell 2 failed"),
        (other_kernel, "only IPython kernels"),
        (other_version, "it ran with Python 3.2.1"),
    ],
)
def test_a_notebook_that_is_not_as_it_ran_is_refused(lab, change, said):
    run_all(lab / "train.ipynb")
    edit(lab / "train.ipynb", change)

    refused(lab, said)


def refused(lab, said):
    before = (lab / "dvc.lock").read_text()

    with pytest.raises(UsageError) as raised:
        mlops.stage.adopt("train", project=lab)

    assert raised.value.reference == "not-adopted"
    assert said in raised.value.message
    assert (lab / "dvc.lock").read_text() == before
    assert not (lab / "executed" / "train.ipynb").exists()


def test_other_parameters_are_refused(lab):
    run_all(lab / "train.ipynb")
    text = (lab / "params.yaml").read_text()
    (lab / "params.yaml").write_text(text.replace("C: 1.0", "C: 2.0"))

    refused(lab, "its parameter C is 1.0 in the notebook and 2.0 in the stage")


def test_more_than_its_cells_is_refused(lab):
    run_all(lab / "train.ipynb", extra="C = 9")

    refused(lab, "no kernel executed exactly these cells")


def test_an_input_that_changed_is_refused(lab):
    run_all(lab / "train.ipynb")
    time.sleep(0.1)
    place = lab / "clean.csv"
    place.chmod(0o644)
    place.write_text("new")

    refused(lab, "its input clean.csv changed after the first cell ran")


def test_an_input_that_was_moved_here_with_its_old_time_is_refused(lab, tmp_path):
    older = tmp_path / "older.csv"
    older.write_text("older")
    os.utime(older, (1, 1))
    run_all(lab / "train.ipynb")
    time.sleep(0.1)
    older.replace(lab / "clean.csv")

    refused(lab, "its input clean.csv changed")


def test_an_output_that_is_older_or_missing_is_refused(lab):
    run_all(lab / "train.ipynb")
    os.utime(lab / "model.txt", (1, 1))
    refused(lab, "its output model.txt is older than the first cell that ran")
    (lab / "model.txt").unlink()
    refused(lab, "its output model.txt is not there")


def test_an_environment_that_was_declared_anew_is_refused(lab):
    (lab / "uv.lock").write_text("old")
    os.utime(lab / "uv.lock", (1, 1))
    run_all(lab / "train.ipynb")
    time.sleep(0.1)
    (lab / "uv.lock").write_text("new")

    refused(lab, "uv.lock changed after the first cell ran")


def test_a_stage_of_a_shell_command_is_refused(project):
    (project.root / "dvc.yaml").write_text("stages:\n  train:\n    cmd: 'true'\n")
    (project.root / "dvc.lock").write_text("schema: '2.0'\n")

    refused(project.root, "its command is not papermill")
