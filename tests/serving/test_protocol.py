from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.registry.signatures import Signature, Tensor
from jupyter_mlops.serving.protocol import BadRequest, answer, parse, request_body

INPUTS = (
    Tensor("age", "FP64", (-1,)),
    Tensor("job", "BYTES", (-1,)),
    Tensor("n", "INT64", (-1,)),
    Tensor("ok", "BOOL", (-1,)),
)
SIGNATURE = Signature("onnxruntime", "m", "", INPUTS, (Tensor("predict", "INT64", (-1,)),))
GOOD = {"age": ("FP64", [1.5, 2]), "job": ("BYTES", ["a", "b"]), "n": ("INT64", [1, 2]), "ok": ("BOOL", [True, False])}


def body(changes: dict | None = None, **more) -> bytes:
    wanted = {**GOOD, **(changes or {})}
    tensors = [
        {"name": name, "datatype": entry[0], "data": entry[1], "shape": entry[2] if len(entry) > 2 else [len(entry[1])]}
        for name, entry in wanted.items()
        if entry
    ]
    return json.dumps({"inputs": tensors, **more}).encode()


def test_a_good_request_becomes_columns():
    question = parse(body(id="x"), SIGNATURE)
    assert (question.rows, question.id) == (2, "x")
    assert [values.dtype.kind for values in question.columns.values()] == ["f", "O", "i", "b"]


@pytest.mark.parametrize("shape", [[2, 1], [2]])
def test_a_column_may_have_one_dimension_more(shape):
    assert parse(body({"age": ("FP64", [1, 2], shape)}), SIGNATURE).columns["age"].shape == (2,)


def test_integers_widen_to_floats():
    assert parse(body({"age": ("INT32", [1, 2])}), SIGNATURE).columns["age"].dtype == "float64"


BAD = [
    ({"age": None}, "Missing inputs: age"),
    ({"agge": ("FP64", [1, 2])}, "Unknown inputs: agge"),
    ({"age": ("FP64", [1, 2, 3])}, "different numbers of rows"),
    ({"age": ("FP64", [1, 2], [3])}, "does not fit 2 values"),
    ({"age": ("FP64", [1, 2], [1, 2])}, r"shape \[1, 2\] given"),
    ({"age": ("FP64", [1, 2], [-2])}, "does not fit"),
    ({"age": ("FP64", ["1", "2"])}, "not FP64"),
    ({"age": ("FP64", [True, False])}, "not FP64"),
    ({"age": ("FP64", [None, 2])}, "no missing values"),
    ({"age": ("FP64", [[1, 2], [3]])}, "not FP64"),
    ({"age": ("BYTES", ["a", "b"])}, "FP64 expected"),
    ({"age": ("FP65", [1, 2])}, "unknown datatype"),
    ({"n": ("INT64", [1.5, 2])}, "not INT64"),
    ({"n": ("FP64", [1, 2])}, "INT64 expected"),
    ({"n": ("INT8", [1, 2000])}, "not INT8"),
    ({"n": ("INT64", [None, 2])}, "not INT64"),
    ({"job": ("BYTES", [1, 2])}, "not BYTES"),
    ({"ok": ("BOOL", [0, 1])}, "not BOOL"),
    ({name: (entry[0], []) for name, entry in GOOD.items()}, "no rows"),
]


@pytest.mark.parametrize(("changes", "message"), BAD)
def test_a_request_that_does_not_fit_says_why(changes, message):
    with pytest.raises(BadRequest, match=message):
        parse(body(changes), SIGNATURE)


DEEP = b'{"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": ' + b"[" * 100_000


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"inputs": 3}', b"\xff\xfe", DEEP])
def test_what_is_no_request(text):
    with pytest.raises(BadRequest, match="no V2 inference request"):
        parse(text, SIGNATURE)


def test_an_input_given_twice():
    twice = json.loads(body())
    twice["inputs"].append(twice["inputs"][0])
    with pytest.raises(BadRequest, match="twice"):
        parse(json.dumps(twice).encode(), SIGNATURE)


def test_only_the_outputs_asked_for():
    question = parse(body(outputs=[{"name": "predict"}]), SIGNATURE)
    said = json.loads(
        answer({"predict": np.array([1, 0]), "score": np.array([[0.5], [math.nan]])}, question, "m", "v1")
    )
    assert said["outputs"] == [{"name": "predict", "shape": [2], "datatype": "INT64", "data": [1, 0]}]
    with pytest.raises(BadRequest, match="Unknown outputs: x"):
        parse(body(outputs=[{"name": "x"}]), SIGNATURE)


def test_what_is_not_finite_becomes_null():
    question = parse(body(), SIGNATURE)
    said = json.loads(answer({"score": np.array([math.nan, 1.0])}, question, "m", "v1"))
    assert said["outputs"][0]["data"] == [None, 1.0]


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False, width=64)), min_size=1))
def test_numbers_survive_the_way_there(values):
    signature = Signature("onnxruntime", "m", "", INPUTS[:1], (), missing=True)
    sent = request_body({"age": values}, [{"name": "age", "datatype": "FP64"}])
    got = parse(sent, signature).columns["age"]
    np.testing.assert_array_equal(got, np.array(values, dtype="float64"))
