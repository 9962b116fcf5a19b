"""Completion of ``%mlops`` lines, asked the way Lab asks."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_mlops.verbs.completion import candidates


def texts(line, **known):
    return [each.text for each in candidates(line, len(line), lambda names: known.get(str(names), ()))[1]]


def test_a_kernel_completes_verbs_and_flags(kernel):
    assert {"status", "stage"} <= set(kernel.complete("%mlops st"))
    assert "--message" in kernel.complete("x = %mlops commit --m")


def test_daily_verbs_lead():
    assert texts("")[:3] == ["init", "status", "commit"]


def test_verbs_of_a_family():
    assert texts("stage ") == ["add", "list", "edit", "adopt", "remove"]


def test_names_of_the_kind_that_is_wanted():
    known = {"reference": ["data@v1", "data@v2"], "stage": ["train"], "deployment": ["credit"]}
    assert texts("checkout data@", **known) == ["data@v1", "data@v2"]
    assert "train" in texts("run ", **known)
    assert texts("rollback cr", **known) == ["credit"]
    assert texts("drift data --against ", **known) == ["data@v1", "data@v2"]


def test_a_flag_given_once_is_not_offered_again():
    assert "--dry-run" not in texts("commit --dry-run --")
    assert "--no-git" in texts("commit --")


def test_choices_of_a_literal():
    assert "mermaid" in texts("lineage --format ")


@given(st.text(alphabet="abc -=@'\"$/\n", max_size=40) | st.text(max_size=20))
@settings(max_examples=200, deadline=None)
def test_no_line_breaks_it(line):
    candidates(line, len(line), lambda _: ("name",))


def test_outside_a_project_verbs_still_complete(kernel, tmp_path):
    kernel.run(f"import os; os.chdir({str(tmp_path)!r})")
    assert "status" in kernel.complete("%mlops st")
    assert kernel.complete("%mlops rollback zz") == []


def test_a_warm_answer_takes_at_most_50_ms(kernel):
    kernel.complete("%mlops st")
    began = time.perf_counter()
    for _ in range(10):
        kernel.complete("%mlops st")
    assert (time.perf_counter() - began) / 10 < 0.05
