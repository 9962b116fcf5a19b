"""A progress bar with the time left, in a live notebook."""

from __future__ import annotations

import time
from typing import Any

from jupyter_mlops.records import Standing, Step

REDRAW_S = 0.1
REDRAW_RESULT_S = 1.0


class Bar:
    """An ipywidgets bar; whoever shows it puts the answer in its place and closes it."""

    def __init__(self) -> None:
        from ipywidgets import HTML, FloatProgress, HBox, Layout, VBox

        self._what = ""
        self._began_s = self._drawn_s = self._result_s = 0.0
        self._gauge = FloatProgress(min=0, max=1, layout=Layout(width="16em"))
        self._label = HTML()
        self._result = HTML()
        self._line = HBox([self._gauge, self._label])
        self._box = VBox([self._line, self._result])

    def move(self, step: Step) -> None:
        """Show `step`, at most ten times a second."""
        moment_s = time.monotonic()
        self._show_result(step, moment_s)
        if step.what != self._what:
            self._what, self._began_s, self._drawn_s = step.what, moment_s, 0.0
        if moment_s - self._drawn_s < REDRAW_S:
            return
        self._drawn_s = moment_s
        ratio = min(step.done / step.total, 1.0) if step.total else None
        self._gauge.value = 1.0 if ratio is None else ratio
        self._gauge.bar_style = "info" if ratio is None else ""
        self._label.value = label(step, ratio, moment_s - self._began_s)

    def _show_result(self, step: Step, moment_s: float) -> None:
        """Below the bar, the result as it is so far; at most once a second, as it may be long."""
        if isinstance(step, Standing) and moment_s - self._result_s >= REDRAW_RESULT_S:
            from jupyter_mlops.rendering import html

            self._result_s = moment_s
            self._result.value = html(step.result)

    @property
    def data(self) -> dict[str, Any]:
        """The MIME bundle of the bar."""
        return dict(self._box._repr_mimebundle_())

    def close(self) -> None:
        """Remove the widgets from the front end."""
        for widget in (self._gauge, self._label, self._result, self._line, self._box):
            widget.close()


def label(step: Step, ratio: float | None, elapsed_s: float) -> str:
    """``train 7 of 12 cells, 40 s left`` as HTML."""
    from html import escape

    from jupyter_mlops.rendering.units import amount, duration

    note = f", {step.note}" if step.note else ""
    if ratio is None:
        counted = f" {amount(step.done, step.unit)}" if step.done else ""
        return escape(f"{step.what}{counted}{note} …")
    left = f", {duration(elapsed_s / ratio - elapsed_s)} left" if 0 < ratio < 1 and elapsed_s > 1 else ""
    whole = amount(step.total or 0, step.unit)
    return escape(f"{step.what} {amount(step.done, step.unit).split()[0]} of {whole}{left}{note}")
