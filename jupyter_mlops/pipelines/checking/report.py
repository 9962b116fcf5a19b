"""What a check of the pipeline found, as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import attrs

from jupyter_mlops.records import Scalar, StageRecord

HARMLESS = re.compile(r"""(?!.*(?://|www\.))[\w .,:;%/=+()'"?·…-]*""", re.IGNORECASE)
"""Texts that mean nothing to Markdown: no tag, link, address, mention or border of a table."""


@attrs.frozen
class Report:
    """What there is to say.

    Attributes
    ----------
    base
        The commit compared with; empty when there is none.
    failures, notes
        Why the check is red, and what else matters, one line each.
    metrics
        Name to value before and after.
    data
        Dataset to its version before and after.
    drifted
        Dataset to whether it drifted; those that could not be measured are left out.
    opening
        The line that brings the first failure onto one's own machine.
    """

    base: str
    failures: tuple[str, ...]
    notes: tuple[str, ...]
    stages: tuple[StageRecord, ...]
    metrics: Mapping[str, tuple[Scalar, Scalar]]
    data: Mapping[str, tuple[str, str]]
    drifted: Mapping[str, bool]
    opening: str = ""

    def markdown(self) -> str:
        """The page."""
        return "\n".join([*self._head(), *self._tables()]) + "\n"

    def _head(self) -> Iterator[str]:
        yield f"## {f'❌ {_said(self.failures[0])}' if self.failures else '✅ The pipeline is good'}"
        yield ""
        if points := [f"- {_said(line)}" for line in (*self.failures[1:], *self.notes)]:
            yield from (*points, "")
        if self.opening:
            yield from ("To see it on your machine:", "", f"    {_one_line(self.opening)}", "")
        yield f"Compared with `{self.base[:7]}`." if self.base else "There is no older revision to compare with."

    def _tables(self) -> Iterator[str]:
        stages = [(one.name, one.state, f"{one.seconds:.1f}", one.error or one.reason) for one in self.stages]
        yield from _table(("stage", "state", "seconds", "why"), stages)
        metrics = [(name, _cell(before), _cell(after)) for name, (before, after) in self.metrics.items()]
        yield from _table(("metric", "before", "after"), metrics)
        words = {None: "not measured", True: "yes", False: "no"}
        data = [(name, *labels, words[self.drifted.get(name)]) for name, labels in self.data.items()]
        yield from _table(("data", "before", "after", "drifted"), data)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if rows:
        yield ""
        for row in (head, ["---"] * len(head), *rows):
            yield "| " + " | ".join(map(_said, row)) + " |"


def _said(text: str) -> str:
    """`text` as Markdown that shows it; as code when it could be taken for anything but text."""
    line = _one_line(text)
    if HARMLESS.fullmatch(line):
        return line
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    # A table ends its cell at a bar even inside code, and an escaped one can be unescaped by a backslash before it.
    return f"{fence} {line.replace('|', '¦')} {fence}"


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text).strip()


def _cell(value: Scalar) -> str:
    if value is None:
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
