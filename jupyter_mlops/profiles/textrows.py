"""Rows of CSV and JSON lines as bytes: what is kept is copied, never written anew."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import IO

from jupyter_mlops.errors import UsageError
from jupyter_mlops.profiles.subjects import Subject, exact_number
from jupyter_mlops.profiles.tables import unreadable

BOM = b"\xef\xbb\xbf"
SEPARATORS = {"csv": ",", "tsv": "\t"}
# Possessive, so that a field of any length costs one pass and no stack.
QUOTED = re.compile(rb'[^"]*+(?:""[^"]*+)*+')
QUOTED_TEXT = re.compile(r'[^"]*+(?:""[^"]*+)*+')
WITHIN_QUOTES = re.compile(rb'"[^"]*"?')
RETURN = re.compile(rb"\r(?!\n|\Z)")
BLOCK_BYTES = 1 << 20


def cut_delimited(separator: str, source: Path, target: Path, subject: Subject) -> int | None:
    """Copy the records of a CSV file that are not of `subject`; how many were not, None without the column."""
    needle = subject.needle.replace('"', "").encode("utf-8", "surrogateescape")
    with source.open("rb") as reading, target.open("wb") as writing:
        found = records(reading, separator)
        header = next(found, b"")
        place = place_of(subject.column, header_cells(header, separator))
        if place is None:
            return None
        writing.write(header)
        left_out = 0
        for record in found:
            # A text that is not in the record is in none of its cells; quotes may stand within it.
            named = needle in record or (b'"' in record and needle in record.replace(b'"', b""))
            cell = next(islice(cells(record, separator), place, None), None) if named else None
            if cell is not None and subject.owns_written(cell):
                left_out += 1
            else:
                writing.write(record)
    return left_out


def place_of(column: str, names: list[str]) -> int | None:
    """Where `column` is among `names`.

    Raises
    ------
    UsageError
        ``ambiguous-column``.
    """
    if names.count(column) > 1:
        raise UsageError(
            "ambiguous-column",
            f"A data file has {names.count(column)} columns named {column}.",
            hint="Rename one of them and commit, or erase the whole file with --path.",
        )
    return names.index(column) if column in names else None


def header_cells(header: bytes, separator: str) -> list[str]:
    """The names of the columns."""
    return list(cells(header.removeprefix(BOM), separator)) if header else []


def cells(record: bytes, separator: str) -> Iterator[str]:
    """The fields of one record; a quote counts only where a field begins, and doubled within such a field."""
    text = record.decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r")
    start = 0
    while start <= len(text):
        inner = QUOTED_TEXT.match(text, start + 1) if text.startswith('"', start) else None
        begin = inner.end() + 1 if inner else start
        end = text.find(separator, begin)
        end = len(text) if end < 0 else end
        yield (inner.group().replace('""', '"') if inner else "") + text[begin:end]
        start = end + 1


def records(reading: IO[bytes], separator: str) -> Iterator[bytes]:
    """The records of a CSV file with their line ends; a quoted field may hold line ends of its own.

    A carriage return alone ends a line only in files whose first line it ends.
    """
    opening = separator.encode() + b'"'
    pending: list[bytes] = []
    quoted = False
    for line in _lines(reading):
        fresh = not pending
        pending.append(line)
        if b'"' in line:
            quoted = _quoted_after(line, opening, quoted=quoted, fresh=fresh)
        if not quoted:
            yield pending[0] if len(pending) == 1 else b"".join(pending)
            pending = []
    if pending:
        yield b"".join(pending)


def ends_quoted(reading: IO[bytes], separator: str) -> bool:
    """Whether the last field is quoted and never closed: all that follows the quote counts as one cell."""
    last = next(iter(deque(records(reading, separator), maxlen=1)), b"")
    return b'"' in last and _quoted_after(last, separator.encode() + b'"', quoted=False, fresh=True)


def _quoted_after(line: bytes, opening: bytes, *, quoted: bool, fresh: bool) -> bool:
    """Whether a quoted field is open at the end of `line`; `quoted`: at its start."""
    at = 0
    if fresh and line.removeprefix(BOM).startswith(b'"'):
        at, quoted = line.index(b'"') + 1, True
    while True:
        if quoted:
            inner = QUOTED.match(line, at)
            at = inner.end() + 1 if inner else len(line)
            if at > len(line):
                return True
        at = line.find(opening, at) + len(opening)
        if at < len(opening):
            return False
        quoted = True


def _lines(reading: IO[bytes]) -> Iterator[bytes]:
    """The lines with their ends, whichever these are."""
    first = reading.readline(BLOCK_BYTES)
    if RETURN.search(WITHIN_QUOTES.sub(b".", first)):
        return _returned(first, reading)
    return chain([first if first.endswith(b"\n") else first + reading.readline()] if first else [], reading)


def _returned(rest: bytes, reading: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file in which carriage returns end them."""
    for block in chain([rest], iter(lambda: reading.read(BLOCK_BYTES), b"")):
        *whole, rest = (block if block is rest else rest + block).split(b"\r")
        for line in whole:
            yield line + b"\r"
    if rest:
        yield rest


def cut_lines(source: Path, target: Path, subject: Subject) -> int | None:
    """Copy the lines of JSON that are not of `subject`; how many were not, None when none has the column."""
    known, left_out = False, 0
    with source.open("rb") as reading, target.open("wb") as writing:
        for line in reading:
            row = pairs(line)
            place = place_of(subject.column, [name for name, _ in row])
            known = known or place is not None
            if place is not None and subject.owns(row[place][1]):
                left_out += 1
            else:
                writing.write(line)
    return left_out if known else None


def pairs(line: bytes) -> tuple[tuple[str, object], ...]:
    """Names and cells of one line of JSON, a name that is there twice included.

    Raises
    ------
    EnvironmentFault
        ``unreadable-table``.
    """
    try:
        row = (
            json.loads(line, parse_int=exact_number, parse_float=exact_number, object_pairs_hook=_Pairs)
            if line.strip()
            else ()
        )
    except (ValueError, RecursionError) as error:
        raise unreadable(error) from error
    return row if isinstance(row, _Pairs) else ()


class _Pairs(tuple[tuple[str, object], ...]):
    """An object of JSON as it is written."""

    __slots__ = ()
