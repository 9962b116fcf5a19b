"""What a notebook shows for a result: HTML and text always, a widget where it adds something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from jupyter_mlops import rendering

if TYPE_CHECKING:
    from ipywidgets import Widget

    from jupyter_mlops.verbs.differences import Difference
    from jupyter_mlops.verbs.drift import DriftReport

WIDGET = "application/vnd.jupyter.widget-view+json"


def bundle(result: Any, *, live: bool) -> dict[str, Any]:
    """The MIME bundle of `result`; a code host falls back to its HTML and text.

    Parameters
    ----------
    live
        A person looks on, so that a widget has somebody to move it.
    """
    data: dict[str, Any] = dict(rendering.mimebundle(result))
    explorer = EXPLORERS.get(type(result).__name__) if live else None
    widget = explorer(result) if explorer else None
    if widget is not None:
        data[WIDGET] = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return data


def _drift(report: DriftReport) -> Widget | None:
    """All bars, and below them a choice of column with its two distributions."""
    import attrs

    from jupyter_mlops.rendering.blocks import Document
    from jupyter_mlops.rendering.markup import fragment
    from jupyter_mlops.rendering.watch import histogram

    drawn = {column.name: histogram(column, report) for column in report.columns if column.distribution}
    if not drawn:
        return None
    bars = attrs.evolve(report, columns=tuple(attrs.evolve(each, distribution=None) for each in report.columns))

    def chosen(name: str) -> str:
        found = drawn[name]
        return fragment(Document(name, (found,) if found else ()))

    return _chooser([*drawn], chosen, rendering.html(bars))


def _difference(found: Difference) -> Widget | None:
    """The changed rows, page by page."""
    import functools
    from pathlib import Path

    import jupyter_mlops as mlops
    from jupyter_mlops.kernel.changed_rows import ChangedRows

    if not found.matching:
        return None
    return ChangedRows(found, functools.partial(mlops.diff, project=str(Path.cwd()))).widget


def _chooser(names: list[str], chosen: Callable[[str], str], above: str = "") -> Widget:
    """A choice of column; the HTML of what is chosen stands below it."""
    from ipywidgets import HTML, Dropdown, VBox

    choice = Dropdown(options=names, description="Column")
    shown = HTML(chosen(names[0]))
    choice.observe(lambda change: setattr(shown, "value", chosen(change["new"])), "value")
    return VBox([*([HTML(above)] if above else []), choice, shown])


def _sweep(found: Any) -> Widget | None:
    """The leaderboard, with axes that can be brushed."""
    from jupyter_mlops.kernel import board

    return board.single(found) if hasattr(found, "sweeps") else board.one(found)


EXPLORERS: Mapping[str, Callable[[Any], Widget | None]] = {
    "DriftReport": _drift,
    "Difference": _difference,
    "Sweep": _sweep,
    "Sweeps": _sweep,
}
