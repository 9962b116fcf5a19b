"""Whose rows are meant: one rule, for every format, of when a cell is the value that was typed."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property
from uuid import UUID

import attrs

PLAIN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII)


def plain_number(text: str) -> Decimal | None:
    """The number that `text` is when it is written plainly: no leading zero, exponent, underscore or plus."""
    return Decimal(text) if PLAIN.fullmatch(text) else None


def exact_number(text: str) -> Decimal | float:
    """A number of JSON with all of its digits."""
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond what Decimal can count
        return float(text)


def _is_number(cell: float | Decimal, number: Decimal) -> bool:
    """Whether `cell` is `number`, or the floating-point number nearest to it."""
    return math.isfinite(cell) and float(number) == cell if isinstance(cell, float) else number == cell


def _is_at(cell: datetime, moment: datetime | None) -> bool:
    """Whether `cell` is `moment`; where only one has a zone, what the clock of the column shows."""
    if moment is None:
        return False
    if (cell.tzinfo is None) is (moment.tzinfo is None):
        return cell == moment
    return moment.tzinfo is None and cell.replace(tzinfo=None) == moment


@attrs.frozen(slots=False)
class Subject:
    """Whose rows: those whose cell in `column` is `value`.

    - A text is compared as it is written, without the spaces around it: ``1234`` is neither ``01234`` nor
      ``1.234e3`` nor ``1_234``, and case and accents count.
    - An integer or a decimal is equal to a plainly written value of exactly the same number, whatever its
      length: ``17`` and ``17.0`` are 17, ``017`` and ``1e3`` are no plainly written numbers.
    - A floating-point cell is compared with the floating-point number nearest to a plainly written value;
      infinity and NaN are nobody's. A cell of 32 or 16 bits is also compared as it prints (``0.1``).
    - A cell of a CSV file is a text, and in addition equal when both are plainly written numbers of exactly
      the same value.
    - ``true`` and ``false`` match in any case; dates and the like as they print, moments also as ISO 8601 writes
      them: a value without a zone is the moment in the zone of the column.
    - Bytes, such as those of a UUID, are the value in UTF-8, in hexadecimal, or as a UUID however it is spelled.
    - Null and nested cells are nobody's; `redaction.doubts` says so.
    """

    column: str
    value: str = attrs.field(repr=False)

    @property
    def text(self) -> str:
        """The value without the spaces around it."""
        return self.value.strip()

    @property
    def number(self) -> Decimal | None:
        """The value as a number, when it is plainly written as one."""
        return plain_number(self.text)

    @property
    def needle(self) -> str:
        """What every CSV cell of the subject holds."""
        number = self.number
        if number is None:
            return self.text
        text = f"{abs(number):f}"
        return text.rstrip("0").rstrip(".") if "." in text else text

    def owns(self, cell: object) -> bool:
        """Whether a row with this `cell`, which has a type, is the subject's."""
        if cell is None or isinstance(cell, list | tuple | dict):
            return False
        if isinstance(cell, bytes):
            return cell.strip() == self.text.encode("utf-8", "surrogateescape") or cell in self._codes
        if isinstance(cell, bool):
            return str(cell).lower() == self.text.lower()
        if isinstance(cell, int | Decimal | float):
            return self.number is not None and _is_number(cell, self.number)
        return str(cell).strip() == self.text or (isinstance(cell, datetime) and _is_at(cell, self._moment))

    @cached_property
    def _codes(self) -> frozenset[bytes]:
        """The bytes that the value spells, as hexadecimal digits or as a UUID."""
        found = set()
        with suppress(ValueError):
            found.add(bytes.fromhex(self.text))
        with suppress(ValueError):
            found.add(UUID(self.text).bytes)
        return frozenset(found - {b""})

    @cached_property
    def _moment(self) -> datetime | None:
        """The moment that the value spells."""
        with suppress(ValueError):
            return datetime.fromisoformat(self.text)
        return None

    def owns_written(self, cell: str) -> bool:
        """Whether a row with this `cell` of a CSV file is the subject's."""
        text = cell.strip()
        if text == self.text:
            return True
        number = self.number
        return number is not None and plain_number(text) == number
