"""What differs between a recorded output and the one that a re-execution made, and how much may differ."""

from __future__ import annotations

import math
from collections.abc import Iterable

import attrs

IDENTICAL = "identical"
WITHIN = "within-tolerance"
DIFFERENT = "different"
NOT_EXECUTABLE = "not-executable"


@attrs.frozen
class OutputDifference:
    """One thing in which an output differs.

    Attributes
    ----------
    output
        Its path below the root; ``out/part.csv`` of a folder.
    kind
        ``file``, ``text``, ``table``, ``row-order``, ``metrics``, ``json``, ``picture``, ``model``, ``cell`` (of the
        executed notebook), ``missing``, ``added`` or ``failed``.
    detail
        In words; it holds no value of the data, because verdicts are shared.
    within
        Whether it is within what was allowed, or no more than metadata.
    cell
        The number of the code cell, counted from 1, injected parameters not included.
    before, after
        How both sides begin where they part; shown to whoever asked, kept in no record.
    cause
        Why, in words: ``unset seed``; several are joined by ``, ``. Empty when it is not known.
    """

    output: str
    kind: str
    detail: str
    within: bool = False
    cell: int | None = None
    before: str = ""
    after: str = ""
    cause: str = ""

    @property
    def place(self) -> tuple[str, int | None]:
        """Where it is: the same place may differ in every pair of executions."""
        return self.output, self.cell


@attrs.frozen
class Tolerance:
    """How far numbers may be apart: absolutely, or as a share of the larger one; 0 allows nothing."""

    ratio: float = 0.0

    def allows(self, one: float, other: float) -> bool:
        """Whether both count as the same number; NaN equals NaN."""
        if math.isnan(one) or math.isnan(other):
            return math.isnan(one) and math.isnan(other)
        return one == other or math.isclose(one, other, rel_tol=self.ratio, abs_tol=self.ratio)


def verdict(differences: Iterable[OutputDifference]) -> str:
    """The word for all `differences` together."""
    found = tuple(differences)
    if any(not each.within for each in found):
        return DIFFERENT
    return WITHIN if found else IDENTICAL
