"""Pointers just as ``dvc`` and we write them, read without YAML: a hundred times faster.

Whatever is written in another way, however slightly, is left to YAML.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

DIGEST = rb"[0-9a-f]{32}(?:\.dir)?"
NAME = rb"[A-Za-z_][A-Za-z0-9_./-]*"
NOTE = rb"  [A-Za-z_][A-Za-z0-9_]*:(?: [A-Za-z0-9_./](?:(?!: )[^\n])*)?\n|  (?:  |- )[^\n]+\n"
PLAIN = re.compile(
    rb"outs:\n- md5: (?P<md5>" + DIGEST + rb")\n  size: (?P<size>\d+)\n"
    rb"(?:  nfiles: (?P<nfiles>\d+)\n)?(?P<isexec>  isexec: true\n)?"
    rb"  hash: md5\n  path: (?P<path>" + NAME + rb")\n(?P<meta>meta:\n(?:" + NOTE + rb")+)?"
)
ROWS = re.compile(rb"^  rows: (\d+)$", re.MULTILINE)
ROWS_OF = re.compile(rb"^  rows_of: (" + DIGEST + rb")$", re.MULTILINE)
SCHEMA = b"schema: '2.0'\nstages:\n"
STAGE = re.compile(rb"  (?P<name>[A-Za-z_][A-Za-z0-9_.@-]*):\n(?P<body>(?:    [^\n]*\n)+)")
OUTS = re.compile(rb"^    outs:\n(?P<items>(?:    - [^\n]+\n(?:      [^\n]+\n)+)+)(?=    [a-z]|\Z)", re.MULTILINE)
ITEM = re.compile(
    rb"    - path: (?P<path>" + NAME + rb")\n      hash: md5\n      md5: (?P<md5>" + DIGEST + rb")\n"
    rb"      size: (?P<size>\d+)\n(?:      nfiles: (?P<nfiles>\d+)\n)?(?P<isexec>      isexec: true\n)?"
)
UNCLOSED = re.compile(
    rb"""^ +(?:- )?(?:[^\s:"']+: )?(?:"(?![^\n]*"$)|'(?![^\n]*'$)|[\[{](?![^\n]*[\]}]$))""", re.MULTILINE
)
"""A quoted text or a list that goes on in the next line, where anything may look like anything."""


def plain_pointer(data: bytes) -> list[dict[str, Any]] | None:
    """The output of a ``.dvc`` file, as fields of an `Out`; None when YAML has to tell."""
    found = _plain(data)
    if found is None:
        return None
    return [{**_fields(found), "rows": _rows(found["meta"], found["md5"]) if found["meta"] else None}]


def plain_notes(data: bytes) -> tuple[str, str, bytes] | None:
    """Of a ``.dvc`` file: its digest, the one whose rows were counted, and its ``meta`` without the count.

    Versions of a dataset differ in the first two and seldom in the third. None when YAML has to tell.
    """
    found = _plain(data)
    if found is None:
        return None
    meta = found["meta"] or b""
    counted = ROWS_OF.search(meta)
    return found["md5"].decode(), counted[1].decode() if counted else "", ROWS.sub(b"", ROWS_OF.sub(b"", meta))


def _plain(data: bytes) -> re.Match[bytes] | None:
    found = PLAIN.fullmatch(data)
    return None if found and found["meta"] and UNCLOSED.search(found["meta"]) else found


def _rows(meta: bytes, md5: bytes) -> int | None:
    """The rows that `meta` tells of the content `md5`."""
    rows, rows_of = ROWS.search(meta), ROWS_OF.search(meta)
    return int(rows[1]) if rows and rows_of and rows_of[1] == md5 else None


def plain_lock(data: bytes) -> list[dict[str, Any]] | None:
    """The outputs of a ``dvc.lock``, as fields of an `Out`; None when YAML has to tell."""
    if not data.startswith(SCHEMA):
        return None
    found: list[dict[str, Any]] = []
    names: set[bytes] = set()
    at = len(SCHEMA)
    while at < len(data):
        stage = STAGE.match(data, at)
        items = _outs_of_stage(stage["body"]) if stage else None
        if stage is None or items is None or stage["name"] in names:
            return None
        names.add(stage["name"])
        found += ({**item, "stage": stage["name"].decode()} for item in items)
        at = stage.end()
    return found


@lru_cache(maxsize=4096)
def _outs_of_stage(body: bytes) -> tuple[dict[str, Any], ...] | None:
    """Of the lines of one stage; most commits change one stage and repeat the others."""
    number = body.count(b"\n    outs:") + body.startswith(b"    outs:")
    if UNCLOSED.search(body):
        return None
    if not number:
        return ()
    section = OUTS.search(body) if number == 1 else None
    items = list(ITEM.finditer(section["items"])) if section else []
    is_whole = section is not None and sum(len(item[0]) for item in items) == len(section["items"])
    return tuple(map(_fields, items)) if is_whole else None


def _fields(found: re.Match[bytes]) -> dict[str, Any]:
    return {
        "path": found["path"].decode(),
        "digest": found["md5"].decode(),
        "size": int(found["size"]),
        "nfiles": int(found["nfiles"]) if found["nfiles"] else None,
        "is_executable": found["isexec"] is not None,
    }
