"""Metrics and other JSON or YAML compared value by value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from jupyter_mlops.pipelines.reproduction.differing import Tolerance

MOST = 20
ABSENT = object()


@attrs.frozen
class Apart:
    """A value that two documents do not share; `within` when it is a number close enough."""

    key: str
    before: str
    after: str
    within: bool = False


def compare(before: Any, after: Any, tolerance: Tolerance, key: str = "") -> Iterator[Apart]:
    """The values in which two documents differ; the order of keys does not count."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys((*before, *after)):
            below = f"{key}.{name}" if key else str(name)
            yield from compare(before.get(name, ABSENT), after.get(name, ABSENT), tolerance, below)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from compare(one, other, tolerance, f"{key}[{number}]")
    elif _is_number(before) and _is_number(after):
        if before != after and not (before != before and after != after):  # noqa: PLR0124 - NaN equals NaN
            yield Apart(key, str(before), str(after), tolerance.allows(float(before), float(after)))
    elif before is ABSENT or after is ABSENT or type(before) is not type(after) or before != after:
        yield Apart(key, _shown(before), _shown(after))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: object) -> str:
    return "absent" if value is ABSENT else str(value)[:80]
