"""From a typed line to a verb and its arguments; the command line and ``%mlops`` share it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from jupyter_mlops.cli import plain_line
from jupyter_mlops.cli.plain_line import PROGRAM, Options
from jupyter_mlops.errors import UsageError
from jupyter_mlops.verbs.declaration import Argument, Verb

__all__ = ["PROGRAM", "Options", "Parsed", "parse"]

HELP_FLAGS = frozenset({"--help", "-h"})


@attrs.frozen
class Parsed:
    """A line understood: a verb with its arguments, or the help that was asked for."""

    verb: Verb | None
    arguments: Mapping[str, Any] = attrs.field(factory=dict)
    options: Options = attrs.field(factory=Options)
    help: str = ""


def parse(tokens: Sequence[str]) -> Parsed:
    """Understand the words of one line.

    Raises
    ------
    UsageError
        ``bad-usage``: an unknown verb or flag, or a missing or malformed value.
    """
    words = list(tokens)
    if not words or words[0] in ("help", *HELP_FLAGS):
        return Parsed(None, help=help_text(words[1:]))
    if HELP_FLAGS & set(words[: words.index("--")] if "--" in words else words):
        return Parsed(None, help=help_text([word for word in words if word not in HELP_FLAGS]))
    if plain := plain_line.understood(words):
        return _understood(*plain)
    from jupyter_mlops.cli import grammar

    verb, given = grammar.understood(words)
    return Parsed(None, help=help_text(words)) if verb is None else _understood(verb, given)


def help_text(words: Sequence[str] = ()) -> str:
    """The help of the whole program, or of the verb that `words` name."""
    from jupyter_mlops.cli import grammar

    return grammar.help_text(words)


def _understood(verb: Verb, given: Mapping[str, Any]) -> Parsed:
    options = Options(**{f.name: given[f"_{f.name}"] for f in attrs.fields(Options) if f"_{f.name}" in given})
    declared = {argument.name: argument for argument in verb.arguments()}
    values = {name: _value(declared[name], value) for name, value in given.items() if name in declared}
    return Parsed(verb, values, options)


def _value(argument: Argument, value: Any) -> Any:
    """What the words mean: commas split, ``key=value`` pairs joined to a mapping."""
    if argument.option.comma:
        return tuple(part.strip() for word in value for part in word.split(",") if part.strip())
    if argument.option.pairs:
        return dict(_pair(word, argument.option.short) for word in value)
    return tuple(value) if isinstance(value, list) else value


def _pair(word: str, flag: str) -> tuple[str, Any]:
    key, equals, text = word.partition("=")
    if not equals or not key:
        raise UsageError("bad-parameter", f"{word} is no parameter.", hint=f"Write {flag} key=value.")
    try:
        return key, json.loads(text)
    except json.JSONDecodeError:
        return key, text
