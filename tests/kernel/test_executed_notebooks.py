"""Notebooks run by plain papermill without a server, and read on a code host."""

from __future__ import annotations

import subprocess
import sys

import nbformat
import pytest


def notebook(folder, *cells):
    path = folder / "work.ipynb"
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(made, path)
    return path


def papermill(path):
    command = [sys.executable, "-m", "papermill", str(path), str(path.with_name("done.ipynb")), "--no-progress-bar"]
    return subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=False)


@pytest.fixture
def executed(repository):
    path = notebook(repository, "%load_ext jupyter_mlops", "found = %mlops doctor", "found", "print(len(found.checks))")
    done = papermill(path)
    assert done.returncode == 0, done.stderr
    return path.with_name("done.ipynb")


def test_results_are_kept_without_widgets_or_progress(executed):
    done = nbformat.read(executed, as_version=4)
    assert done.cells[1].outputs == []
    (shown,) = done.cells[2].outputs
    assert (shown.output_type, set(shown.data)) == ("display_data", {"text/html", "text/plain"})
    assert "widgets" not in done.metadata


def test_a_code_host_shows_the_result(executed):
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter().from_filename(str(executed))
    assert "<caption>Checks</caption>" in body
    assert "git is installed" in body


def test_an_error_stops_papermill_with_its_lines(repository):
    done = papermill(
        notebook(repository, "%load_ext jupyter_mlops", "%mlops view status -o notes.txt", "print('after')")
    )
    assert done.returncode != 0
    assert "[not-html]" in done.stderr
    assert "--output notes.html" in done.stderr
    assert "invoking.py" not in done.stderr
