"""Which runs are meant: by stage, author, state, time, metrics and parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.records.run_index import RAN, Condition, leaf_of
from jupyter_mlops.records import now

COMPARISON = re.compile(r"\s*(?P<name>[^<>=!]+?)\s*(?P<sign>>=|<=|!=|==|=|>|<)\s*(?P<value>.*?)\s*", re.DOTALL)
AGE = re.compile(r"(\d+)\s*(h|d|w)")
HOURS = {"h": 1, "d": 24, "w": 168}


@attrs.frozen
class RunFilter:
    """What the runs to list have in common; what is empty does not matter.

    Attributes
    ----------
    stage
        A stage that ran, failed or was restored in them.
    author
        A part of the name or address of whoever ran.
    state
        ``succeeded``, ``failed`` or ``cancelled``.
    since
        A day, a moment in ISO 8601, or an age: ``24h``, ``7d``, ``2w``.
    metrics, parameters
        Comparisons, ``auc>0.8``; the last part of a parameter's key is enough.
    """

    stage: str = ""
    author: str = ""
    state: str = ""
    since: str = ""
    metrics: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()

    def conditions(self) -> Iterator[Condition]:
        """All of it, as conditions.

        Raises
        ------
        UsageError
            ``bad-comparison``, ``bad-moment``.
        """
        if self.stage:
            marks = ", ".join("?" * len(RAN))
            clause = f"id IN (SELECT run FROM stage WHERE name = ? AND state IN ({marks}))"  # noqa: S608
            yield Condition(clause, (self.stage, *RAN))
        if self.author:
            yield Condition("instr(lower(author), lower(?))", (self.author,))
        if self.state:
            yield Condition("state = ?", (self.state,))
        if self.since:
            yield Condition("started >= ?", (moment(self.since).timestamp(),))
        yield from (compared("metric", text) for text in self.metrics)
        yield from (compared("parameter", text) for text in self.parameters)

    def metric_names(self) -> Iterator[str]:
        """The metrics that are compared."""
        yield from (found["name"] for text in self.metrics if (found := COMPARISON.fullmatch(text)))


def moment(text: str) -> datetime:
    """The moment that `text` names; without a zone, UTC.

    Raises
    ------
    UsageError
        ``bad-moment``.
    """
    if found := AGE.fullmatch(text.strip()):
        hours = int(found[1]) * HOURS[found[2]]
        return now() - timedelta(hours=min(hours, 24 * 365 * 1000))
    try:
        known = datetime.fromisoformat(text.strip())
    except ValueError as error:
        hint = "Give a day, 2026-05-01, or an age: 24h, 7d, 2w."
        raise UsageError("bad-moment", f"{text} is no moment.", hint=hint) from error
    return known if known.tzinfo else known.replace(tzinfo=UTC)


def compared(kind: str, text: str) -> Condition:
    """The comparison ``auc>0.8`` as a condition.

    Raises
    ------
    UsageError
        ``bad-comparison``.
    """
    found = COMPARISON.fullmatch(text)
    number = _number(found["value"]) if found else None
    if not found or (number is None and found["sign"] not in ("=", "==", "!=")):
        hint = f"Such as {'auc>0.8' if kind == 'metric' else 'C=1.5'}; signs are = != > >= < <=."
        raise UsageError("bad-comparison", f"{text} compares nothing.", hint=hint)
    sign = {"==": "=", "!=": "<>"}.get(found["sign"], found["sign"])
    column, value = ("number", number) if number is not None else ("text", found["value"])
    clause = f"kind = ? AND leaf = ? AND ? IN (name, leaf) AND {column} {sign} ?"
    values = (kind, leaf_of(found["name"]), found["name"], value)
    return Condition(f"id IN (SELECT run FROM value WHERE {clause})", values)  # noqa: S608


def _number(text: str) -> float | None:
    """`text` as a number, truth values too."""
    if text.lower() in ("true", "false"):
        return float(text.lower() == "true")
    try:
        return float(text)
    except ValueError:
        return None
