"""What may stand at the cursor of a line of verbs; notebooks and shells complete with it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args, get_origin

import attrs

from jupyter_mlops.verbs import verbs
from jupyter_mlops.verbs.declaration import Argument, Names, Verb

EVERYWHERE = (("--json", "Print one JSON document."), ("--help", "Show the help."), ("--debug", "Show tracebacks."))

Known = Callable[[Names], Sequence[str]]
"""The names of one kind that a project holds."""


@attrs.frozen
class Candidate:
    """A word that fits; `kind` is ``verb``, ``flag``, ``value``, ``path`` or a `Names`."""

    text: str
    kind: str
    help: str = ""


def candidates(line: str, cursor: int, known: Known) -> tuple[str, tuple[Candidate, ...]]:
    """The fragment before `cursor` and the words that may stand in its place.

    Parameters
    ----------
    line
        What follows ``%mlops`` or ``jupyter mlops``.
    known
        Looks up names; see `vocabulary.Vocabulary`.
    """
    words = _words(line[:cursor])
    fragment = words.pop()
    found = (each for each in _fitting(words, fragment, known) if each.text.startswith(fragment))
    unique = {each.text: each for each in found}
    return fragment, tuple(unique.values())


def _words(text: str) -> list[str]:
    """The words before the cursor; the last is the one being typed, maybe empty."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    return words if words and not text[-1].isspace() else [*words, ""]


def _fitting(words: Sequence[str], fragment: str, known: Known) -> Iterator[Candidate]:
    verb, given = _verb(words)
    if verb is None:
        yield from _verb_words(words)
        return
    arguments = list(verb.arguments())
    flag = given[-1] if given else ""
    awaited = next((each for each in arguments if flag and flag in (each.flag, each.option.short)), None)
    if awaited and awaited.type is not bool:
        yield from _values(awaited, fragment, known)
    elif fragment.startswith("-"):
        yield from _flags(arguments, given)
    else:
        yield from _positional(arguments, given, fragment, known)


def _verb(words: Sequence[str]) -> tuple[Verb | None, Sequence[str]]:
    """The verb that `words` begin with, and the words after it."""
    for length in (2, 1):
        verb = verbs().get(" ".join(words[:length])) if len(words) >= length else None
        if verb:
            return verb, words[length:]
    return None, words


def _verb_words(words: Sequence[str]) -> Iterator[Candidate]:
    """The next word of every verb that goes on from `words`; the daily ones lead."""
    before = list(words[1:] if words[:1] == ["help"] else words)
    for verb in sorted(verbs().values(), key=lambda each: not each.daily):
        parts = verb.name.split()
        if parts[: len(before)] == before and len(parts) > len(before):
            yield Candidate(parts[len(before)], "verb", verb.summary)
    if not words:
        yield Candidate("help", "verb", "Show the help.")


def _flags(arguments: Sequence[Argument], given: Sequence[str]) -> Iterator[Candidate]:
    for argument in arguments:
        if argument.positional:
            continue
        flag = argument.off_flag if argument.default is True else argument.flag
        repeated = argument.option.pairs or argument.is_repeated
        if repeated or flag not in given:
            yield Candidate(flag, "flag", argument.text)
    for flag, text in EVERYWHERE:
        yield Candidate(flag, "flag", text)


def _positional(
    arguments: Sequence[Argument], given: Sequence[str], fragment: str, known: Known
) -> Iterator[Candidate]:
    """Values of the positional argument whose turn it is."""
    slots = [each for each in arguments if each.positional]
    index = sum(1 for _ in _plain(arguments, given))
    if index < len(slots):
        yield from _values(slots[index], fragment, known)
    elif slots and slots[-1].is_repeated:
        yield from _values(slots[-1], fragment, known)


def _plain(arguments: Sequence[Argument], given: Sequence[str]) -> Iterator[str]:
    """The given words that are neither flags nor their values."""
    takes_value = {
        name for each in arguments if each.type is not bool for name in (each.flag, each.option.short) if name
    }
    before = ""
    for word in given:
        if not word.startswith("-") and before not in takes_value:
            yield word
        before = word


def _values(argument: Argument, fragment: str, known: Known) -> Iterator[Candidate]:
    if get_origin(argument.type) is Literal:
        yield from (Candidate(str(value), "value") for value in get_args(argument.type))
    names = argument.option.names
    if names is None:
        return
    if names is not Names.PATH:
        yield from (Candidate(name, str(names)) for name in known(names))
    else:
        yield from (Candidate(name, "dataset") for name in known(Names.DATASET))
    if names in (Names.PATH, Names.STAGE):
        yield from _paths(fragment)


def _paths(fragment: str) -> Iterator[Candidate]:
    """Files and folders that begin with `fragment`; hidden ones only when asked for."""
    folder, _, start = fragment.rpartition("/")
    base = Path(f"{folder}/" if folder or fragment.startswith("/") else ".")
    try:
        found = sorted(base.iterdir())[:200]
    except OSError:
        return
    for path in found:
        if path.name.startswith(start) and (start or not path.name.startswith(".")):
            yield Candidate(f"{folder}/{path.name}" if "/" in fragment else path.name, "path")
