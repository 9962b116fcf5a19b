"""The line that does what a call did: every click can show it, every job carries it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jupyter_mlops.verbs.declaration import Argument, Verb


def line(verb: Verb, arguments: Mapping[str, Any]) -> str:
    """What to type after ``%mlops`` for `verb` with `arguments`; defaults are left out.

    The parser of the command line understands it as the same arguments.
    """
    given = [(argument, arguments[argument.name]) for argument in verb.arguments() if _differs(argument, arguments)]
    leading = list(_leading(verb, arguments))
    options = [word for argument, value in given if argument.name not in leading for word in _option(argument, value)]
    plain = [word for argument, value in given if argument.name in leading for word in _texts(value)]
    if any(word.startswith("-") for word in plain):
        return shlex.join([*verb.name.split(), *options, "--", *plain])
    return shlex.join([*verb.name.split(), *plain, *options])


def _differs(argument: Argument, arguments: Mapping[str, Any]) -> bool:
    if argument.name not in arguments:
        return False
    value = arguments[argument.name]
    return argument.required or _comparable(value) != _comparable(argument.default)


def _comparable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _leading(verb: Verb, arguments: Mapping[str, Any]) -> Iterator[str]:
    """The arguments given by position: they end where one is left out, the rest get flags."""
    for argument in verb.arguments():
        if not argument.positional or not _differs(argument, arguments):
            return
        yield argument.name


def _option(argument: Argument, value: Any) -> Sequence[str]:
    if isinstance(value, bool):
        return [argument.flag if value else argument.off_flag]
    if argument.option.comma:
        return _flagged(argument, ",".join(value))
    if isinstance(value, Mapping):
        return [word for key, item in value.items() for word in _flagged(argument, f"{key}={_pair_text(item)}")]
    return [word for text in _texts(value) for word in _flagged(argument, text)]


def _flagged(argument: Argument, text: str) -> Sequence[str]:
    """A text that is empty or looks like a flag is tied to its own by ``=``."""
    if not text or text.startswith("-"):
        return [f"{argument.flag}={text}"]
    return [argument.option.short or argument.flag, text]


def _texts(value: Any) -> Sequence[str]:
    return [str(item) for item in value] if isinstance(value, (tuple, list)) else [str(value)]


def _pair_text(value: Any) -> str:
    """A text stands for itself unless the parser would take it for JSON."""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    try:
        json.loads(value)
    except json.JSONDecodeError:
        return value
    return json.dumps(value, ensure_ascii=False)
