"""Two files of one model compared by what they predict; in a process of its own: ``python -m …agreement OLD NEW``."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.registry.conversion import PROBES, inputs_of, probe_rows
from jupyter_mlops.registry.formats import Trust, trusted_estimator
from jupyter_mlops.registry.runtimes import Estimator, OnnxModel
from jupyter_mlops.registry.signatures import NUMPY, Tensor

if TYPE_CHECKING:
    import numpy as np

    Answer = Mapping[str, np.ndarray]

OPENED = (".skops", ".onnx")
"""Formats that hold no code; a pickle is never opened to be compared."""
PATIENCE_S = 300.0


def agree(before: Path, after: Path, suffix: str, ratio: float, trusted: Sequence[str] = ()) -> tuple[bool, str]:
    """Whether both models predict the same for the same rows, and how far they are apart in words.

    Parameters
    ----------
    suffix
        The format, ``.skops`` or ``.onnx``; of others only the bytes are known to differ.
    ratio
        How far numbers may be apart, as a `numpy.allclose` tolerance; classes must be equal.
    trusted
        Classes that a skops file may hold besides the known ones.
    """
    if suffix not in OPENED:
        return False, f"its bytes differ; a {suffix} file runs code when opened, so its predictions are not compared"
    order = json.dumps([str(before), str(after), suffix, ratio, list(trusted)])
    command = [sys.executable, "-P", "-m", __name__]
    try:
        done = subprocess.run(command, input=order, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
        within, detail = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError):
        return False, "its bytes differ, and the process that compares predictions ended early"
    return bool(within), str(detail)


def compared(before: Path, after: Path, suffix: str, ratio: float, trusted: Sequence[str]) -> tuple[bool, str]:
    """As `agree`, in this process."""
    with tempfile.TemporaryDirectory(prefix="mlops-models-") as folder:
        try:
            if suffix == ".onnx":
                answers = _onnx_answers(before, after)
            else:
                answers = _estimator_answers(before, after, Path(folder), Trust(tuple(trusted)))
        except MlopsError as error:
            return False, f"its bytes differ, and its predictions cannot be compared: {error.message}"
        except Exception as error:  # noqa: BLE001  # a model of any library, broken in any way
            return False, f"its bytes differ, and its predictions cannot be compared: {type(error).__name__}"
    return _verdict(*answers, ratio)


def _estimator_answers(before: Path, after: Path, folder: Path, trust: Trust) -> tuple[Answer, Answer]:
    """What both predict for the same rows, which show each category that the model before has learned."""
    old = trusted_estimator(before, folder / "before.skops", trust)
    new = trusted_estimator(after, folder / "after.skops", trust)
    inputs = inputs_of(old)
    rows = probe_rows(old, inputs, missing=False)
    names = [tensor.name for tensor in inputs]
    return Estimator(old, names).predict(rows), Estimator(new, names).predict(rows)


def _onnx_answers(before: Path, after: Path) -> tuple[Answer, Answer]:
    old, new = OnnxModel(before), OnnxModel(after)
    rows = _rows(old.inputs())
    return old.predict(rows), new.predict(rows)


def _rows(inputs: Sequence[Tensor]) -> Answer:
    """Seeded rows: numbers of several magnitudes, whole ones too; texts that no model has learned."""
    import numpy as np

    random = np.random.default_rng(20150101)
    found: dict[str, np.ndarray] = {}
    for tensor in inputs:
        shape = (PROBES, *(abs(size) for size in tensor.shape[1:]))
        numbers = random.normal(size=shape) * random.choice((0.1, 1.0, 10.0, 100.0), shape)
        numbers[::2] = np.abs(np.rint(numbers[::2]))
        if tensor.datatype == "BYTES":
            found[tensor.name] = random.choice(np.array(["a", "b", "c"], dtype=object), shape)
        else:
            values = np.clip(np.rint(numbers), 0, 100) if "INT" in tensor.datatype else numbers
            found[tensor.name] = (values > 0 if tensor.datatype == "BOOL" else values).astype(NUMPY[tensor.datatype])
    return found


def _verdict(before: Answer, after: Answer, ratio: float) -> tuple[bool, str]:
    import numpy as np

    if set(before) != set(after) or any(before[name].shape != after[name].shape for name in before):
        return False, "its bytes differ, and it gives other outputs"
    worst, others = 0.0, 0
    within = True
    for name, old in before.items():
        new = after[name]
        if old.dtype.kind == "f":
            worst = max(worst, float(np.nanmax(np.abs(old - new), initial=0.0)))
            within = within and bool(np.allclose(old, new, rtol=ratio, atol=ratio, equal_nan=True))
        else:
            others = max(others, int((old.astype(str) != new.astype(str)).sum()))
    rows = f"of {PROBES} rows"
    if not worst and not others:
        return within, f"its bytes differ, its predictions {rows} are the same"
    parts = [f"{others} other classes"] if others else []
    parts += [f"numbers apart by {worst:.3g} at most"] if worst else []
    return within and not others, f"its predictions {rows} differ: {', '.join(parts)}"


def main() -> None:
    """Answer the order on standard input."""
    before, after, suffix, ratio, trusted = json.loads(sys.stdin.read())
    answer = compared(Path(before), Path(after), suffix, ratio, trusted)
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
