"""The daily verbs in a notebook: commit, look, complete what was made."""

from __future__ import annotations

import pytest


@pytest.fixture
def committed(kernel, inside):
    (inside / "people.csv").write_text("name,wage\nSara,1\n<b>Omar</b>,2\n")
    return kernel.run('done = %mlops commit people.csv -m "first <year>"\ndone')


def html(outputs):
    return "".join(content["data"]["text/html"] for kind, content in outputs if kind == "display_data")


def test_a_commit_shows_the_version(committed, kernel):
    assert "first &lt;year&gt;" in html(committed)
    assert "v1" in html(kernel.run("%mlops log people.csv"))


@pytest.mark.usefixtures("committed")
def test_the_result_is_an_object(kernel):
    outputs = kernel.run("print(done.versions[0].dataset)")
    assert outputs[0][1]["text"].strip() == "people.csv"


@pytest.mark.usefixtures("committed")
def test_python_results_have_the_same_face(kernel):
    kind, content = kernel.run("import jupyter_mlops as mlops\nmlops.status()")[-1]
    assert kind in ("execute_result", "display_data")
    assert "All up to date" in content["data"]["text/html"]


@pytest.mark.usefixtures("committed")
def test_versions_complete(kernel):
    assert "people.csv@v1" in kernel.complete("%mlops checkout peo")


def test_what_changed_leads_to_what_to_type(committed, kernel, inside):
    assert committed
    (inside / "people.csv").write_text("name,wage\nSara,5\n")
    assert "%mlops commit people.csv" in html(kernel.run("%mlops status"))
    assert "people.csv" in html(kernel.run("%mlops diff people.csv"))
