"""Plotly figures of drift, for a notebook that wants to go on with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_mlops.errors import UsageError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from jupyter_mlops.verbs.drift import ColumnDrift, DriftReport

BEFORE, AFTER, OVER = "#8c959f", "#0969da", "#bf8700"


def ranked(report: DriftReport) -> Figure:
    """Horizontal bars by effect, greatest at the top, each with a mark at its threshold."""
    from plotly.graph_objects import Bar, Figure, Scatter

    columns = report.columns[::-1]
    names = [column.name for column in columns]
    colours = [OVER if column.drifted else AFTER for column in columns]
    texts = [f"{column.measure}, adjusted p {column.p_adjusted:.2g}" for column in columns]
    figure = Figure(
        Bar(y=names, x=[column.effect for column in columns], orientation="h", marker_color=colours, hovertext=texts)
    )
    thresholds = [column.threshold for column in columns]
    mark = {"symbol": "line-ns-open", "size": 16, "line": {"width": 2}}
    figure.add_trace(Scatter(y=names, x=thresholds, mode="markers", marker=mark, name="threshold"))
    return _quiet(figure, f"Drift {report.reference} → {report.current}", "effect")


def overlaid(report: DriftReport, name: str) -> Figure:
    """The distributions of column `name` before and after, over the same bins.

    Raises
    ------
    UsageError
        ``no-distribution``.
    """
    from plotly.graph_objects import Bar, Figure

    column = _column(report, name)
    shares = column.distribution
    if shares is None:
        raise UsageError(
            "no-distribution", f"The report holds no distribution of {name}.", hint="drift … --distributions"
        )
    figure = Figure()
    sides = ((report.reference, shares.reference, BEFORE), (report.current, shares.current, AFTER))
    for label, heights, colour in sides:
        figure.add_trace(Bar(x=list(shares.bins), y=list(heights), name=label, marker_color=colour, opacity=0.6))
    figure.update_layout(barmode="overlay", bargap=0.02)
    return _quiet(figure, name, "")


def _column(report: DriftReport, name: str) -> ColumnDrift:
    found = next((column for column in report.columns if column.name == name), None)
    if found is None:
        names = ", ".join(column.name for column in report.columns)
        raise UsageError("unknown-column", f"The report has no column {name}.", hint=f"Columns: {names}")
    return found


def _quiet(figure: Figure, title: str, axis: str) -> Figure:
    """Plain paper that suits light and dark, and escaped words: plotly reads titles as markup."""
    from html import escape

    figure.update_layout(
        title=escape(title),
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font_color="#808890",
        margin={"l": 8, "r": 8, "t": 48, "b": 32},
        xaxis={"title": axis, "automargin": True},
        yaxis={"automargin": True},
        legend={"orientation": "h"},
    )
    return figure
