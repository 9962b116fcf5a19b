"""``mlops.report``: a metric on its way, said by a notebook while it runs as a stage."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.executing.worker import INSIDE
from jupyter_mlops.pipelines.records.reports import MIME

_next: list[int] = [0]


def publish(metrics: Mapping[str, Any], step: int | None) -> None:
    """Send `metrics` to whoever runs this notebook; nobody hears it in a notebook that a person runs.

    Raises
    ------
    UsageError
        ``bad-report``: a value that is no number, or a step that is no count.
    """
    values = {name: _number(name, value) for name, value in metrics.items()}
    count = _next[0] if step is None else _step(step)
    _next[0] = count + 1
    if os.environ.get(INSIDE):
        _display({"values": values, "step": count})


def _display(report: Mapping[str, Any]) -> None:
    from IPython.core.getipython import get_ipython

    if shell := get_ipython():
        shell.display_pub.publish(data={MIME: report})


def _number(name: str, value: Any) -> float | str:
    """`value` as JSON can carry it."""
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        message = f"{name} is {type(value).__name__}, and a metric is a number."
        raise UsageError("bad-report", message, hint="mlops.report(auc=0.7, step=3)") from error
    return number if math.isfinite(number) else str(number)


def _step(step: Any) -> int:
    if isinstance(step, bool) or int(step) != step or step < 0:
        message = f"{step!r} is no step: steps are counted from 0."
        raise UsageError("bad-report", message, hint="mlops.report(auc=0.7, step=3)")
    return int(step)
