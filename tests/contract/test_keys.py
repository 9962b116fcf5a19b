"""The key of a notebook is right in both tools, whoever edits it and with what."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from chains import UP_TO_DATE, our_states, states, write_notebook
from hypothesis import given, settings
from hypothesis import strategies as st

import jupyter_mlops as mlops
from jupyter_mlops.pipelines.stages import keys
from jupyter_mlops.project import Project


def edit(path: Path, change) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document, indent=1))


def looked_at(document) -> None:
    """What JupyterLab changes when a person runs all cells and saves."""
    for number, cell in enumerate(document["cells"]):
        cell["execution_count"] = number + 1
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["hello"]}]
        cell["metadata"]["execution"] = {"iopub.status.busy": "2026-11-24T10:00:00Z"}
    document["cells"].insert(0, {"cell_type": "markdown", "id": "new", "metadata": {}, "source": "# why"})
    document["metadata"]["language_info"] = {"name": "python", "version": "3.12.1"}


def commented(document) -> None:
    document["cells"][1]["source"] += "  # why\n\n"


def recoded(document) -> None:
    document["cells"][1]["source"] += "\nprint(1)"


@pytest.mark.parametrize("change", [looked_at, commented])
def test_an_edit_that_decides_nothing_runs_nothing(chain, dvc, change):
    mlops.run(project=chain)
    edit(chain / "train.ipynb", change)

    assert set(our_states(chain).values()) == {"up-to-date"}
    assert set(states(mlops.run(project=chain)).values()) == {"up-to-date"}
    assert dvc("status") == UP_TO_DATE


@pytest.mark.parametrize("change", [looked_at, commented])
def test_plain_repro_runs_at_most_the_key_stage(chain, dvc, change):
    mlops.run(project=chain)
    edit(chain / "train.ipynb", change)

    assert [line for line in dvc("repro").splitlines() if "Running" in line] == ["Running stage 'notebook-key@train':"]
    assert dvc("status") == UP_TO_DATE
    assert set(our_states(chain).values()) == {"up-to-date"}


def test_both_see_what_a_colleague_without_the_extension_edits(chain, dvc):
    mlops.run(project=chain)
    edit(chain / "train.ipynb", recoded)

    assert our_states(chain) == {"prepare": "up-to-date", "train": "stale"}
    assert next(one.reason for one in Project(chain).pipeline.states() if one.name == "train") == "train.ipynb changed"
    dvc("repro", "-q")
    assert set(our_states(chain).values()) == {"up-to-date"}
    edit(chain / "train.ipynb", recoded)
    assert states(mlops.run(project=chain)) == {"prepare": "up-to-date", "train": "ran"}
    assert dvc("status") == UP_TO_DATE


def test_the_lock_of_a_key_is_as_dvc_writes_it(chain, dvc):
    mlops.run(project=chain)
    ours = (chain / "dvc.lock").read_text()

    dvc("commit", "-f", "-q")

    assert "notebook-key@train" in ours
    assert (chain / "dvc.lock").read_text() == ours


def test_keys_are_committed_with_the_run_and_no_file_is_left_dirty(chain, git):
    git("add", "data.csv")
    git("commit", "-qm", "data")
    mlops.run(project=chain)
    assert git("status", "--porcelain") == ""

    edit(chain / "train.ipynb", looked_at)
    mlops.run(project=chain)

    assert git("status", "--porcelain") == " M train.ipynb\n"


def test_a_fresh_clone_has_nothing_to_run(chain, git, tmp_path):
    mlops.commit("data.csv", project=chain)
    mlops.run(project=chain)
    mlops.init(remote=str(tmp_path / "remote"), project=chain, yes=True)
    mlops.push(project=chain)
    git("clone", "-q", str(chain), str(tmp_path / "clone"))
    clone = tmp_path / "clone"
    git("config", "user.name", "Omar", cwd=clone)
    git("config", "user.email", "omar@example.org", cwd=clone)

    mlops.pull(project=clone)

    assert set(our_states(clone).values()) == {"up-to-date"}


def test_an_edit_while_the_stage_runs_is_not_what_was_run(chain):
    mlops.run(project=chain)
    code = "import json\np='prepare.ipynb'\nd=json.load(open(p))\nd['cells'].append({**d['cells'][1], 'source': 'print(7)'})\njson.dump(d, open(p, 'w'))"
    write_notebook(chain / "prepare.ipynb", "rows = 2", "open('clean.csv', 'w').write('x')", code)

    assert states(mlops.run(["prepare"], project=chain)) == {"prepare": "ran"}
    assert our_states(chain)["prepare"] == "stale"
    assert states(mlops.run(["prepare"], dry_run=True, project=chain)) == {"prepare": "ran"}


def test_a_script_of_another_version_is_run_not_trusted(chain, dvc):
    script = chain / ".keys" / "notebook_key.py"
    script.write_text(script.read_text().replace("notebook-key 1", "notebook-key 2"))

    report = mlops.run(project=chain)

    assert states(report)["notebook-key@train"] == "ran"
    assert (chain / ".keys" / "train.key").read_text().startswith("notebook-key 2\n")
    assert dvc("status") == UP_TO_DATE
    assert set(our_states(chain).values()) == {"up-to-date"}
    mlops.stage.add(
        "train",
        "train.ipynb",
        dep=["clean.csv"],
        out=["model.txt"],
        metrics=["metrics.json"],
        force=True,
        project=chain,
    )
    assert script.read_bytes() == keys.script()


def test_nobody_sees_the_key_stages(chain):
    mlops.run(project=chain)

    assert [stage.name for stage in mlops.stage.list(project=chain).stages] == ["prepare", "train"]
    assert [stage.name for stage in mlops.status(project=chain).stages] == ["prepare", "train"]
    assert mlops.stage.list(project=chain).stages[0].deps == ("prepare.ipynb", "data.csv")
    assert not any(".keys" in one.path for one in mlops.status(project=chain).datasets)
    assert not any(".keys" in str(one) for one in mlops.lineage(project=chain).nodes)


def test_the_key_goes_with_the_last_stage_that_needs_it(chain, git):
    mlops.stage.add("again", "train.ipynb", dep=["clean.csv"], project=chain)
    mlops.run(["prepare"], project=chain)

    mlops.stage.remove("train", project=chain)
    assert "- train" in (chain / "dvc.yaml").read_text()
    mlops.stage.remove("again", project=chain)
    assert "- train" not in (chain / "dvc.yaml").read_text()
    mlops.stage.remove("prepare", project=chain)

    assert not (chain / ".keys" / "prepare.key").exists()
    assert not (chain / ".keys" / "notebook_key.py").exists()
    assert "notebook-key" not in (chain / "dvc.yaml").read_text() + (chain / "dvc.lock").read_text()
    assert ".keys" not in git("status", "--porcelain") + git("ls-files")


def test_a_project_whose_stages_depend_on_the_notebook_itself_goes_on_as_before(notebooks, dvc):
    (notebooks / "dvc.yaml").write_text(
        "stages:\n  prepare:\n    cmd: papermill prepare.ipynb executed/prepare.ipynb\n"
        "    deps:\n    - data.csv\n    - prepare.ipynb\n    outs:\n    - clean.csv\n    - executed/prepare.ipynb\n"
    )
    mlops.run(project=notebooks)
    assert dvc("status") == UP_TO_DATE
    edit(notebooks / "prepare.ipynb", looked_at)

    assert our_states(notebooks) == {"prepare": "stale"}
    assert "prepare.ipynb" in dvc("status")
    assert not (notebooks / ".keys").exists()


def test_notebooks_in_folders_with_names_of_all_kinds(notebooks, dvc):
    for number, path in enumerate(
        ("a b/c d.ipynb", "Ä/ü.ipynb", "2024.ipynb", "true.ipynb", "a'b.ipynb", "x$y.ipynb", "{z}.ipynb")
    ):
        write_notebook(notebooks / path, "x = 1")
        mlops.stage.add(f"s{number}", path, project=notebooks)

    assert set(states(mlops.run(project=notebooks)).values()) == {"ran"}
    assert dvc("status") == UP_TO_DATE
    assert len([*(notebooks / ".keys").rglob("*.key")]) == 5


SOURCE = st.lists(
    st.sampled_from(["x = 1", "# why", "", "  ", "s = '''", "# in'''", "f'{x!r:>{3}}'  # c", "%time x # y", "!ls \"it's", "if x:", "  y = [", "  1, ]", "\\", "cd a#b", "'", "\0", "\ud800", "print ( x )", "x?"]),
    max_size=6,
).map("\n".join)  # fmt: skip
CELL = st.fixed_dictionaries(
    {
        "cell_type": st.sampled_from(["code", "code", "markdown", "raw"]),
        "source": SOURCE | SOURCE.map(lambda text: text.splitlines(keepends=True)),
    },
    optional={
        "metadata": st.fixed_dictionaries(
            {}, optional={"tags": st.lists(st.sampled_from(["parameters", "x", "skip-execution"]))}
        ),
        "outputs": st.just([]),
        "id": st.text(max_size=3),
    },
)
NOTEBOOK = st.fixed_dictionaries(
    {"cells": st.lists(CELL, max_size=5), "nbformat": st.just(4)},
    optional={
        "metadata": st.fixed_dictionaries(
            {},
            optional={
                "kernelspec": st.fixed_dictionaries(
                    {}, optional={"name": st.text(max_size=5), "language": st.sampled_from(["python", "Python", "R"])}
                ),
                "language_info": st.just({"name": "julia"}),
            },
        )
    },
)


@given(st.lists(NOTEBOOK, min_size=20, max_size=20))
@settings(max_examples=5, deadline=None)
def test_the_script_writes_what_we_compute(tmp_path_factory, documents):
    folder = tmp_path_factory.mktemp("script")
    (folder / "notebook_key.py").write_bytes(keys.script())
    for number, document in enumerate(documents):
        (folder / f"{number}.ipynb").write_text(json.dumps(document))
    lines = "import notebook_key\nfor n in range(20): notebook_key.main(f'{n}.ipynb', f'k/{n}.key')"

    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, '.')\n{lines}"], cwd=folder, check=False
    )

    assert done.returncode == 0
    for number in range(20):
        assert (folder / "k" / f"{number}.key").read_bytes() == keys.key((folder / f"{number}.ipynb").read_bytes())


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"cells": 3}', "nothing", '{"cells": [{"source": 1}]}'])
def test_no_key_is_made_of_what_is_no_notebook(tmp_path, content):
    (tmp_path / "n.ipynb").write_text(content)
    (tmp_path / "s.py").write_bytes(keys.script())

    done = subprocess.run(
        [sys.executable, "s.py", "n.ipynb", "n.key"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "n.ipynb has no key" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "n.key").exists()
    with pytest.raises(ValueError, match=r".*"):
        keys.key(content.encode())
