"""``%mlops`` in a real kernel: what the cell shows, returns and stops."""

from __future__ import annotations

import pytest


def kinds(outputs):
    return [kind for kind, _ in outputs]


def text(outputs):
    return "".join(content.get("text") or content.get("data", {}).get("text/plain", "") for _, content in outputs)


def test_the_bare_magic_shows_the_help_of_this_face(kernel):
    shown = text(kernel.run("%mlops"))
    assert "Usage: %mlops" in shown
    assert "commit" in shown


def test_help_of_one_verb(kernel):
    assert "--message" in text(kernel.run("%mlops help commit"))


def test_a_result_is_shown_once_with_html_and_text(kernel):
    outputs = kernel.run("%mlops doctor")
    assert kinds(outputs) == ["display_data"]
    assert {"text/html", "text/plain"} <= set(outputs[0][1]["data"])


def test_a_result_is_assigned_and_shown_once(kernel):
    assert kinds(kernel.run("found = %mlops doctor\nfound")) == ["display_data"]
    assert text(kernel.run("print(type(found).__name__)")).strip() == "Diagnosis"
    assert kinds(kernel.run("found")) == ["display_data"]


def test_what_goes_into_a_variable_is_not_shown(kernel):
    assert kernel.run("found = %mlops doctor") == []
    assert kernel.run("found = %mlops doctor --json") == []
    assert kernel.run("if True:\n    found = %mlops doctor") == []
    assert kinds(kernel.run("if True:\n    %mlops doctor")) == ["display_data"]
    assert kinds(kernel.run("found")) == ["display_data"]


def test_every_line_of_a_cell_is_shown(kernel):
    assert kinds(kernel.run("%mlops doctor\n%mlops doctor")) == ["display_data", "display_data"]


def test_a_semicolon_silences(kernel):
    assert kernel.run("quiet = %mlops doctor;") == []
    assert text(kernel.run("print(len(quiet.checks) > 0)")).strip() == "True"


def test_json_is_one_document(kernel):
    import json

    assert "checks" in json.loads(text(kernel.run("%mlops doctor --json")))


def test_an_error_is_a_card_and_stops_the_cell(kernel):
    card, error = kernel.run("%mlops view nonsense\nprint('after')")
    assert 'role="alert"' in card[1]["data"]["text/html"]
    assert error[0] == "error"
    assert len(error[1]["traceback"]) <= 3
    assert "Traceback" not in "".join(error[1]["traceback"])


def test_a_front_end_shows_one_line_below_the_card(kernel):
    assert len(kernel.run("%mlops nonsense", live=True)[-1][1]["traceback"]) == 1


def test_debug_shows_the_traceback(kernel):
    assert "Traceback" in "".join(kernel.run("%mlops nonsense --debug")[-1][1]["traceback"])


def test_the_cell_form_is_refused_kindly(kernel):
    card, error = kernel.run("%%mlops status\nmore")
    assert "%mlops status" in card[1]["data"]["text/plain"]
    assert error[1]["ename"] == "UsageError"


@pytest.mark.usefixtures("inside")
def test_braces_and_dollars_reach_the_verb_as_typed(kernel):
    kernel.run("x = 1")
    assert "a{x}$x is no HTML file" in text(kernel.run("%mlops view status -o 'a{x}$x'"))


def test_an_unknown_variable_is_named(kernel):
    assert "no variable nowhere" in text(kernel.run("%mlops run -p rate=$nowhere"))


def test_unloading_takes_the_magic_away(kernel):
    try:
        outputs = kernel.run("%unload_ext jupyter_mlops\n%mlops doctor")
        assert "not found" in str(outputs)
    finally:
        kernel.run("%load_ext jupyter_mlops")


def test_outside_a_project_the_answer_is_kind(kernel, tmp_path):
    kernel.run(f"import os; os.chdir({str(tmp_path)!r})")
    assert "not-a-git-repository" in text(kernel.run("%mlops status"))
