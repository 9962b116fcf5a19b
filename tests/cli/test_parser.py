"""What a typed line means."""

from __future__ import annotations

import shlex

import pytest

from jupyter_mlops.cli.parser import parse
from jupyter_mlops.errors import UsageError


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("commit", {}),
        ("commit a b -m 'two words'", {"paths": ("a", "b"), "message": "two words"}),
        ("commit data --pii name,email --pii tax", {"paths": ("data",), "pii": ("name", "email", "tax")}),
        ("commit --no-git", {"git": False}),
        (
            "run train -p C=0.1 -p name=x -p deep=[1,2]",
            {"targets": ("train",), "parameters": {"C": 0.1, "name": "x", "deep": [1, 2]}},
        ),
        ("stage add train n.ipynb -d x -d y", {"name": "train", "notebook": "n.ipynb", "dep": ("x", "y")}),
        ("log data@{2026-11-22} -n 5", {"name": "data@{2026-11-22}", "limit": 5}),
        ("diff -- -odd", {"before": "-odd"}),
        ("diff --key id data", {"key": ("id",), "before": "data"}),
        ("runs --compare 18 19 --stage train", {"compare": ("18", "19"), "stage": "train"}),
        ("runs --compare 18,19", {"compare": ("18", "19")}),
    ],
)
def test_a_line_gives_the_arguments(line, arguments):
    assert parse(shlex.split(line)).arguments == arguments


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("comit", "commit"),
        ("commit --foo", "--foo"),
        ("run -p C", "C"),
        ("log -n many", "many"),
        ("stage bad", "add"),
        ("checkout", "REFERENCE is missing: checkout REFERENCE"),
        ("stage add", "NAME is missing: stage add NAME NOTEBOOK"),
        ("stage add train", "NOTEBOOK is missing: stage add NAME NOTEBOOK"),
        ("register m.onnx", "--name is missing: register SOURCE --name NAME"),
        ("commit -m", "-m requires an argument"),
        ("rollback jobs v1", "`rollback` takes no more words: v1"),
    ],
)
def test_a_wrong_line_is_a_usage_error_that_names_the_word(line, word):
    with pytest.raises(UsageError) as caught:
        parse(shlex.split(line))
    assert word.lower() in str(caught.value).lower()
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "line", ["", "help", "--help", "help commit", "commit --help", "commit -h", "stage", "stage --help"]
)
def test_help_is_given_wherever_it_is_asked_for(line):
    parsed = parse(shlex.split(line))
    assert parsed.verb is None
    assert "Usage: jupyter mlops" in parsed.help


def test_options_of_every_verb_stand_anywhere():
    options = parse(["log", "--json", "data", "--project", "/x"]).options
    assert (options.json, options.project, options.debug) == (True, "/x", False)
