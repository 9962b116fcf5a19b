"""The words of a magic line: quotes, and variables after ``-p`` only."""

from __future__ import annotations

import pytest

from jupyter_mlops.errors import UsageError
from jupyter_mlops.kernel.words import expanded, split


def test_quotes_hold_a_word_together():
    assert split('commit -m "May fix" a') == ["commit", "-m", "May fix", "a"]


def test_an_open_quote_is_explained():
    with pytest.raises(UsageError, match="never closed"):
        split("commit -m 'May")


def test_variables_stand_only_after_p():
    words = expanded(["run", "$x", "-p", "rate=$x", "-p", "name=a-$x", "-p=y=$x", "$x"], {"x": 0.1})
    assert words == ["run", "$x", "-p", "rate=0.1", "-p", "name=a-0.1", "-p=y=0.1", "$x"]


def test_a_variable_keeps_its_type():
    import numpy as np

    variables = {"text": "5", "many": [1, 2], "none": None, "number": np.float64(0.5)}
    words = expanded([w for name in variables for w in ("-p", f"a=${name}")], variables)
    assert words[1::2] == ['a="5"', "a=[1, 2]", "a=null", "a=0.5"]


def test_two_dollars_are_one():
    assert expanded(["-p", "price=$$5"], {}) == ["-p", "price=$5"]


@pytest.mark.parametrize(("pair", "reference"), [("a=$gone", "unknown-variable"), ("a=$thing", "bad-parameter")])
def test_what_cannot_be_a_parameter_is_named(pair, reference):
    with pytest.raises(UsageError) as caught:
        expanded(["-p", pair], {"thing": object()})
    assert caught.value.reference == reference
