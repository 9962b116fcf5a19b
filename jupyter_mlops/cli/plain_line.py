"""A plain line, understood without the whole grammar, which takes longer to load than most verbs take to answer.

Whatever is not plain (an unknown or joined flag, a missing value, ``--``, a value of an unusual type) is nothing here:
the grammar then understands it, or says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, get_args, get_origin

import attrs

from jupyter_mlops.verbs import named
from jupyter_mlops.verbs.declaration import Argument, Verb

PROGRAM = "jupyter mlops"


@attrs.frozen
class Options:
    """What every verb of the command line takes besides its own arguments."""

    json: bool = False
    project: str = "."
    debug: bool = False


Flag = tuple[str, Any]
"""The argument that a flag gives, and the type of its value; a switch has the value itself there."""
COMMON: Mapping[str, Flag] = {
    f"--{field.name}": (f"_{field.name}", True if field.default is False else str) for field in attrs.fields(Options)
}


def understood(words: Sequence[str]) -> tuple[Verb, Mapping[str, Any]] | None:
    """The verb that `words` name and its arguments as typed, or None when the line is not plain."""
    known = named(words[0])
    name = next((name for name in (" ".join(words[:2]), words[0]) if name in known), None)
    if name is None:
        return None
    arguments = tuple(known[name].arguments())
    given: dict[str, Any] = {}
    try:
        loose = _without_flags(words[len(name.split()) :], {**COMMON, **dict(_flags(arguments))}, given)
        _place(loose, [one for one in arguments if one.positional], given)
    except (LookupError, ValueError):
        return None
    return (known[name], given) if all(one.name in given for one in arguments if one.required) else None


def _flags(arguments: Sequence[Argument]) -> Iterator[tuple[str, Flag]]:
    for one in arguments:
        if one.positional:
            continue
        kind = _kind(one)
        for word in filter(None, (one.flag, one.option.short)):
            yield word, (one.name, True if kind is bool else kind)
        if one.default is True:
            yield one.off_flag, (one.name, False)


def _kind(argument: Argument) -> Any:
    """``bool``, ``int``, ``str``, ``list`` for what is given several times, or None for anything else."""
    if argument.option.comma or argument.option.pairs or argument.is_repeated:
        return list
    bare = get_args(argument.type)[0] if get_origin(argument.type) is Annotated else argument.type
    return bare if bare in (bool, int, str) else None


def _without_flags(words: Sequence[str], flags: Mapping[str, Flag], given: dict[str, Any]) -> list[str]:
    """The words that belong to no flag; what flags say is put into `given`."""
    loose, rest = [], iter(words)
    for word in rest:
        if not word.startswith("-"):
            loose.append(word)
            continue
        name, kind = flags[word]
        if name in given and kind is not list:
            raise ValueError(word)
        if kind is list:
            given.setdefault(name, []).append(_typed(next(rest, "-"), str))
        else:
            given[name] = kind if isinstance(kind, bool) else _typed(next(rest, "-"), kind)
    return loose


def _typed(word: str, kind: Any) -> Any:
    if word.startswith("-") or (kind is int and not (word.isascii() and word.isdecimal())) or kind not in (int, str):
        raise ValueError(word)
    return kind(word)


def _place(loose: Sequence[str], arguments: Sequence[Argument], given: dict[str, Any]) -> None:
    """Give the words to the arguments in their order; the last may take many."""
    for place, word in enumerate(loose):
        one = arguments[min(place, len(arguments) - 1)]
        kind = _kind(one)
        if kind is list and one is arguments[-1]:
            given.setdefault(one.name, []).append(word)
        elif one.name in given:
            raise ValueError(word)
        else:
            given[one.name] = _typed(word, kind)
