"""The widget of `diff`: page through changed rows, filter them; without a front end the first page is HTML."""

from __future__ import annotations

import shutil

import pytest

VIEW = "application/vnd.jupyter.widget-view+json"
FIND = """
from ipywidgets.widgets import widget
def called(name):
    return [one for one in widget._instances.values() if getattr(one, "description", "") == name][-1]
def said():
    return [str(one.value) for one in widget._instances.values() if type(one).__name__ == "HTML"]
"""


@pytest.fixture
def shown(kernel, inside) -> dict[str, str]:
    """The output of a diff of 50 changed rows, as a live notebook has it."""
    for times in (1, 2):
        rows = [f"{i},{i * times},{'x' if times == 1 or i % 2 else '<b>'}" for i in range(1, 51)]
        (inside / "people.csv").write_text("\n".join(["id,wage,mark", *rows]) + "\n")
        kernel.run("%mlops commit people.csv")
    kernel.run(FIND)
    outputs = kernel.run("%mlops diff people.csv@v1 people.csv@v2 --key id", live=True)
    return next(content["data"] for kind, content in outputs if kind == "display_data")


def printed(kernel, expression: str) -> str:
    (kind, content), *_ = kernel.run(f"print({expression})")
    assert kind == "stream", content
    return content["text"].strip()


def test_the_widget_turns_pages_and_filters(shown, kernel):
    where = "[text for text in said() if ' of ' in text][-1]"
    assert VIEW in shown
    assert "&lt;b&gt;" in shown["text/html"]
    assert printed(kernel, where) == "1 to 20 of 50"
    kernel.run("called('Next').click(); called('Next').click()")
    assert printed(kernel, where) == "41 to 50 of 50"
    assert printed(kernel, "called('Next').disabled, called('Previous').disabled") == "True False"
    kernel.run("called('Previous').click()")
    assert printed(kernel, where) == "21 to 40 of 50"
    kernel.run("called('Changes in').value = 'mark'")
    assert printed(kernel, where) == "1 to 20 of 25"
    kernel.run("called('Show').value = 'added'")
    assert printed(kernel, where) == "none of 0"


@pytest.mark.usefixtures("shown")
def test_a_page_that_cannot_be_read_is_a_card(kernel, inside):
    shutil.rmtree(inside / ".git")
    kernel.run("called('Next').click()")
    assert "mlops card" in printed(kernel, "said()")
