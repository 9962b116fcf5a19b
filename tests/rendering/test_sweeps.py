"""A sweep as text, as one file, and as a widget."""

from __future__ import annotations

import re

import attrs
import pytest

from jupyter_mlops import rendering
from jupyter_mlops.kernel.interactive import WIDGET, bundle
from jupyter_mlops.pipelines.sweeps.boards import Sweep, Trial, best_of, ranked
from jupyter_mlops.verbs.sweeps import Sweeps

SPACE = {"C": "log(0.001,10.0)", "depth": "int(2,9)", "kind": 'choice("a","b","c")'}


def trial(number: int, value: float | None, state: str = "succeeded", **parameters: object) -> Trial:
    usual = {"C": 0.1, "depth": 4, "kind": "a"}
    return Trial(number, f"run-{number}", number + 1, state, value, {**usual, **parameters}, 1.5)


TRIALS = (
    trial(0, 0.7),
    trial(1, 0.9, C=10.0, depth=9, kind="c"),
    trial(2, 0.2, "pruned", C=0.001),
    trial(3, None),
    attrs.evolve(
        trial(4, None, "failed"), error="train, cell 3: KeyError", notebook="executed/local/train.run-4.ipynb"
    ),
)
FOUND = Sweep(
    sweep="sweep-1", number=2, stage="train", state="finished", metric="auc", maximize=True, sampler="tpe", seed=7,
    planned=5, space=SPACE, trials=ranked(TRIALS, maximize=True), best=TRIALS[1], importance={"C": 0.75, "kind": 0.25},
    next=("sweep apply 2",),
)  # fmt: skip


@pytest.mark.parametrize(("maximize", "order"), [(True, [1, 0, 3, 2, 4]), (False, [0, 1, 3, 2, 4])])
def test_the_best_comes_first_and_what_did_not_end_well_last(maximize, order):
    assert [one.trial for one in ranked(TRIALS, maximize=maximize)] == order
    assert best_of(TRIALS, maximize=maximize).trial == order[0]
    assert best_of(TRIALS[2:], maximize=maximize) is None


def test_the_text_says_what_was_best_and_what_to_do_next():
    said = rendering.text(FOUND)
    lines = said.splitlines()
    assert lines[0] == "Sweep #2 of train"
    assert "5 trials of 5, the greatest auc is best." in said
    first = next(line for line in lines if line.strip().startswith("1 "))
    assert first.split()[1:6] == ["1", "0.9", "10", "9", "c"]
    assert "train, cell 3: KeyError (executed/local/train.run-4.ipynb)" in said
    assert "%mlops sweep apply 2" in said
    assert "75%" in said


def test_the_drawing_has_a_line_for_each_trial_with_a_value():
    drawn = rendering.html(FOUND)
    paths = re.findall(r'<path class="(\w+)" d="M([^"]+)"', drawn)
    assert [kind for kind, _ in paths] == ["strand", "strand", "best"]
    # At the top of every axis: the greatest C, depth, kind and value.
    assert [point.split()[1] for point in paths[-1][1].split("L")] == ["0.0"] * 4
    assert [point.split()[1] for point in paths[0][1].split("L")][0::3] == ["190.0", "190.0"]


def test_a_live_notebook_gets_axes_that_can_be_brushed():
    from ipywidgets.widgets import widget

    for result in (FOUND, Sweeps((FOUND,))):
        shown = bundle(result, live=True)
        box = widget._instances[shown[WIDGET]["model_id"]]
        board, plot = box.children
        assert "Sweep #2 of train" in board.value
        assert "<svg" not in board.value.split("What matters")[0]
        (output,) = plot.outputs
        (drawn,) = output["data"]["application/vnd.plotly.v1+json"]["data"]
        axes = {one["label"]: one for one in drawn["dimensions"]}
        assert [*axes] == ["C", "depth", "kind", "auc"]
        assert axes["kind"]["ticktext"] == ["a", "b", "c"]
        assert axes["C"]["ticktext"] == ["0.001", "0.001", "0.01", "0.1", "1", "10", "10"]
        assert "<svg" in shown["text/html"]
        for one in (board, plot, box):
            one.close()


def test_too_few_trials_are_drawn_nowhere():
    few = attrs.evolve(FOUND, trials=TRIALS[:1], best=TRIALS[0])
    assert "<path" not in rendering.html(few)
    assert WIDGET not in bundle(few, live=True)


def test_the_bar_shows_the_board_below_it():
    from jupyter_mlops.kernel.bar import Bar
    from jupyter_mlops.records import Standing

    bar = Bar()
    bar.move(Standing("sweep train", 2, 5, "trials", "best auc 0.9, trial 1", FOUND))
    assert "best auc 0.9, trial 1" in bar._label.value
    assert "Sweep #2 of train" in bar._result.value
    bar.close()
