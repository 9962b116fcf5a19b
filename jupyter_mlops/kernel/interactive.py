"""What a notebook shows for a result: HTML and text always, a widget where it adds something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from jupyter_mlops import rendering

if TYPE_CHECKING:
    from ipywidgets import Widget

    from jupyter_mlops.verbs.datasets import Difference
    from jupyter_mlops.verbs.drift import DriftReport

WIDGET = "application/vnd.jupyter.widget-view+json"
EVERYTHING = "All columns"


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
    """A choice of column above its two distributions."""
    import attrs

    names = [column.name for column in report.columns if column.distribution]
    if not names:
        return None
    bare = attrs.evolve(report, columns=tuple(attrs.evolve(each, distribution=None) for each in report.columns))

    def chosen(name: str) -> Any:
        columns = tuple(column for column in report.columns if column.name == name)
        return attrs.evolve(report, columns=columns, missing=(), new=())

    return _chooser("Column", names, bare, chosen)


def _difference(found: Difference) -> Widget | None:
    """A choice of column above its changed cells."""
    import attrs

    names = list(dict.fromkeys(each.column for each in found.cells))
    if len(names) < 2:
        return None

    def chosen(name: str) -> Any:
        if name == EVERYTHING:
            return found
        cells = tuple(each for each in found.cells if each.column == name)
        return attrs.evolve(found, cells=cells, columns={name: found.columns.get(name, len(cells))})

    return _chooser("Column", [EVERYTHING, *names], None, chosen)


def _chooser(label: str, names: list[str], always: Any, chosen: Callable[[str], Any]) -> Widget:
    from ipywidgets import HTML, Dropdown, VBox

    choice = Dropdown(options=names, description=label)
    shown = HTML(rendering.html(chosen(names[0])))
    choice.observe(lambda change: setattr(shown, "value", rendering.html(chosen(change["new"]))), "value")
    head = [HTML(rendering.html(always))] if always is not None else []
    return VBox([*head, choice, shown])


EXPLORERS: Mapping[str, Callable[[Any], Widget | None]] = {"DriftReport": _drift, "Difference": _difference}
