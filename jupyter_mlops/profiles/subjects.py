"""Whose rows are meant: one rule, for every format, of when a cell is the value that was typed."""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation

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


@attrs.frozen
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
    - ``true`` and ``false`` match in any case; dates and the like as they print.
    - Null, nested and binary cells are nobody's; `redaction.doubts` says so.
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
        if cell is None or isinstance(cell, bytes | list | tuple | dict):
            return False
        if isinstance(cell, bool):
            return str(cell).lower() == self.text.lower()
        if isinstance(cell, int | Decimal):
            return self.number is not None and self.number == cell
        if isinstance(cell, float):
            return self.number is not None and math.isfinite(cell) and float(self.number) == cell
        return str(cell).strip() == self.text

    def owns_written(self, cell: str) -> bool:
        """Whether a row with this `cell` of a CSV file is the subject's."""
        text = cell.strip()
        if text == self.text:
            return True
        number = self.number
        return number is not None and plain_number(text) == number
