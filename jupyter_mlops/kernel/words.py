"""The words of a magic line, as typed; ``$name`` means a notebook variable only after ``-p``."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence

from jupyter_mlops.errors import UsageError

PARAMETER_FLAGS = frozenset({"-p", "--parameters"})
_VARIABLE = re.compile(r"\$(\$|[^\W\d]\w*)")


def split(line: str) -> list[str]:
    """The words of `line`; quotes hold a word together.

    Raises
    ------
    UsageError
        ``open-quote``.
    """
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(
            "open-quote", "A quote is opened and never closed.", context=line, hint='Write -m "a message".'
        ) from error


def expanded(words: Sequence[str], variables: Mapping[str, object]) -> list[str]:
    """`words` with ``$name`` replaced by the variable's value in what follows ``-p``.

    Raises
    ------
    UsageError
        ``unknown-variable``, ``bad-parameter``.
    """
    return list(_expanded(words, variables))


def _expanded(words: Sequence[str], variables: Mapping[str, object]) -> Iterator[str]:
    after_flag = False
    for word in words:
        flag, equals, pair = word.partition("=")
        if after_flag:
            yield _pair(word, variables)
        elif equals and flag in PARAMETER_FLAGS:
            yield f"{flag}={_pair(pair, variables)}"
        else:
            yield word
        after_flag = word in PARAMETER_FLAGS and not after_flag


def _pair(pair: str, variables: Mapping[str, object]) -> str:
    """``rate=$rate`` as ``rate=0.1``; a value that is one variable keeps its type."""
    key, equals, text = pair.partition("=")
    alone = _VARIABLE.fullmatch(text)
    if alone and alone[1] != "$":
        return f"{key}={_literal(alone[1], _value(alone[1], variables))}"
    return key + equals + _VARIABLE.sub(lambda found: _inside(found[1], variables), text)


def _inside(name: str, variables: Mapping[str, object]) -> str:
    return "$" if name == "$" else str(_value(name, variables))


def _value(name: str, variables: Mapping[str, object]) -> object:
    try:
        return variables[name]
    except KeyError:
        raise UsageError(
            "unknown-variable",
            f"There is no variable {name} in this notebook.",
            hint=f"Define {name} first, or write $$ for a dollar sign.",
        ) from None


def _literal(name: str, value: object) -> str:
    """`value` as JSON; a numpy number becomes the Python number it stands for."""
    item = getattr(value, "item", None)
    plain = item() if callable(item) and getattr(value, "ndim", None) == 0 else value
    try:
        return json.dumps(plain)
    except (TypeError, ValueError) as error:
        raise UsageError(
            "bad-parameter",
            f"{name} cannot be a parameter: it is a {type(value).__name__}.",
            hint="Parameters are numbers, texts, booleans, None and lists of them.",
        ) from error
