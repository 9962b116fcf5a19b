"""``view``: a result as one self-contained HTML file."""

from __future__ import annotations

import re

import pytest

import jupyter_mlops as mlops
from jupyter_mlops.errors import UsageError


def test_a_view_is_one_file_that_loads_nothing(project):
    done = mlops.view("status", project=project.root)
    page = (project.root / done.file).read_text()
    assert done.bytes == len(page.encode())
    assert done.title in page
    assert "default-src 'none'" in page
    assert not re.search(r"<script|<link|src=|url\(", page)


def test_the_file_can_be_chosen(project):
    assert mlops.view("models", output="review.html", project=project.root).file == "review.html"
    assert (project.root / "review.html").exists()


def test_a_difference_of_what_is_answered_in_words_of_the_view(project):
    with pytest.raises(UsageError) as caught:
        mlops.view("diff", project=project.root)
    assert (caught.value.reference, caught.value.hint) == ("which-dataset", "view diff NAME")


@pytest.mark.parametrize(
    ("arguments", "reference"),
    [
        (("status", "", "", "train.ipynb"), "not-html"),
        (("status", "", "", "../out.html"), "outside-project"),
        (("show",), "reference-needed"),
        (("models", "a", "b"), "reference-unused"),
    ],
)
def test_what_cannot_be_viewed_is_explained(project, arguments, reference):
    names = ("what", "reference", "second", "output")
    with pytest.raises(UsageError) as caught:
        mlops.view(**dict(zip(names, arguments, strict=False)), project=project.root)
    assert caught.value.reference == reference
