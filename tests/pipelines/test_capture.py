"""What a notebook reads and writes is heard, whatever library it uses."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from chains import write_notebook

from jupyter_mlops.pipelines.capturing.capture import Captured
from jupyter_mlops.pipelines.executing.executor import Executor, Outcome


def execute(root: Path, *cells: str, folder: str = ".") -> Outcome:
    """Run a notebook of `cells` in a worker, under capture."""
    write_notebook(root / folder / "n.ipynb", *cells)
    task = {
        "kind": "notebook",
        "source": f"{folder}/n.ipynb" if folder != "." else "n.ipynb",
        "target": "executed/n.ipynb",
        "snapshot": str(root / folder / "n.ipynb"),
        "output": str(root / "executed" / "n.ipynb"),
        "parameters": {},
        "kernel": "python3",
        "language": "python",
        "folder": str(root / folder),
        "next": None,
        "capture": True,
        "environments": str(root / ".git" / "environments"),
        "secrets": [],
        "outs": [],
    }
    (root / "executed").mkdir(exist_ok=True)
    with closing(Executor(root, "run-x", root / ".git" / "log.txt")) as executor:
        return executor.execute(task, lambda _done, _total: None, None)


def captured(root: Path, *cells: str, folder: str = ".") -> Captured:
    outcome = execute(root, *cells, folder=folder)
    assert outcome.error == ""
    assert outcome.captured is not None
    return Captured.of(outcome.captured)


@pytest.fixture
def root(repository: Path) -> Path:
    (repository / "in.csv").write_text("a,b\n1,2\n")
    (repository / "helpers.py").write_text("import json\ndef read(path):\n    return open(path).read()\n")
    return repository


def test_plain_python(root):
    found = captured(
        root,
        "x = 1",
        "import pathlib, helpers, shutil, os\ntext = helpers.read('in.csv')",
        "pathlib.Path('out').mkdir(exist_ok=True)\npathlib.Path('out/a.txt').write_text(text)",
        "open('b.tmp', 'w').write('x')\nos.replace('b.tmp', 'b.txt')",
        "open('b.txt').read()\nshutil.copy('in.csv', 'copy.csv')",
    )

    assert found == Captured(
        reads=("in.csv",),
        writes=("b.txt", "copy.csv", "out/a.txt"),
        modules=("helpers.py",),
        folders=("out",),
        is_whole=sys.platform == "linux",
    )


def test_native_readers_and_child_processes(root):
    import polars as pl

    for name in ("p", "q", "w"):
        pl.DataFrame({"a": [1, 2]}).write_parquet(root / f"{name}.parquet")

    found = captured(
        root,
        "import polars as pl, pyarrow.parquet as pq",
        "pl.read_parquet('p.parquet').write_parquet('made.parquet')\nkept = pl.scan_parquet('q.parquet').collect()",
        "table = pq.read_table('w.parquet', memory_map=True)\npq.write_table(table, 'arrow.parquet')",
        "pl.read_parquet('made.parquet')",
        "!cat in.csv > child.csv",
    )

    assert found.reads == ("in.csv", "p.parquet", "q.parquet", "w.parquet")
    assert found.writes == ("arrow.parquet", "child.csv", "made.parquet")
    assert set(found.native) >= {"in.csv", "p.parquet", "child.csv"}


def test_what_dvc_and_a_sidebar_open_meanwhile_is_no_input(root):
    (root / "in.csv.dvc").write_text("outs:\n")
    (root / "dvc.yaml").write_text("stages: {}\n")
    write_notebook(root / "other.ipynb", "x = 1")
    files = ["in.csv", "in.csv.dvc", "dvc.yaml", "other.ipynb"]
    found = captured(root, f"import subprocess\nsubprocess.run({['cat', *files]})")
    assert found.reads == ("in.csv",)


def test_what_only_the_folder_told_of_can_be_taken_away(root):
    found = captured(root, "x = 1", "open('in.csv').read()\n!cat README.md > /dev/null")

    assert found.reads == ("README.md", "in.csv")
    assert found.without({"README.md", "in.csv"}).reads == ("in.csv",)


def test_a_file_that_is_changed_in_place_is_read_and_written(root):
    found = captured(root, "x = 1", "with open('in.csv', 'r+') as f:\n    f.read()\n    f.write('3,4')")

    assert (found.reads, found.writes) == (("in.csv",), ("in.csv",))


def test_what_is_written_first_is_no_input(root):
    found = captured(root, "x = 1", "open('in.csv', 'w').write('new')\nopen('in.csv').read()\n!cat in.csv")

    assert (found.reads, found.writes) == ((), ("in.csv",))


def test_files_that_come_and_go_and_noise_do_not_show(root):
    found = captured(
        root,
        "x = 1",
        "import os, tempfile, sqlite3\nopen('gone.txt', 'w').write('x')\nos.remove('gone.txt')",
        "try:\n    open('never.csv')\nexcept FileNotFoundError:\n    pass",
        "tempfile.NamedTemporaryFile().write(b'x')\n!git log > /dev/null",
    )

    assert (found.reads, found.writes, found.outside) == ((), (), ())


def test_files_outside_the_project_are_named(root, tmp_path_factory, monkeypatch):
    monkeypatch.setenv("TMPDIR", "/var/tmp")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "big.csv"
    elsewhere.write_text("a\n")

    assert captured(root, "x = 1", f"open({str(elsewhere)!r}).read()").outside == (str(elsewhere),)


def test_a_notebook_in_a_folder_names_paths_below_the_root(root):
    found = captured(
        root,
        "x = 1",
        "import os\nopen('../in.csv')\nopen('here.txt', 'w')\nos.chdir('..')\nopen('top.txt', 'w')",
        folder="nb",
    )

    assert (found.reads, found.writes) == (("in.csv",), ("nb/here.txt", "top.txt"))


def test_a_folder_that_is_read_as_a_whole(root):
    (root / "parts").mkdir()
    for name in "ab":
        (root / "parts" / f"{name}.csv").write_text(name)

    found = captured(root, "x = 1", "import glob\n[open(path).read() for path in glob.glob('parts/*.csv')]")

    assert found.reads == ("parts/a.csv", "parts/b.csv")
    assert found.listed == ("parts",)


def test_a_folder_that_is_made_natively_is_heard_to_its_last_file(root):
    found = captured(root, "x = 1", "!mkdir -p deep/er && for i in 1 2 3 4 5; do echo $i > deep/er/$i.txt; done")

    assert found.writes == tuple(f"deep/er/{number}.txt" for number in range(1, 6))


def test_the_notebook_notices_nothing(root):
    outcome = execute(root, "x = 1", "print(sorted(name for name in dir() if not name.startswith('_')))\nprint(In)")
    cells = json.loads((root / "executed" / "n.ipynb").read_text())["cells"]

    assert outcome.error == ""
    assert cells[1]["execution_count"] == 2
    printed = "".join(cells[1]["outputs"][0]["text"])
    assert "mlops" not in printed
    assert "'x'" in printed


def test_a_failure_says_so_under_capture_too(root):
    outcome = execute(root, "x = 1", "1 / 0")

    assert (outcome.error, outcome.cell, outcome.captured) == ("ZeroDivisionError: division by zero", 2, None)


def test_nothing_is_heard_when_nobody_asks():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import jupyter_mlops.pipelines.executing.worker, sys; print('jupyter_mlops.pipelines.capturing.capture' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "False\n"
