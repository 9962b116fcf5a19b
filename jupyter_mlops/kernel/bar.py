"""A progress bar with the time left, in a live notebook."""

from __future__ import annotations

import time
from typing import Any

from jupyter_mlops.records import Step

REDRAW_S = 0.1


class Bar:
    """An ipywidgets bar; whoever shows it puts the answer in its place and closes it."""

    def __init__(self) -> None:
        from ipywidgets import HTML, FloatProgress, HBox, Layout

        self._what = ""
        self._began_s = self._drawn_s = 0.0
        self._gauge = FloatProgress(min=0, max=1, layout=Layout(width="16em"))
        self._label = HTML()
        self._box = HBox([self._gauge, self._label])

    def move(self, step: Step) -> None:
        """Show `step`, at most ten times a second."""
        moment_s = time.monotonic()
        if step.what != self._what:
            self._what, self._began_s, self._drawn_s = step.what, moment_s, 0.0
        if moment_s - self._drawn_s < REDRAW_S:
            return
        self._drawn_s = moment_s
        ratio = min(step.done / step.total, 1.0) if step.total else None
        self._gauge.value = 1.0 if ratio is None else ratio
        self._gauge.bar_style = "info" if ratio is None else ""
        self._label.value = label(step, ratio, moment_s - self._began_s)

    @property
    def data(self) -> dict[str, Any]:
        """The MIME bundle of the bar."""
        return dict(self._box._repr_mimebundle_())

    def close(self) -> None:
        """Remove the widgets from the front end."""
        for widget in (self._gauge, self._label, self._box):
            widget.close()


def label(step: Step, ratio: float | None, elapsed_s: float) -> str:
    """``train 7 of 12 cells, 40 s left`` as HTML."""
    from html import escape

    from jupyter_mlops.rendering.units import amount, duration

    if ratio is None:
        counted = f" {amount(step.done, step.unit)}" if step.done else ""
        return escape(f"{step.what}{counted} …")
    left = f", {duration(elapsed_s / ratio - elapsed_s)} left" if 0 < ratio < 1 and elapsed_s > 1 else ""
    whole = amount(step.total or 0, step.unit)
    return escape(f"{step.what} {amount(step.done, step.unit).split()[0]} of {whole}{left}")
