"""The key of a notebook: what of it decides its results, and nothing else.

``python notebook_key.py NOTEBOOK KEY`` writes it. The kernel, the language and the code count; outputs, execution
counts, markdown, metadata and cell ids do not, nor do the comments, blank lines and spacing of Python code.
It needs nothing but Python 3.8, and every Python makes the same key of the same notebook.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# What papermill and nbclient act on.
TAGS = ("parameters", "raises-exception", "skip-execution")

WORDS = (
    "False|None|True|and|as|assert|async|await|break|case|class|continue|def|del|elif|else|except|finally|for|from"
    "|global|if|import|in|is|lambda|match|nonlocal|not|or|pass|print|raise|return|try|type|while|with|yield"
)
# What IPython turns into Python: %magic, !command, x = !command, x?, and `cd folder`, which is `%cd folder`.
MAGIC = re.compile(
    r"[ \t]*(?![ \t])(?:[%!?,;/]|[\w., \t*\[\]]+=[ \t]*[%!]|[\w.*]+\?\??[ \t]*(?=\n|\Z)"
    r"|(?!(?:" + WORDS + r")\b)[A-Za-z_]\w*[ \t]+(?!(?:" + WORDS + r")\b)(?:[\w~$]|\.{0,2}/|-\w))"
    r"[^\n\\]*(?:\\.[^\n\\]*)*",
    re.ASCII | re.DOTALL,
)
CODE = re.compile(
    r"""(?P<comment>\#[^\n]*)
    |(?P<format>(?<!\w)(?P<raw>[rR]?)[fFtT](?P<raw_too>[rR]?)(?P<quote>"{3}|'{3}|["']))
    |(?P<text>"{3}[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"{3}|'{3}[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'{3}
        |(?!"{3})"[^"\\\n]*(?:\\.[^"\\\n]*)*"|(?!'{3})'[^'\\\n]*(?:\\.[^'\\\n]*)*')
    |(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<colon>:)|(?P<line>\n)
    |(?P<other>\\.|\w+(?![\w"'])|\w+?(?=\w{0,2}["'])|[^\w\#"'()\[\]{}:\n\\]+|\w)""",
    re.ASCII | re.DOTALL | re.VERBOSE,
)
FORMAT = re.compile(r"\\[^{}]|\{\{|\}\}|[^\\{}\"'\n]+|.", re.DOTALL)
NAMED = re.compile(r"\\N\{[^{}\n]*\}")
SPACED = re.compile(r"(?<=[^ \t])[ \t]*([-=,()\[\]{}:+*/%<>&|^@])[ \t]*")
# Stands for text that is kept as it is.
KEPT = "\0"


class _NotPython(Exception):
    """Code that this script cannot read: all of it counts."""


def key(data: bytes) -> bytes:
    """The key of the notebook in `data`.

    Raises
    ------
    ValueError
        It is no notebook of format 4.
    """
    document = json.loads(data)
    if not is_notebook(document):
        raise ValueError("it is no notebook of format 4")
    return key_of(document)


def key_of(document: dict[str, Any]) -> bytes:
    """The key of a parsed notebook: a line for the kernel, the language, and each code cell."""
    language = language_of(document)
    lines = ["notebook-key 1", "kernel " + json.dumps(kernel_of(document)), "language " + json.dumps(language)]
    for cell in document["cells"]:
        if cell.get("cell_type") == "code":
            source = "".join(cell.get("source", ""))
            code = normalised(source) if language == "python" else source
            tags = [tag for tag in TAGS if tag in cell.get("metadata", {}).get("tags", ())]
            if code or tags:
                digest = hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()
                lines.append(" ".join(["cell", digest, *tags]))
    return ("\n".join(lines) + "\n").encode()


def kernel_of(document: dict[str, Any]) -> str | None:
    """The kernel it asks for."""
    name = document.get("metadata", {}).get("kernelspec", {}).get("name")
    return str(name) if name else None


def language_of(document: dict[str, Any]) -> str:
    """The language of its code, lower case."""
    metadata = document.get("metadata", {})
    spec = metadata.get("kernelspec", {}).get("language")
    return str(spec or metadata.get("language_info", {}).get("name") or "python").lower()


def is_notebook(document: object) -> bool:
    """Whether what is read here has the types that format 4 gives it."""
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        return False
    return _is_metadata(document.get("metadata", {})) and all(map(_is_cell, document["cells"]))


def _is_metadata(metadata: object) -> bool:
    parts = ("kernelspec", "language_info")
    return isinstance(metadata, dict) and all(isinstance(metadata.get(part, {}), dict) for part in parts)


def _is_cell(cell: object) -> bool:
    if not isinstance(cell, dict) or not isinstance(cell.get("metadata", {}), dict):
        return False
    source = cell.get("source", "")
    lines = source if isinstance(source, list) else [source]
    return isinstance(cell.get("metadata", {}).get("tags", []), list) and all(isinstance(line, str) for line in lines)


def normalised(source: str) -> str:
    """Python code without comments, blank lines and spacing; whatever else is kept as it is."""
    if source.lstrip().startswith("%%") or KEPT in source:
        return source
    try:
        pieces = [*_pieces(source)]
    except (_NotPython, RecursionError):
        return source
    kept = [text for text, is_code in pieces if not is_code]
    lines: list[str] = []
    for line in "".join(text if is_code else KEPT for text, is_code in pieces).split("\n"):
        if line.strip(" \t\r\f") or (lines and lines[-1].endswith("\\")):
            lines.append(SPACED.sub(r"\1", line.rstrip(" \t\r\f")))
    first, *rest = "\n".join(lines).split(KEPT)
    return first + "".join(text + after for text, after in zip(kept, rest))  # noqa: B905  # Python 3.8


def _pieces(source: str) -> Iterator[tuple[str, bool]]:
    """Code, and what is kept as it is: strings, and the lines that IPython turns into Python."""
    at = depth = 0
    starts_line = True
    while at < len(source):
        magic = MAGIC.match(source, at) if starts_line and not depth else None
        match = magic or CODE.match(source, at)
        if match is None:
            raise _NotPython
        start, at, kind = at, match.end(), "magic" if magic else match.lastgroup
        if kind == "format":
            at = _end_of_format(source, match)
        depth += (kind == "open") - (kind == "close")
        if depth < 0:
            raise _NotPython
        if kind != "comment":
            yield source[start:at], kind not in ("format", "text", "magic")
        starts_line = kind == "line"
    if depth:
        raise _NotPython


def _end_of_format(source: str, opening: re.Match[str]) -> int:
    """Where the f-string ends that `opening` begins."""
    quote, at = opening["quote"], opening.end()
    is_raw = bool(opening["raw"] or opening["raw_too"])
    while not source.startswith(quote, at):
        match = (not is_raw and NAMED.match(source, at)) or FORMAT.match(source, at)
        if not match or (match[0] == "\n" and len(quote) == 1):
            raise _NotPython
        at = _end_of_field(source, match.end()) if match[0] == "{" else match.end()
    return at + len(quote)


def _end_of_field(source: str, at: int) -> int:
    """Where the ``{field}`` of an f-string ends; its code may hold strings, its format other fields."""
    depth = 0
    while True:
        match = CODE.match(source, at)
        if match is None:
            raise _NotPython
        at, kind = match.end(), match.lastgroup
        if kind == "format":
            at = _end_of_format(source, match)
        elif kind == "colon" and not depth:
            return _end_of_spec(source, at)
        elif kind == "close" and not depth:
            return at
        depth += (kind == "open") - (kind == "close")


def _end_of_spec(source: str, at: int) -> int:
    while at < len(source):
        at += 1
        if source[at - 1] == "}":
            return at
        if source[at - 1] == "{":
            at = _end_of_field(source, at)
    raise _NotPython


def main(notebook: str, target: str) -> None:
    """Write the key of `notebook` to `target`."""
    try:
        found = key(Path(notebook).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        sys.exit(f"{notebook} has no key: {error}")
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(target).write_bytes(found)


if __name__ == "__main__":
    main(*sys.argv[1:])
