"""Renditions of models."""

from __future__ import annotations

from jupyter_mlops.rendering import text
from jupyter_mlops.verbs.deployments import Prediction


def test_predictions_have_digits_that_people_read_and_count_from_one():
    outputs = {"predict": [1, 0], "probability": [[0.31247764825820923, 0.6875223517417908], [0.5, 0.5]]}

    shown = text(Prediction("jobs", "v1", 2, outputs, 0.1))

    assert "0.3125, 0.6875" in shown
    assert "687522" not in shown
    rows = [line.split()[0] for line in shown.splitlines() if line.strip()[:1].isdigit()]
    assert rows[-2:] == ["1", "2"]
