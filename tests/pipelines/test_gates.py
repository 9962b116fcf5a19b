"""Gates over metrics."""

from __future__ import annotations

import pytest

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.checking.gates import broken


@pytest.mark.parametrize(
    ("limits", "before", "after", "words"),
    [
        ({"min": 0.7}, None, 0.7, ""),
        ({"min": 0.7}, None, 0.6, "auc is 0.6, 0.1 below the least allowed 0.7"),
        ({"max": 0.3}, None, 0.5, "auc is 0.5, 0.2 above the most allowed 0.3"),
        ({"max_drop": 0.02}, 0.8, 0.79, ""),
        ({"max_drop": 0.02}, 0.8, 0.7, "auc dropped from 0.8 to 0.7, by 0.1; allowed is 0.02"),
        ({"max_drop": 0.02}, None, 0.1, ""),
        ({"max_rise": 0.1}, 0.1, 0.5, "auc rose from 0.1 to 0.5, by 0.4; allowed is 0.1"),
        ({"min": 0.7}, 0.8, None, "auc is not among the metrics"),
        ({"min": 0.0}, None, True, "auc is not among the metrics"),
    ],
)
def test_a_gate_says_by_how_much_it_is_missed(limits, before, after, words):
    assert "".join(broken({"auc": limits}, {"auc": before}, {"auc": after})) == words


@pytest.mark.parametrize("limits", [0.7, {}, {"least": 0.7}, {"min": "high"}])
def test_a_gate_that_cannot_be_read_is_refused(limits):
    with pytest.raises(UsageError, match="auc"):
        list(broken({"auc": limits}, {}, {"auc": 1.0}))
