"""Running a model: onnxruntime, or scikit-learn itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.registry.signatures import NUMPY, Predictor, Signature, Tensor

if TYPE_CHECKING:
    import numpy as np

ONNX = "onnxruntime"
SKLEARN = "scikit-learn"
_ONNX_TYPES = {
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(int64)": "INT64",
    "tensor(int32)": "INT32",
    "tensor(bool)": "BOOL",
    "tensor(string)": "BYTES",
}
_USUAL = {
    "label": "predict",
    "output_label": "predict",
    "variable": "predict",
    "probabilities": "predict_proba",
    "output_probability": "predict_proba",
    "scores": "score",
}


def unloadable(path: Path, reason: object) -> EnvironmentFault:
    """The error that says why `path` is no model."""
    return EnvironmentFault(
        "model-unloadable",
        f"{path.name} cannot be loaded as a model.",
        context=str(reason).strip().partition("\n")[0][:300],
        hint="Save it again: skops.io.dump(model, 'model.skops'), or export it to ONNX.",
    )


class OnnxModel:
    """A model that onnxruntime runs.

    Parameters
    ----------
    path
        The ``.onnx`` file.
    inputs
        Names of the columns of its one matrix input; empty when it has an input a column.
    """

    def __init__(self, path: Path, inputs: Sequence[str] = ()) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises a class of its own for each fault
            raise unloadable(path, error) from error
        self._columns = tuple(inputs)
        self._inputs = {put.name: put for put in self._session.get_inputs()}
        self._types = {name: _numpy_type(put.type) for name, put in self._inputs.items()}
        self._outputs = [put.name for put in self._session.get_outputs() if put.type in _ONNX_TYPES]

    def predict(self, columns: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """One array for each output."""
        values = self._session.run(self._outputs, self._feed(columns))
        return {_USUAL.get(name, name): _flat(value) for name, value in zip(self._outputs, values, strict=True)}

    def _feed(self, columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        import numpy as np

        if self._columns:
            name, dtype = next(iter(self._types.items()))
            return {name: np.column_stack([columns[column] for column in self._columns]).astype(dtype, copy=False)}
        return {
            name: _shaped(columns[name].astype(dtype, copy=False), self._inputs[name].shape)
            for name, dtype in self._types.items()
        }

    def inputs(self) -> tuple[Tensor, ...]:
        """The inputs as the file declares them."""
        return tuple(_tensor(put) for put in self._session.get_inputs())

    def outputs(self) -> tuple[Tensor, ...]:
        """The outputs as the file declares them, under their usual names."""
        kept = (put for put in self._session.get_outputs() if put.type in _ONNX_TYPES)
        return tuple(_tensor(put, _USUAL.get(put.name, put.name)) for put in kept)


class Estimator:
    """A fitted scikit-learn estimator.

    Parameters
    ----------
    estimator
        With ``predict``.
    inputs
        Its features in order.
    """

    def __init__(self, estimator: Any, inputs: Sequence[str]) -> None:
        self._estimator = estimator
        self._inputs = tuple(inputs)
        self._named = hasattr(estimator, "feature_names_in_")

    def predict(self, columns: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """``predict``, and ``predict_proba`` or else ``score`` when the estimator has them."""
        import numpy as np

        rows = self._frame(columns) if self._named else np.column_stack([columns[name] for name in self._inputs])
        found = {"predict": np.asarray(self._estimator.predict(rows))}
        if hasattr(self._estimator, "predict_proba"):
            found["predict_proba"] = np.asarray(self._estimator.predict_proba(rows))
        elif hasattr(self._estimator, "decision_function"):
            found["score"] = np.asarray(self._estimator.decision_function(rows))
        return found

    def _frame(self, columns: Mapping[str, np.ndarray]) -> Any:
        import pandas as pd

        return pd.DataFrame({name: columns[name] for name in self._inputs})


def load(folder: Path, signature: Signature, trusted: Sequence[str] = ()) -> Predictor:
    """The model that was made ready in `folder`."""
    path = folder / signature.file
    if signature.runtime == ONNX:
        return OnnxModel(path, [tensor.name for tensor in signature.inputs] if signature.matrix else ())
    from jupyter_mlops.registry.formats import read_estimator

    return Estimator(read_estimator(path, trusted), [tensor.name for tensor in signature.inputs])


def _numpy_type(onnx_type: str) -> str:
    return NUMPY[_ONNX_TYPES.get(onnx_type, "FP32")]


def _tensor(put: Any, name: str = "") -> Tensor:
    shape = tuple(size if isinstance(size, int) else -1 for size in put.shape or [-1])
    trimmed = shape[:1] if shape[1:] == (1,) else shape
    return Tensor(name or put.name, _ONNX_TYPES.get(put.type, "FP32"), trimmed)


def _shaped(values: np.ndarray, declared: Sequence[object]) -> np.ndarray:
    """`values` with the trailing dimension that an ONNX input ``[n, 1]`` wants."""
    return values.reshape(-1, 1) if values.ndim == 1 and len(declared) == 2 else values


def _flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1) if values.ndim == 2 and values.shape[1] == 1 else values
