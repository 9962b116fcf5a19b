"""Making a model file ready to serve: read it safely, find its signature, prefer ONNX."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

from jupyter_mlops.errors import UsageError
from jupyter_mlops.records import write_atomically
from jupyter_mlops.registry.runtimes import ONNX, SKLEARN, Estimator, OnnxModel, unloadable
from jupyter_mlops.registry.signatures import ANY, NUMPY, Signature, Tensor, datatype_of

if TYPE_CHECKING:
    import numpy as np

SIGNATURE = "signature.json"
_PICKLES = (".joblib", ".pkl", ".pickle")
SUFFIXES = (".skops", ".onnx", *_PICKLES)
"""The model formats that can be served."""
_CONTAINERS = (
    # Fitted trees, losses, types of arrays. They hold numbers and no code; skops leaves the choice
    # to its user because they are compiled types.
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "numpy.dtype",
)
_MAKERS = ("scikit-learn", "skl2onnx", "onnxruntime")


@attrs.frozen
class Trust:
    """What the user allows, from ``[serving]`` in ``mlops.toml``.

    Attributes
    ----------
    types
        Classes that a skops file may hold besides the known ones: ``trusted = ["my.Scaler"]``.
    pickle
        Whether joblib and pickle files, which run code when loaded, may be loaded at all: ``allow_pickle = true``.
    """

    types: tuple[str, ...] = ()
    pickle: bool = False


def ready(folder: Path, trust: Trust) -> Signature | None:
    """The signature of the model made ready in `folder`, or None when it must be made (anew).

    A pickle made ready while that was allowed is not ready once it no longer is.
    """
    try:
        signature = msgspec.json.decode((folder / SIGNATURE).read_bytes(), type=Signature)
        fits = _sha256(folder / signature.file) == signature.sha256
    except (OSError, msgspec.DecodeError):
        return None
    allowed = trust.pickle or not signature.file.endswith(_PICKLES)
    return signature if fits and allowed and signature.packages == _packages() else None


def make_ready(source: Path, suffix: str, folder: Path, trust: Trust) -> Signature:
    """Read the model file `source` and leave in `folder` what a runtime loads, with its signature.

    Parameters
    ----------
    suffix
        ``.skops``, ``.onnx``, ``.joblib``: an object of the cache has none.
    folder
        Replaced as a whole; belongs to one digest.

    Raises
    ------
    UsageError
        ``model-untrusted``, ``unknown-model-format``.
    EnvironmentFault
        ``model-unloadable``.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name[:8]}-"))
    try:
        signature = _make(source, suffix, partial, trust)
        write_atomically(partial / SIGNATURE, msgspec.json.encode(signature))
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return signature


def load_libraries(suffix: str) -> None:
    """Import what reads, tries and converts a model of the format `suffix`."""
    import onnxruntime  # noqa: F401

    if suffix != ".onnx":
        import skl2onnx  # noqa: F401
        import skops.io  # noqa: F401


def read_estimator(path: Path, trusted: Sequence[str] = ()) -> Any:
    """The estimator in a skops, joblib or pickle file that was found trustworthy before."""
    try:
        if path.suffix == ".skops":
            import skops.io

            return skops.io.load(path, trusted=[*_CONTAINERS, *trusted])
        import joblib

        return joblib.load(path)
    except Exception as error:  # a torn file, a missing class, a version that does not fit: anything
        raise unloadable(path, f"{type(error).__name__}: {error}") from error


def _make(source: Path, suffix: str, partial: Path, trust: Trust) -> Signature:
    if suffix == ".onnx":
        return _from_onnx(source, partial)
    if suffix not in SUFFIXES:
        raise UsageError(
            "unknown-model-format",
            f"A {suffix or 'file without suffix'} is no model format that can be served.",
            hint="Save it as .skops (skops.io.dump) or .onnx.",
        )
    copy = partial / f"model{suffix}"
    return _from_estimator(trusted_estimator(source, copy, trust), copy)


