"""The Open Inference Protocol V2: JSON in, columns out, and back. Pure rules, no network.

https://github.com/open-inference/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

from jupyter_mlops.registry.signatures import NUMPY, Signature, Tensor, datatype_of

if TYPE_CHECKING:
    import numpy as np


class BadRequest(Exception):
    """The request does not fit the model; its text goes to the client."""


class RequestTensor(msgspec.Struct):
    """One input tensor as sent."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] | None = None


class RequestedOutput(msgspec.Struct):
    """An output the client asks for."""

    name: str
    parameters: dict[str, Any] | None = None


class InferenceRequest(msgspec.Struct):
    """The body of ``POST /v2/models/{name}/infer``."""

    inputs: list[RequestTensor]
    id: str | None = None
    outputs: list[RequestedOutput] = []
    parameters: dict[str, Any] | None = None


_DECODER = msgspec.json.Decoder(InferenceRequest)


@attrs.frozen(eq=False)
class Question:
    """A request that fits the model: one array for each of its inputs."""

    columns: Mapping[str, np.ndarray]
    rows: int
    wanted: tuple[str, ...]
    id: str | None


def parse(body: bytes, signature: Signature) -> Question:
    """The request in `body` as columns for the model.

    Raises
    ------
    BadRequest
        Naming the input and what is wrong with it.
    """
    try:
        request = _DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadRequest(f"The body is no V2 inference request: {error}") from error
    given = {tensor.name: tensor for tensor in request.inputs}
    _require_names(given, request.inputs, signature.inputs)
    columns = {tensor.name: _array(given[tensor.name], tensor, signature) for tensor in signature.inputs}
    wanted = tuple(output.name for output in request.outputs)
    _require_outputs(wanted, signature.outputs)
    return Question(columns, _rows(columns), wanted, request.id)


def answer(outputs: Mapping[str, np.ndarray], question: Question, name: str, version: str) -> bytes:
    """The response body; a number that is not finite becomes null."""
    chosen = question.wanted or tuple(outputs)
    document: dict[str, Any] = {
        "model_name": name,
        "model_version": version,
        "outputs": [_encoded(output, outputs[output]) for output in chosen],
    }
    if question.id is not None:
        document["id"] = question.id
    return msgspec.json.encode(document)


def metadata(signature: Signature, name: str, version: str) -> dict[str, Any]:
    """The document of ``GET /v2/models/{name}``."""
    return {
        "name": name,
        "versions": [version],
        "platform": signature.runtime,
        "inputs": [attrs.asdict(tensor) for tensor in signature.inputs],
        "outputs": [attrs.asdict(tensor) for tensor in signature.outputs],
    }


def request_body(columns: Mapping[str, Sequence[Any]], inputs: Sequence[Mapping[str, Any]]) -> bytes:
    """A request for `columns`, typed as the model's metadata says; NaN becomes null."""
    tensors = [
        {
            "name": put["name"],
            "shape": [len(columns[put["name"]])],
            "datatype": put["datatype"],
            "data": [_plain(value, put["datatype"]) for value in columns[put["name"]]],
        }
        for put in inputs
    ]
    return msgspec.json.encode({"inputs": tensors})


def _plain(value: Any, datatype: str) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if datatype == "BYTES":
        return str(value)
    if datatype.startswith("FP"):
        return float(value)
    return bool(value) if datatype == "BOOL" else int(value)


def _require_names(given: Mapping[str, RequestTensor], sent: Sequence[RequestTensor], inputs: Sequence[Tensor]) -> None:
    known = [tensor.name for tensor in inputs]
    if len(given) < len(sent):
        raise BadRequest("An input is given twice.")
    if missing := [name for name in known if name not in given]:
        raise BadRequest(f"Missing inputs: {', '.join(missing)}.")
    if unknown := [name for name in given if name not in known]:
        raise BadRequest(f"Unknown inputs: {', '.join(unknown)}. The model takes {', '.join(known)}.")


def _require_outputs(wanted: Sequence[str], outputs: Sequence[Tensor]) -> None:
    known = [tensor.name for tensor in outputs]
    if unknown := [name for name in wanted if name not in known]:
        raise BadRequest(f"Unknown outputs: {', '.join(unknown)}. The model gives {', '.join(known)}.")


