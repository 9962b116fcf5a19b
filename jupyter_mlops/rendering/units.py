"""Numbers, sizes and times in the words people read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

from jupyter_mlops.records import short

SIZES = ("bytes", "kB", "MB", "GB", "TB", "PB")


def size(bytes_: float) -> str:
    """``82 MB``: decimal units, two or three digits."""
    value = float(bytes_)
    for unit in SIZES:
        if abs(value) < 999.5 or unit == SIZES[-1]:
            break
        value /= 1000
    digits = 0 if unit == "bytes" or abs(value) >= 10 else 1
    return f"{value:,.{digits}f} {unit}" if unit != "bytes" or value != 1 else "1 byte"


def count(number: int, noun: str) -> str:
    """``1 file``, ``12,400 rows``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def moment(time: datetime) -> str:
    """``2026-05-01 14:03 UTC``: with its zone, always."""
    return time.strftime("%Y-%m-%d %H:%M ") + (time.tzname() or "without zone")


def amount(number: float, unit: str) -> str:
    """`number` of `unit`, as progress counts it: ``3 files``, ``82 MB``."""
    return size(number) if unit == "bytes" else f"{number:,.0f} {unit}".rstrip()


def label(version: str | None, digest: str = "") -> str:
    """``v4·7f3a``; the digest is added when `version` does not show it yet."""
    if not version:
        return ""
    return version if "·" in version or not digest else f"{version}·{short(digest)}"


def number(value: float) -> str:
    """At most four significant digits; separators in large whole numbers."""
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e15):
        return f"{int(value):,}"
    return f"{value:,.1f}" if 1e3 <= abs(value) < 1e15 else f"{value:.4g}"


def exact(value: object) -> str:
    """A cell of data as it is: no digit is rounded away, no separator is added."""
    return repr(value) if isinstance(value, float) else str(value) if isinstance(value, int) else scalar(value)


def scalar(value: object) -> str:
    """A parameter, metric or cell in words."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={scalar(item)}" for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return ", ".join(scalar(item) for item in value)
    return str(value)


def changes(added: int, modified: int, removed: int) -> str:
    """``+3 ~1 -2``, empty when nothing changed."""
    parts = (("+", added), ("~", modified), ("-", removed))
    return " ".join(f"{sign}{amount:,}" for sign, amount in parts if amount)
