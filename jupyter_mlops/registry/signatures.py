"""What a model takes and gives, in the words of the Open Inference Protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import attrs

if TYPE_CHECKING:
    import numpy as np

ANY = -1
"""A dimension of any size: the rows."""


@attrs.frozen
class Tensor:
    """One input or output: its name, V2 datatype (``FP64``, ``INT64``, ``BYTES``, ``BOOL``) and shape."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@attrs.frozen
class Signature:
    """A model made ready to serve.

    Attributes
    ----------
    runtime
        ``onnxruntime``, or ``scikit-learn`` when the model has no ONNX form that agrees with it.
    file, sha256
        What the runtime loads, and its hash: a changed file is made anew.
    matrix
        All inputs go in as the columns of one matrix.
    missing
        Whether the model takes missing numbers.
    packages
        Versions it was made with.
    """

    runtime: str
    file: str
    sha256: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    matrix: bool = False
    missing: bool = False
    packages: dict[str, str] = attrs.field(factory=dict)


class Predictor(Protocol):
    """A loaded model."""

    def predict(self, columns: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """One array for each output, given one array of n values (or n rows) for each input."""
        ...


NUMPY = {
    "BOOL": "bool",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
    "BYTES": "object",
}
"""The numpy type of each V2 datatype."""


def datatype_of(dtype: np.dtype) -> str:
    """The V2 datatype of a numpy type; text and objects are ``BYTES``."""
    return next((name for name, numpy_name in NUMPY.items() if numpy_name == dtype.name), "BYTES")
