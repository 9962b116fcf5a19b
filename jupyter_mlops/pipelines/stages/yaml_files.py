"""YAML as DVC reads and writes it: YAML 1.2, comments and order kept by edits."""

from __future__ import annotations

import io
import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jupyter_mlops.errors import UsageError
from jupyter_mlops.records import write_atomically
from jupyter_mlops.versioning.nesting import require_shallow

WIDE = 4096


def load_mapping(path: Path) -> Mapping[str, Any]:
    """As `load`, of a file that holds names and what they stand for.

    Raises
    ------
    UsageError
        ``bad-file``.
    """
    document = load(path)
    if not isinstance(document, Mapping):
        raise _bad(path, ValueError("It holds no names with values."))
    return document


def load(path: Path) -> Any:
    """The content of a YAML, JSON or TOML file; an empty mapping when it is missing or empty.

    Raises
    ------
    UsageError
        ``bad-file``.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise _bad(path, error) from error
    try:
        return parse_as(path.suffix, text) or {}
    except (ValueError, RecursionError, yaml_error()) as error:
        raise _bad(path, error) from error


def edit(path: Path, change: Callable[[Any], None], *, width: int = WIDE) -> None:
    """Apply `change` to the mapping in `path`; whatever it leaves alone keeps its comments and place.

    Parameters
    ----------
    width
        Where long lines are broken, in characters.
    """
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.default_flow_style = False
    yaml.preserve_quotes = True
    yaml.width = width
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        require_shallow(text)
        document = yaml.load(text)
    except (ValueError, RecursionError, yaml_error()) as error:
        raise _bad(path, error) from error
    document = yaml.map() if document is None else document
    if not isinstance(document, dict):
        raise _bad(path, ValueError("It holds no names with values."))
    change(document)
    stream = io.StringIO()
    yaml.dump(document, stream)
    write_atomically(path, stream.getvalue().encode())


def dump(document: Mapping[str, Any], *, width: int = WIDE) -> str:
    """`document` as YAML."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = width
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def drop(path: Path, section: str, name: str) -> None:
    """Remove the entry `name` of `section` by its lines, so that the comments of its neighbours stay."""
    from ruamel.yaml import YAML

    text = path.read_text(encoding="utf-8")
    document = YAML().load(text)
    entries = document[section]
    if entries.fa.flow_style():
        edit(path, lambda edited: edited[section].pop(name))
        return
    lines = text.splitlines(keepends=True)
    starts = [entries.lc.key(key)[0] for key in entries] + [document.lc.key(key)[0] for key in document]
    start, column = entries.lc.key(name)
    end = min((line for line in starts if line > start), default=len(lines))
    while end < len(lines) and _stands_between(lines[end - 1], column):
        end -= 1
    left = [*lines[:start], *lines[end:]]
    if len(entries) == 1:
        left.insert(start, f"{' ' * column}{{}}\n")
    write_atomically(path, "".join(left).encode())


def _stands_between(line: str, column: int) -> bool:
    """Whether `line` is blank, or a comment about what follows rather than part of an entry at `column`."""
    text = line.lstrip()
    return not text or (text.startswith("#") and len(line) - len(text) <= column)


def lookup(document: object, key: str) -> tuple[bool, Any]:
    """Whether ``a.b[0]`` is in `document`, and its value."""
    value: Any = document
    for word in key.replace("[", ".").replace("]", "").split("."):
        if isinstance(value, Mapping) and word in value:
            value = value[word]
        elif isinstance(value, list) and word.isdecimal() and int(word) < len(value):
            value = value[int(word)]
        else:
            return False, None
    return True, value


def assign(document: Any, key: str, value: object) -> None:
    """Set ``a.b`` in a document that is being edited."""
    *folders, last = key.split(".")
    for word in folders:
        if not isinstance(document.get(word), dict):
            document[word] = {}
        document = document[word]
    document[last] = value


def parse(text: str) -> Any:
    """YAML 1.2 as plain values."""
    from ruamel.yaml import YAML

    require_shallow(text)
    return YAML(typ="safe").load(text)


def parse_as(suffix: str, text: str) -> Any:
    """`text` as plain values: JSON, TOML, or YAML by the suffix of its file."""
    read = {".json": json.loads, ".toml": tomllib.loads}.get(suffix, parse)
    return read(text)


def yaml_error() -> type[Exception]:
    """What the YAML library raises for a text it cannot read."""
    from ruamel.yaml.error import YAMLError

    return YAMLError


def _bad(path: Path, error: Exception) -> UsageError:
    return UsageError("bad-file", f"{path.name} cannot be read.", context=str(error))
