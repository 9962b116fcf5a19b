"""What a reader of pipelines is told."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs

from jupyter_mlops import rendering
from jupyter_mlops.pipelines.records.contrasts import Contrast
from jupyter_mlops.verbs.runs import Runs, RunSummary
from jupyter_mlops.verbs.stages import Stage, Stages

BLIND = Stage("train", "papermill a.ipynb executed/train.ipynb", "a.ipynb", deps=("a.ipynb",))
STARTED = datetime(2026, 5, 1, tzinfo=UTC)
RUN = RunSummary("run-1", 1, "succeeded", STARTED, 1.0, "Sara", "c" * 40, False, (), {}, {})


def test_a_stage_without_inputs_is_said_to_miss_changes_of_data():
    assert "train: no input is named" in rendering.text(Stages((BLIND,)))
    assert "no input is named" not in rendering.text(Stages((attrs.evolve(BLIND, deps=("a.ipynb", "data")),)))


def test_compared_runs_show_short_digests_in_the_order_asked_for():
    differs = (Contrast("commit", "git", "c" * 40, "d" * 40), Contrast("metric", "auc", 0.5, 0.75))
    said = rendering.text(Runs((RUN, attrs.evolve(RUN, number=2)), differs))
    assert "Newest first" not in said
    assert "ddddddd\n" in said
    assert "0.75" in said
