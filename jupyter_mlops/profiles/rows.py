"""Changed rows and cells as people and JSON read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import attrs

from jupyter_mlops.profiles.comparable import EXACT_INTEGERS
from jupyter_mlops.records import Scalar

LONGEST_TEXT = 10_000


@attrs.frozen
class CellChange:
    """One changed cell; `key` names its row."""

    key: str
    column: str
    before: Scalar
    after: Scalar


@attrs.frozen
class RowChange:
    """One changed row.

    Attributes
    ----------
    kind
        ``added``, ``modified`` or ``removed``.
    key
        What names the row: its key, or where it stands in its file.
    values
        Column to cell; of a removed row as they were, else as they are. Texts are cut after 10,000 characters.
    before
        Column to cell as it was, for the changed cells of a modified row alone.
    """

    kind: str
    key: str
    values: dict[str, Scalar]
    before: dict[str, Scalar] = attrs.field(factory=dict)


def shown(value: object) -> Scalar:
    """A cell as a page holds it: a page of long texts must not take a server's memory."""
    found = scalar(value)
    return f"{found[:LONGEST_TEXT]}…" if isinstance(found, str) and len(found) > LONGEST_TEXT else found


def row_name(key: Sequence[str], values: Sequence[Any]) -> str:
    """``17``, or ``state=MA, id=17``."""
    texts = ["null" if value is None else str(scalar(value)) for value in values]
    return texts[0] if len(key) == 1 else ", ".join(f"{n}={t}" for n, t in zip(key, texts, strict=True))


def scalar(value: object) -> Scalar:
    """A cell as JSON can carry it; what it cannot becomes text: NaN, infinities, whole numbers beyond 2**53."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value).replace("nan", "NaN")
    if isinstance(value, int) and abs(value) > EXACT_INTEGERS:
        return str(value)
    if value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, bytes):
        return value.hex()
    isoformat = getattr(value, "isoformat", None)
    return cast("str", isoformat()) if isoformat else str(value)
