"""YAML nested so deep that to read it takes seconds: no file of DVC is, and a stranger's may be."""

from __future__ import annotations

import itertools
import re

DEEPEST = 200
BRACKET = re.compile(r"[\[\]{}]")


def require_shallow(text: str) -> None:
    """Refuse a text with more brackets open at once than DVC's files ever have.

    Raises
    ------
    ValueError
        It goes deeper than 200.
    """
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    steps = (1 if found[0] in "[{" else -1 for found in BRACKET.finditer(text))
    if max(itertools.accumulate(steps)) > DEEPEST:
        raise ValueError(f"It is nested deeper than {DEEPEST}.")
