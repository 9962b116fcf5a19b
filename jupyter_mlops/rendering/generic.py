"""The rendition of any result: every frozen object has a face from the day it is declared."""

from __future__ import annotations

import re
from functools import singledispatch
from typing import Any

import attrs

from jupyter_mlops.rendering.blocks import Block, Cell, Document, Mark, Section, Tone, facts, table
from jupyter_mlops.rendering.units import duration, scalar, size

MOST_ROWS = 200
STATES = {
    "up-to-date": Tone.GOOD,
    "succeeded": Tone.GOOD,
    "ran": Tone.GOOD,
    "restored": Tone.GOOD,
    "healthy": Tone.GOOD,
    "ok": Tone.GOOD,
    "running": Tone.BUSY,
    "starting": Tone.BUSY,
    "stale": Tone.STALE,
    "missing": Tone.STALE,
    "never-run": Tone.STALE,
    "warning": Tone.STALE,
    "changed": Tone.CHANGED,
    "identical": Tone.GOOD,
    "within-tolerance": Tone.GOOD,
    "failed": Tone.BAD,
    "different": Tone.BAD,
    "not-executable": Tone.BAD,
    "absent": Tone.BAD,
    "skipped": Tone.QUIET,
    "pruned": Tone.QUIET,
    "interrupted": Tone.STALE,
    "cancelled": Tone.QUIET,
    "stopped": Tone.QUIET,
}


@singledispatch
def document(result: Any) -> Document:
    """The rendition of `result`; each verb's result may have its own, any other gets this."""
    if not attrs.has(type(result)):
        return Document(type(result).__name__, facts(("value", scalar(result))))
    return Document(spaced(type(result).__name__), tuple(_blocks(result)))


def state(word: str) -> Mark:
    """A state with its tone: ``up-to-date`` reads ``up to date``."""
    return Mark(word.replace("-", " "), STATES.get(word, Tone.QUIET))


def spaced(name: str) -> str:
    """``DriftReport`` and ``git_commit`` as words."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.strip("_")).replace("_", " ")
    return words[:1].upper() + words[1:].lower()


def cell(name: str, value: Any) -> Cell:
    """A field's value, by its name's unit."""
    if value is None or value in ("", ()):
        return ""
    if name == "state" and isinstance(value, str):
        return state(value)
    if name == "bytes" and isinstance(value, int):
        return size(value)
    if name in ("seconds", "eta_s") and isinstance(value, int | float):
        return duration(value)
    if attrs.has(type(value)):
        return ", ".join(scalar(getattr(value, each.name)) for each in attrs.fields(type(value)))
    return scalar(value)


def _blocks(result: Any) -> list[Block]:
    single: list[tuple[str, Cell]] = []
    nested: list[Block] = []
    for field in attrs.fields(type(result)):
        value = getattr(result, field.name)
        if isinstance(value, tuple) and value and attrs.has(type(value[0])):
            nested.extend(rows_of(spaced(field.name), value))
        elif attrs.has(type(value)):
            nested.append(Section(spaced(field.name), tuple(_blocks(value))))
        elif isinstance(value, dict) and value:
            nested.extend(facts(*((key, cell("", item)) for key, item in value.items()), caption=spaced(field.name)))
        else:
            single.append((spaced(field.name), cell(field.name, value)))
    return [*facts(*single), *nested]


def rows_of(caption: str, values: tuple[Any, ...]) -> list[Block]:
    """A table of frozen objects: a column for each field."""
    fields = attrs.fields(type(values[0]))
    shown = values[:MOST_ROWS]
    rows = [tuple(cell(field.name, getattr(value, field.name, None)) for field in fields) for value in shown]
    numeric = [spaced(f.name) for f in fields if all(_is_number(getattr(v, f.name, None)) for v in shown)]
    names = [spaced(field.name) for field in fields]
    return list(table(caption, names, rows, numeric=numeric, more=len(values) - len(shown)))


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
