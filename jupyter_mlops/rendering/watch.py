"""Renditions of lineage, drift and profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_mlops.rendering.blocks import (
    Bar,
    Bars,
    Block,
    Cell,
    Document,
    Graph,
    Histogram,
    Listing,
    Mark,
    Tone,
    Vertex,
    facts,
    say,
    table,
)
from jupyter_mlops.rendering.generic import document
from jupyter_mlops.rendering.units import count, number, scalar

if TYPE_CHECKING:
    from jupyter_mlops.verbs.drift import ColumnDrift, ColumnProfile, DriftReport, Profile
    from jupyter_mlops.verbs.lineage import Lineage

MOST_BARS = 40
MOST_TOP = 3
LEAST = 0.001
"""A smaller p-value says no more."""


@document.register
def _(result: Lineage) -> Document:
    if result.text:
        return Document("Lineage", (Listing("Lineage", result.text),))
    if not result.nodes:
        return Document("Lineage", (say("Nothing was made from anything yet."),))
    vertices = tuple(Vertex(each.id, each.kind, each.name, each.version) for each in result.nodes)
    return Document("Lineage", (Graph("Lineage", vertices, tuple((each.before, each.after) for each in result.edges)),))


@document.register
def _(result: DriftReport) -> Document:
    moved = sum(each.drifted for each in result.columns)
    words = f"{moved} of {len(result.columns)} columns drifted" if result.drifted else "Nothing drifted."
    head = Mark(words, Tone.STALE if result.drifted else Tone.GOOD)
    shown = result.columns[:MOST_BARS]
    bars = Bars(
        "Effect, greatest first; the line is the threshold",
        tuple(_bar(each, result) for each in shown),
        len(result.columns) - len(shown),
    )
    return Document(
        f"Drift {result.reference} → {result.current}",
        (
            say(head),
            say(f"{result.rows_before:,} → {count(result.rows_after, 'row')}"),
            *((bars,) if shown else ()),
            *facts(("Columns gone", ", ".join(result.missing)), ("New columns", ", ".join(result.new))),
        ),
    )


def _bar(each: ColumnDrift, report: DriftReport) -> Bar:
    mark = Mark("drifted", Tone.STALE) if each.drifted else Mark("steady", Tone.GOOD)
    return Bar(
        each.name,
        each.effect,
        each.threshold,
        mark,
        f"{each.measure}, p {_probability(each.p_adjusted)}",
        histogram(each, report),
    )


def _probability(value: float) -> str:
    """As the charts of the sidebar say it."""
    return f"{value:.2g}" if value >= LEAST else f"< {LEAST}"


def histogram(each: ColumnDrift, report: DriftReport) -> Histogram | None:
    """Both distributions of one column, when the report holds them."""
    shares = each.distribution
    if shares is None:
        return None
    return Histogram(each.name, shares.bins, shares.reference, shares.current, (report.reference, report.current))


@document.register
def _(result: Profile) -> Document:
    columns = "Column|Kind|Values|Nulls|Distinct|Mean|Std|Minimum|Median|Maximum|Commonest"
    rows = [_profile_row(each) for each in result.columns]
    numeric = "Values|Nulls|Distinct|Mean|Std|Minimum|Median|Maximum"
    blocks: tuple[Block, ...] = table(f"{count(result.rows, 'row')}", columns, rows, numeric=numeric)
    return Document(f"Profile of {result.reference}", blocks or (say("No columns."),))


def _profile_row(each: ColumnProfile) -> tuple[Cell, ...]:
    rows = each.count + each.nulls
    nulls = f"{each.nulls:,} ({each.nulls / rows:.1%})" if each.nulls and rows else "0"
    median = each.quantiles.get("0.5")
    numbers = [number(value) if value is not None else "" for value in (each.mean, each.std)]
    ends = [scalar(value) if value is not None else "" for value in (each.minimum, median, each.maximum)]
    top = ", ".join(f"{value} ({amount:,})" for value, amount in list(each.top.items())[:MOST_TOP])
    distinct = f"{each.distinct:,}" if each.distinct is not None else ""
    return each.name, each.kind, f"{each.count:,}", nulls, distinct, *numbers, *ends, top
