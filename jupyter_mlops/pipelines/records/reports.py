"""What a notebook reports while it runs, by ``mlops.report``, and the curves that come of it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from typing import Any

import attrs

MIME = "application/vnd.jupyter-mlops.report+json"
"""How a report travels: among the outputs of a cell, from which our engine takes it out. No server has a part in it."""
MOST_POINTS = 500


@attrs.frozen
class Report:
    """Values of metrics at one step, counted from 0."""

    values: Mapping[str, float]
    step: int

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Report:
        """A report as it travels; values that JSON has no number for are text, ``nan``."""
        return cls({str(name): float(value) for name, value in message["values"].items()}, int(message["step"]))


Heard = Callable[[Report], bool]
"""Hears a report, and says whether the notebook goes on."""


def go_on(_: Report) -> bool:
    """Nobody minds."""
    return True


class Curves:
    """The metrics of one run over its steps, thinned when there are too many; any thread may add to them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._points: dict[str, list[tuple[float, float]]] = {}
        self._last: dict[str, tuple[float, float]] = {}
        self._every: dict[str, int] = {}
        self._count: dict[str, int] = {}

    def add(self, report: Report) -> None:
        """Take note of a report; what is not finite cannot be drawn and is passed over."""
        with self._lock:
            for name, value in report.values.items():
                if math.isfinite(value):
                    self._append(name, (float(report.step), value))

    def _append(self, name: str, point: tuple[float, float]) -> None:
        points = self._points.setdefault(name, [])
        count = self._count[name] = self._count.get(name, -1) + 1
        self._last[name] = point
        if count % self._every.setdefault(name, 1) == 0:
            points.append(point)
        if len(points) >= MOST_POINTS:
            self._points[name] = points[::2]
            self._every[name] *= 2

    def points(self) -> dict[str, list[tuple[float, float]]]:
        """Metric to ``(step, value)`` in the order of the reports; at most `MOST_POINTS` each, with the last."""
        with self._lock:
            return {
                name: points if points[-1] == self._last[name] else [*points, self._last[name]]
                for name, points in self._points.items()
            }
