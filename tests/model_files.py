"""Small real models for tests: trained once, then bytes."""

from __future__ import annotations

import functools
import io
from pathlib import Path

import numpy as np

from jupyter_mlops.records import Actor

SARA = Actor("Sara", "sara@example.org")


@functools.cache
def estimator(seed: int = 0):
    """A logistic regression on ``age`` and ``wage``; another seed gives other coefficients."""
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(seed)
    rows = pd.DataFrame({"age": random.normal(40, 10, 200), "wage": random.normal(3, 1, 200)})
    target = (rows.age * (seed + 1) + rows.wage * 20 + random.normal(0, 10, 200) > 60 + 40 * (seed + 1)).astype(int)
    return LogisticRegression().fit(rows, target)


@functools.cache
def skops_bytes(seed: int = 0) -> bytes:
    import skops.io

    return skops.io.dumps(estimator(seed))


@functools.cache
def onnx_bytes(seed: int = 0) -> bytes:
    """The same model with one input a column, as an exporter would write it."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline

    inner = estimator(seed)
    columns = make_column_transformer(("passthrough", ["age", "wage"]))
    model = make_pipeline(columns.fit(_frame()), inner)
    types = [("age", FloatTensorType([None, 1])), ("wage", FloatTensorType([None, 1]))]
    return to_onnx(model, initial_types=types, options={id(inner): {"zipmap": False}}).SerializeToString()


def joblib_bytes(seed: int = 0) -> bytes:
    import joblib

    target = io.BytesIO()
    joblib.dump(estimator(seed), target)
    return target.getvalue()


def _frame():
    import pandas as pd

    return pd.DataFrame({"age": [1.0, 2.0], "wage": [1.0, 2.0]})


def commit_model(project, git, data: bytes, path: str = "model.onnx") -> None:
    """Put `data` at `path` and commit it to plain git."""
    target = Path(project.root, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    git("add", path)
    git("commit", "-qm", f"model {path}")


def rows(*values: float) -> dict:
    """A V2 request for the model of these tests."""
    tensors = [
        {"name": name, "shape": [len(values)], "datatype": "FP32", "data": list(values)} for name in ("age", "wage")
    ]
    return {"id": "7", "inputs": tensors}
