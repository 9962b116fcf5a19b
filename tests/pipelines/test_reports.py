"""`mlops.report`: what a notebook says on its way reaches the record of its run, and nothing else."""

from __future__ import annotations

import json

import pytest
from chains import write_notebook
from hypothesis import given
from hypothesis import strategies as st

import jupyter_mlops as mlops
from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.records.reports import MOST_POINTS, Curves, Report
from jupyter_mlops.project import Project


def test_a_run_keeps_what_was_reported_and_the_notebook_shows_none_of_it(chain):
    write_notebook(
        chain / "prepare.ipynb",
        "rows = 2",
        "import jupyter_mlops as mlops\nmlops.report(loss=1.0)\nmlops.report(loss=0.5, auc=float('nan'))",
        "mlops.report(step=7, loss=0.25)\nopen('clean.csv', 'w').write('x')",
    )

    mlops.run(["prepare"], project=chain)

    assert Project(chain).runs.all()[-1].record.history == {"loss": [(0, 1.0), (1, 0.5), (7, 0.25)]}
    executed = json.loads((chain / "executed" / "prepare.ipynb").read_text())
    assert [cell["outputs"] for cell in executed["cells"]][:2] == [[], []]
    assert "vnd.jupyter-mlops" not in json.dumps(executed)


def test_outside_of_a_run_nobody_hears_it():
    mlops.report(auc=0.5, step=3)


@pytest.mark.parametrize(
    "given_", [{"auc": "high"}, {"auc": None}, {"auc": 0.1, "step": -1}, {"auc": 0.1, "step": 1.5}]
)
def test_what_is_no_number_is_refused(given_):
    with pytest.raises(UsageError) as raised:
        mlops.report(**given_)
    assert raised.value.reference == "bad-report"


@given(st.integers(1, 5000))
def test_a_long_curve_is_thinned_and_keeps_its_ends(count):
    curves = Curves()
    for step in range(count):
        curves.add(Report({"loss": 1.0 / (step + 1)}, step))
    points = curves.points()["loss"]
    assert len(points) <= MOST_POINTS
    assert points[0] == (0, 1.0)
    assert points[-1] == (count - 1, 1.0 / count)
    assert len(points) >= min(count, MOST_POINTS // 2)
