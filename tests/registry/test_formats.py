from __future__ import annotations

import functools
import io
from pathlib import Path

import joblib
import numpy as np
import pytest
from model_files import estimator, joblib_bytes, onnx_bytes, skops_bytes

from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.registry.conversion import agree
from jupyter_mlops.registry.formats import Trust, make_ready, ready
from jupyter_mlops.registry.runtimes import load

ROWS = {"age": np.array([20.0, 60.0]), "wage": np.array([1.0, 5.0])}
DEFAULT = Trust()


@pytest.fixture
def prepare(tmp_path):
    """Make a model file ready; gives its folder and signature."""

    def run(data: bytes, suffix: str, trust: Trust = DEFAULT):
        source = tmp_path / "object"
        source.write_bytes(data)
        return tmp_path / "ready", make_ready(source, suffix, tmp_path / "ready", trust)

    return run


def test_a_skops_model_becomes_onnx_that_agrees(prepare):
    folder, signature = prepare(skops_bytes(), ".skops")
    assert signature.runtime == "onnxruntime"
    assert [tensor.name for tensor in signature.inputs] == ["age", "wage"]
    assert [tensor.name for tensor in signature.outputs] == ["predict", "predict_proba"]
    answer = load(folder, signature).predict(ROWS)
    expected = estimator().predict_proba(_frame())
    np.testing.assert_allclose(answer["predict_proba"], expected, atol=1e-4)


def test_an_onnx_model_is_served_as_it_is(prepare):
    folder, signature = prepare(onnx_bytes(), ".onnx")
    assert {tensor.datatype for tensor in signature.inputs} == {"FP32"}
    np.testing.assert_array_equal(load(folder, signature).predict(ROWS)["predict"], estimator().predict(_frame()))


@pytest.mark.parametrize("kind", ["forest", "centroids"])
def test_what_onnx_cannot_express_is_served_by_scikit_learn(prepare, kind):
    import skops.io

    model = forest() if kind == "forest" else centroids()
    folder, signature = prepare(skops.io.dumps(model), ".skops")
    assert (signature.runtime, signature.file) == ("scikit-learn", "model.skops")
    np.testing.assert_array_equal(load(folder, signature).predict(ROWS)["predict"], model.predict(_frame()))


def test_a_file_that_changed_is_not_ready(prepare):
    folder, signature = prepare(onnx_bytes(), ".onnx")
    assert ready(folder, DEFAULT) == signature
    Path(folder, signature.file).write_bytes(b"torn")
    assert ready(folder, DEFAULT) is None


def test_types_nobody_trusts_are_named_and_not_loaded(prepare, tmp_path):
    import skops.io

    data = skops.io.dumps({"bad": Path(tmp_path)})
    with pytest.raises(UsageError, match="model-untrusted") as caught:
        prepare(data, ".skops")
    assert "pathlib" in caught.value.hint


def test_pickles_only_when_the_user_says_so(prepare):
    with pytest.raises(UsageError, match="model-untrusted"):
        prepare(joblib_bytes(), ".joblib")
    _, signature = prepare(joblib_bytes(), ".joblib", Trust(pickle=True))
    assert signature.runtime == "onnxruntime"


def test_a_pickle_is_not_ready_once_it_is_no_longer_allowed(prepare):
    target = io.BytesIO()
    joblib.dump(forest(), target)
    folder, signature = prepare(target.getvalue(), ".joblib", Trust(pickle=True))
    assert signature.file == "model.joblib"
    assert ready(folder, Trust(pickle=True)) == signature
    assert ready(folder, DEFAULT) is None


@pytest.mark.parametrize("suffix", [".skops", ".onnx"])
@pytest.mark.parametrize("data", [b"", b"garbage", skops_bytes()[:500]])
def test_a_broken_file_is_unloadable(prepare, data, suffix):
    with pytest.raises(EnvironmentFault, match="model-unloadable"):
        prepare(data, suffix)


def test_a_file_that_holds_no_model(prepare):
    import skops.io

    with pytest.raises(EnvironmentFault, match="no fitted model"):
        prepare(skops.io.dumps({"a": 1}), ".skops")


def test_other_files_are_no_models(prepare):
    with pytest.raises(UsageError, match="unknown-model-format"):
        prepare(b"x", ".txt")


def test_a_failed_attempt_leaves_the_ready_one(prepare, tmp_path):
    folder, signature = prepare(onnx_bytes(), ".onnx")
    with pytest.raises(EnvironmentFault):
        prepare(b"garbage", ".onnx")
    assert ready(folder, DEFAULT) == signature
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_agreement_is_about_classes_and_numbers():
    one = {"predict": np.array([1, 0]), "predict_proba": np.array([[0.5], [0.25]])}
    assert agree(one, {**one, "predict_proba": one["predict_proba"] + 9e-5})
    assert not agree(one, {**one, "predict_proba": one["predict_proba"] + 2e-4})
    assert not agree(one, {**one, "predict": np.array([1, 1])})
    assert not agree(one, {"predict": one["predict"]})


@functools.cache
def forest():
    """Its ONNX form sends rows in which a number is missing another way."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(5, random_state=0).fit(*_taught())


@functools.cache
def centroids():
    """No converter knows it."""
    from sklearn.neighbors import NearestCentroid

    return NearestCentroid().fit(*_taught())


def _taught():
    import pandas as pd

    random = np.random.default_rng(0)
    rows = pd.DataFrame({"age": random.normal(40, 10, 200), "wage": random.normal(3, 1, 200)})
    return rows, (rows.age > 40).astype(int)


def _frame():
    import pandas as pd

    return pd.DataFrame(ROWS)
