"""Every verb has every face, a help text, a docs entry, a permission and a schema."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import jupyter_mlops as mlops
from jupyter_mlops.cli.parser import help_text, parse
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.server.openapi import document
from jupyter_mlops.verbs import find, verbs
from jupyter_mlops.verbs.declaration import Verb

ROOT = Path(__file__).parents[2]
ALL = tuple(verbs().values())
EVERYWHERE = {"--json", "--project", "--debug"}
every_verb = pytest.mark.parametrize("verb", ALL, ids=lambda verb: verb.name)


@every_verb
def test_has_words_for_itself_and_each_argument(verb: Verb):
    assert verb.summary.endswith(".")
    assert not [argument.name for argument in verb.arguments() if not argument.text]


@every_verb
def test_has_a_permission_and_reading_needs_no_more_than_reading(verb: Verb):
    assert verb.action in Action
    assert not verb.reads or verb.action is Action.READ


@every_verb
def test_has_a_command_line_with_help(verb: Verb):
    text = help_text(verb.name.split())
    assert verb.summary.split("``")[0].split(".")[0][:60] in " ".join(text.split())
    assert not [argument.flag for argument in verb.arguments() if argument.flag not in text]


@every_verb
def test_no_flag_collides_with_those_of_every_verb(verb: Verb):
    flags = [argument.flag for argument in verb.arguments()]
    shorts = [argument.option.short for argument in verb.arguments() if argument.option.short]
    assert not EVERYWHERE & set(flags)
    assert len(set(shorts)) == len(shorts)


@every_verb
def test_is_a_python_function(verb: Verb):
    function = mlops
    for word in verb.python_name.split("."):
        function = getattr(function, word)
    assert callable(function)
    assert function.__doc__.startswith(verb.summary)


@every_verb
def test_is_described_in_openapi_by_the_right_method(verb: Verb):
    operations = document()["paths"]["/mlops/v1/" + verb.name.replace(" ", "/")]
    assert set(operations) & {"get", "post"} == ({"get"} if verb.reads else {"post"})


@every_verb
def test_has_schemas_of_request_and_result(verb: Verb):
    for described in (verb.request, verb.result):
        assert json.dumps(msgspec.json.schema(described))


@every_verb
def test_has_an_entry_in_the_docs(verb: Verb):
    assert f"### `{verb.name}`" in (ROOT / "docs" / "verbs.md").read_text()


@every_verb
def test_has_a_type_in_the_generated_typescript(verb: Verb):
    types = (ROOT / "labextension" / "src" / "api" / "schema.ts").read_text()
    assert f'"/mlops/v1/{verb.name.replace(" ", "/")}"' in types


def test_the_dozen_daily_verbs_lead_the_help():
    dozen = {"init", "status", "commit", "log", "diff", "checkout", "run", "runs", "drift", "deploy", "push", "pull"}
    assert {verb.name for verb in ALL if verb.daily} == dozen
    assert help_text().index("Daily") < help_text().index("Pipelines")


def test_what_changes_or_deletes_tracked_things_can_be_tried_dry():
    without = {verb.name for verb in ALL if not verb.reads and "--dry-run" not in help_text(verb.name.split())}
    # without --scrub, verify only looks
    assert without <= {"demo", "predict", "view", "ci", "tag", "push", "pull", "verify"}


def test_an_unknown_verb_names_the_nearest():
    with pytest.raises(mlops.errors.UnknownReference, match="comit") as caught:
        find("comit")
    assert "commit" in caught.value.hint


def test_declaring_loads_nothing_heavy():
    heavy = {
        "dvc",
        "papermill",
        "plotly",
        "polars",
        "pandas",
        "pyarrow",
        "sklearn",
        "scipy",
        "numpy",
        "cyclopts",
        "onnxruntime",
        "optuna",
    }
    code = f"import sys, jupyter_mlops.verbs as v; v.verbs(); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_generated_files_are_up_to_date():
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_parse_knows_every_verb():
    for verb in ALL:
        assert parse([*verb.name.split(), "--help"]).help
