"""From a scikit-learn estimator to ONNX, kept only when both predict the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.registry.runtimes import Estimator, OnnxModel
from jupyter_mlops.registry.signatures import ANY, Tensor, datatype_of

if TYPE_CHECKING:
    import numpy as np

PROBES = 256
TOLERANCE = 1e-4
_SCALES = (0.1, 1.0, 10.0, 100.0, 10_000.0)


@attrs.frozen
class Conversion:
    """An ONNX form of a model.

    Attributes
    ----------
    matrix
        Its inputs are the columns of one matrix.
    answer
        What it predicts for the probe rows.
    """

    data: bytes
    matrix: bool
    answer: Mapping[str, np.ndarray] = attrs.field(factory=dict, eq=False)


def inputs_of(estimator: Any) -> tuple[Tensor, ...]:
    """The features of a fitted estimator; text where an encoder learned text, else ``FP64``.

    Raises
    ------
    EnvironmentFault
        ``model-unloadable`` when it is not fitted.
    """
    names = _feature_names(estimator)
    learned = _categories(estimator, names)
    kinds = {name: datatype_of(values.dtype) for name, values in learned.items()}
    return tuple(Tensor(name, kinds.get(name, "FP64"), (ANY,)) for name in names)


def probe_rows(estimator: Any, inputs: Sequence[Tensor], *, missing: bool) -> Mapping[str, np.ndarray]:
    """Seeded rows for each input: learned categories, numbers of several magnitudes, whole ones too."""
    import numpy as np

    random = np.random.default_rng(20150101)
    learned = _categories(estimator, [tensor.name for tensor in inputs])
    columns = {}
    for tensor in inputs:
        if tensor.name in learned:
            columns[tensor.name] = random.choice(learned[tensor.name], PROBES)
            continue
        numbers = random.normal(size=PROBES) * random.choice(_SCALES, PROBES)
        numbers[::2] = np.abs(np.rint(numbers[::2]))
        if missing:
            numbers[random.random(PROBES) < 0.1] = np.nan
        columns[tensor.name] = numbers
    return columns


def takes_missing(estimator: Any, inputs: Sequence[Tensor]) -> bool:
    """Whether the estimator predicts rows in which numbers are missing."""
    try:
        Estimator(estimator, [tensor.name for tensor in inputs]).predict(probe_rows(estimator, inputs, missing=True))
    except (ValueError, TypeError):
        return False
    return True


def to_onnx(
    estimator: Any, inputs: Sequence[Tensor], scratch: Path, rows: Mapping[str, np.ndarray]
) -> Conversion | None:
    """The first ONNX form that predicts `rows` as `estimator` does, or None.

    Parameters
    ----------
    scratch
        A file name to try a form under.
    """
    names = [tensor.name for tensor in inputs]
    expected = Estimator(estimator, names).predict(rows)
    for conversion in _candidates(estimator, inputs):
        scratch.write_bytes(conversion.data)
        try:
            answer = OnnxModel(scratch, names if conversion.matrix else ()).predict(rows)
        except Exception:  # noqa: BLE001, S112 (whatever onnxruntime cannot run is served by scikit-learn)
            continue
        if agree(expected, answer):
            return attrs.evolve(conversion, answer=answer)
    return None


def agree(expected: Mapping[str, np.ndarray], answer: Mapping[str, np.ndarray]) -> bool:
    """Whether every expected output is there: classes equal, numbers within 1e-4 of their size."""
    import numpy as np

    def same(one: np.ndarray, other: np.ndarray) -> bool:
        if one.shape != other.shape:
            return False
        if one.dtype.kind == "f":
            return bool(np.allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True))
        return bool(np.array_equal(one.astype(str), other.astype(str)))

    return set(expected) <= set(answer) and all(same(values, answer[name]) for name, values in expected.items())


def _candidates(estimator: Any, inputs: Sequence[Tensor]) -> Iterator[Conversion]:
    """ONNX forms worth trying: double precision before single."""
    from skl2onnx.common import data_types as onnx_types

    one_matrix = _first_step(estimator) != "ColumnTransformer" and all(t.datatype == "FP64" for t in inputs)
    for number in (onnx_types.DoubleTensorType, onnx_types.FloatTensorType):
        chosen = {"BYTES": onnx_types.StringTensorType, "INT64": onnx_types.Int64TensorType}
        each = [(tensor.name, chosen.get(tensor.datatype, number)([None, 1])) for tensor in inputs]
        types = [("rows", number([None, len(inputs)]))] if one_matrix else each
        if data := _convert(estimator, types):
            yield Conversion(data, one_matrix)


def _convert(estimator: Any, types: list[tuple[str, Any]]) -> bytes | None:
    from skl2onnx import to_onnx as convert

    options = {"zipmap": False} if hasattr(estimator, "predict_proba") else None
    try:
        model = convert(estimator, initial_types=types, options={id(estimator): options} if options else None)
    except Exception:  # noqa: BLE001 (skl2onnx has no common error class: no converter, odd types, shapes)
        return None
    return bytes(model.SerializeToString())


def _first_step(estimator: Any) -> str:
    steps = getattr(estimator, "steps", None)
    return type(steps[0][1] if steps else estimator).__name__


def _feature_names(estimator: Any) -> list[str]:
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None:
        return [str(name) for name in names]
    count = getattr(estimator, "n_features_in_", None)
    if count is None or not hasattr(estimator, "predict"):
        raise EnvironmentFault(
            "model-unloadable",
            "The file holds no fitted model.",
            context=f"It holds a {type(estimator).__name__}.",
            hint="Fit the model before saving it.",
        )
    return [f"x{number}" for number in range(int(count))]


def _categories(estimator: Any, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The values that the encoders next to the inputs have learned, by feature."""
    steps = getattr(estimator, "steps", None)
    if steps:
        return _categories(steps[0][1], names)
    if hasattr(estimator, "categories_"):
        return dict(zip(names, estimator.categories_, strict=False))
    found: dict[str, np.ndarray] = {}
    for _, part, columns in getattr(estimator, "transformers_", ()):
        if isinstance(columns, list) and not isinstance(part, str):
            found.update(_categories(part, [names[c] if isinstance(c, int) else str(c) for c in columns]))
    return found