def trusted_estimator(source: Path, copy: Path, trust: Trust) -> Any:
    """The estimator in the file `source`, read from `copy`, whose suffix tells the format.

    Raises
    ------
    UsageError
        ``model-untrusted``.
    EnvironmentFault
        ``model-unloadable``.
    """
    shutil.copyfile(source, copy)
    _require_trust(copy, trust)
    return read_estimator(copy, trust.types)


def _require_trust(path: Path, trust: Trust) -> None:
    if path.suffix in _PICKLES:
        if trust.pickle:
            return
        raise UsageError(
            "model-untrusted",
            f"A {path.suffix} file runs code when it is loaded.",
            context="Nothing was loaded.",
            hint="Save it with skops.io.dump; or, if you made it: allow_pickle = true under [serving] in mlops.toml.",
        )
    import skops.io

    try:
        found = skops.io.get_untrusted_types(file=path)
    except Exception as error:  # zipfile, json and KeyErrors of a file that skops did not write
        raise unloadable(path, f"{type(error).__name__}: {error}") from error
    unknown = sorted(set(found) - {*trust.types, *_CONTAINERS})
    if unknown:
        names = ", ".join(f'"{name}"' for name in unknown)
        raise UsageError(
            "model-untrusted",
            f"The model holds types that are not trusted: {', '.join(unknown)}.",
            context="Nothing was loaded.",
            hint=f"When you know them: trusted = [{names}] under [serving] in mlops.toml.",
        )


def _from_onnx(source: Path, partial: Path) -> Signature:
    target = partial / "model.onnx"
    shutil.copyfile(source, target)
    model = OnnxModel(target)
    _require_answer(model, model.inputs(), target)
    return Signature(
        ONNX, target.name, _sha256(target), model.inputs(), model.outputs(), missing=True, packages=_packages()
    )


def _from_estimator(estimator: Any, copy: Path) -> Signature:
    from jupyter_mlops.registry.conversion import inputs_of, probe_rows, takes_missing, to_onnx

    inputs = inputs_of(estimator)
    missing = takes_missing(estimator, inputs)
    rows = probe_rows(estimator, inputs, missing=missing)
    try:
        answer = Estimator(estimator, [tensor.name for tensor in inputs]).predict(rows)
    except Exception as error:  # an estimator of any library, broken in any way
        raise unloadable(copy, f"{type(error).__name__}: {error}") from error
    target = copy.with_name("model.onnx")
    conversion = to_onnx(estimator, inputs, target, rows)
    (copy if conversion else target).unlink(missing_ok=True)
    kept = target if conversion else copy
    return Signature(
        runtime=ONNX if conversion else SKLEARN,
        file=kept.name,
        sha256=_sha256(kept),
        inputs=inputs,
        outputs=_outputs(conversion.answer if conversion else answer),
        matrix=conversion is not None and conversion.matrix,
        missing=missing,
        packages=_packages(),
    )


def _outputs(answer: Mapping[str, np.ndarray]) -> tuple[Tensor, ...]:
    """The outputs as they really come."""
    return tuple(Tensor(name, datatype_of(v.dtype), (ANY, *v.shape[1:])) for name, v in answer.items())


def _require_answer(model: OnnxModel, inputs: Sequence[Tensor], path: Path) -> None:
    """A model that cannot predict two rows of zeros is refused before anybody asks it."""
    import numpy as np

    empty = {"BYTES": "", "BOOL": False}
    rows = {
        tensor.name: np.full(
            (2, *(abs(size) for size in tensor.shape[1:])), empty.get(tensor.datatype, 0), NUMPY[tensor.datatype]
        )
        for tensor in inputs
    }
    try:
        model.predict(rows)
    except Exception as error:  # onnxruntime raises a class of its own for each fault
        raise unloadable(path, error) from error


def _packages() -> dict[str, str]:
    def installed(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:
            return "absent"

    return {name: installed(name) for name in _MAKERS}


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