def _array(sent: RequestTensor, expected: Tensor, signature: Signature) -> np.ndarray:
    import numpy as np

    if sent.datatype not in NUMPY:
        raise BadRequest(f"{sent.name}: unknown datatype {sent.datatype}; one of {', '.join(NUMPY)}.")
    if not _fits(sent.datatype, expected.datatype):
        raise BadRequest(f"{sent.name}: datatype {sent.datatype} given, {expected.datatype} expected.")
    values = _values(sent)
    shape = _shape(sent, expected, values.size)
    if values.dtype.kind == "f" and not signature.missing and not np.isfinite(values).all():
        raise BadRequest(f"{sent.name}: the model takes no missing values.")
    _require_range(sent, values, expected.datatype)
    return values.reshape(shape).astype(NUMPY[expected.datatype], copy=False)


def _fits(sent: str, expected: str) -> bool:
    """Whether a datatype widens to the expected one without loss of meaning."""
    if expected.startswith("FP"):
        return sent.startswith(("FP", "INT", "UINT"))
    if "INT" in expected:
        return "INT" in sent
    return sent == expected


_KINDS = {"FP": "iuf", "IN": "iu", "UI": "iu", "BO": "b"}


def _values(sent: RequestTensor) -> np.ndarray:
    """The data as a flat array of its declared datatype; nothing is rounded or read from text."""
    import numpy as np

    wrong = BadRequest(f"{sent.name}: the data are not {sent.datatype}.")
    try:
        if sent.datatype == "BYTES":
            flat = np.array(sent.data, dtype=object).reshape(-1)
            if not all(isinstance(value, str) for value in flat):
                raise wrong
            return flat
        raw = np.array(sent.data)
        if raw.dtype == object and sent.datatype.startswith("FP"):
            return _with_nulls(raw.reshape(-1), wrong)
        if raw.size and raw.dtype.kind not in _KINDS[sent.datatype[:2]]:
            raise wrong
        _require_range(sent, raw, sent.datatype)
        return np.array(raw.reshape(-1), dtype=NUMPY[sent.datatype])
    except (ValueError, TypeError, OverflowError) as error:
        raise wrong from error


def _require_range(sent: RequestTensor, values: np.ndarray, datatype: str) -> None:
    """Whole numbers must fit: numpy would wrap them round."""
    import numpy as np

    if "INT" in datatype and values.size and values.dtype.kind in "iu":
        limits = np.iinfo(NUMPY[datatype])
        if int(values.min()) < limits.min or int(values.max()) > limits.max:
            raise BadRequest(f"{sent.name}: the data are not {datatype}.")


def _with_nulls(raw: np.ndarray, wrong: BadRequest) -> np.ndarray:
    import numpy as np

    if all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in raw):
        return np.array(raw, dtype="float64")
    raise wrong


def _shape(sent: RequestTensor, expected: Tensor, size: int) -> tuple[int, ...]:
    shape = tuple(sent.shape)
    if len(expected.shape) == 1 and shape[1:] == (1,):
        shape = shape[:1]
    fits = len(shape) == len(expected.shape) and all(e in (-1, s) for s, e in zip(shape, expected.shape, strict=True))
    if not fits:
        raise BadRequest(f"{sent.name}: shape {sent.shape} given, {list(expected.shape)} expected (-1 is any).")
    if min(shape) < 0 or math.prod(shape) != size:
        raise BadRequest(f"{sent.name}: shape {sent.shape} does not fit {size} values.")
    return shape


def _rows(columns: Mapping[str, np.ndarray]) -> int:
    counts = {name: len(values) for name, values in columns.items()}
    if len(set(counts.values())) > 1:
        named = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise BadRequest(f"The inputs have different numbers of rows: {named}.")
    rows = next(iter(counts.values()))
    if rows == 0:
        raise BadRequest("There are no rows.")
    return rows


def _encoded(name: str, values: np.ndarray) -> dict[str, Any]:
    return {
        "name": name,
        "shape": list(values.shape),
        "datatype": datatype_of(values.dtype),
        "data": values.reshape(-1).tolist(),
    }
