"""From a typed line to a verb and its arguments; the command line and ``%mlops`` share it."""

from __future__ import annotations

import inspect
import io
import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.verbs import named, verbs
from jupyter_mlops.verbs.declaration import Argument, Group, Verb

if TYPE_CHECKING:
    from cyclopts import App

PROGRAM = "jupyter mlops"
HELP_WIDTH = 100
HELP_FLAGS = frozenset({"--help", "-h"})


@attrs.frozen
class Options:
    """What every verb of the command line takes besides its own arguments."""

    json: bool = False
    project: str = "."
    debug: bool = False


@attrs.frozen
class Parsed:
    """A line understood: a verb with its arguments, or the help that was asked for."""

    verb: Verb | None
    arguments: Mapping[str, Any] = attrs.field(factory=dict)
    options: Options = Options()
    help: str = ""


def parse(tokens: Sequence[str]) -> Parsed:
    """Understand the words of one line.

    Raises
    ------
    UsageError
        ``bad-usage``: an unknown verb or flag, or a missing or malformed value.
    """
    from cyclopts import CycloptsError

    words = list(tokens)
    if not words or words[0] in ("help", *HELP_FLAGS):
        return Parsed(None, help=help_text(words[1:]))
    if HELP_FLAGS & set(words[: words.index("--")] if "--" in words else words):
        return Parsed(None, help=help_text([word for word in words if word not in HELP_FLAGS]))
    try:
        command, bound, _ = _app(words[0]).parse_args(words, print_error=False, exit_on_error=False)
    except CycloptsError as error:
        raise _explained(error, words) from error
    verb = getattr(command, "verb", None)
    if verb is None:
        return Parsed(None, help=help_text(words))
    return _understood(verb, bound.arguments)


def help_text(words: Sequence[str] = ()) -> str:
    """The help of the whole program, or of the verb that `words` name."""
    from rich.console import Console

    page = io.StringIO()
    console = Console(file=page, width=HELP_WIDTH, color_system=None, force_jupyter=False)
    names = [word for word in words if not word.startswith("-")]
    _app().help_print(_verb_words(names), console=console)
    return page.getvalue()


def _verb_words(words: Sequence[str]) -> list[str]:
    """The leading words that name a verb, or a family of verbs such as ``stage``."""
    known = verbs()
    for length in (2, 1):
        name = " ".join(words[:length])
        if name in known or any(other.startswith(f"{name} ") for other in known):
            return list(words[:length]) if name else []
    return []


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


@cache
def _app(word: str = "") -> App:
    """The grammar, derived from the declarations: of the verbs that begin with `word`, or when none does, of all."""
    from cyclopts import App
    from cyclopts import Group as Chapter

    app = App(name=PROGRAM, help="MLOps in the notebook.", help_format="plaintext", version_flags=(), help_flags=())
    daily = Chapter("Daily", sort_key=0)
    groups = {group: Chapter(str(group), sort_key=index) for index, group in enumerate(Group, 1)}
    for verb in (named(word) or verbs()).values():
        *family, word = verb.name.split()
        parent = app
        for name in family:
            if name not in parent:
                family_help = f"Verbs of a {name}; {name} --help lists them."
                parent.command(App(name=name, help=family_help, help_flags=(), group=groups[verb.group]))
            parent = parent[name]
        parent.command(_command(verb), name=word, group=daily if verb.daily and not family else groups[verb.group])
    return app


def _command(verb: Verb) -> Any:
    """A function with the verb's signature in cyclopts' own words; it is parsed, never called."""

    def command() -> None:
        """Carry the signature."""

    arguments = tuple(verb.arguments())
    alone = not any(argument.positional for argument in arguments)
    parameters = [_parameter(each, several=alone and each.option.comma) for each in arguments] + _options()
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__doc__ = verb.description.replace("``", "`")
    command.verb = verb  # type: ignore[attr-defined]
    return command


def _parameter(argument: Argument, *, several: bool) -> inspect.Parameter:
    """One argument; `several` words may follow its flag where no other word could be meant."""
    from cyclopts import Parameter

    names = [argument.flag, *([argument.option.short] if argument.option.short else [])]
    text = argument.text.replace("``", "`")
    many = _is_many(argument)
    shown = not many and argument.default not in ("", 0, inspect.Parameter.empty) and argument.default is not True
    details = Parameter(
        name=names,
        help=text,
        negative=None if argument.default is True else (),
        show_default=shown,
        consume_multiple=several,
    )
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD if argument.positional else inspect.Parameter.KEYWORD_ONLY
    default = argument.default if argument.required or not many else None
    bare = (list[str] | None if not argument.required else list[str]) if many else argument.type
    return inspect.Parameter(argument.name, kind, default=default, annotation=Annotated[bare, details])


def _is_many(argument: Argument) -> bool:
    return argument.option.comma or argument.option.pairs or argument.is_repeated


def _options() -> list[inspect.Parameter]:
    from cyclopts import Group as Chapter
    from cyclopts import Parameter

    everywhere = Chapter("Everywhere", sort_key=99)
    texts = {
        "json": "Print one JSON document.",
        "project": "A folder of the project.",
        "debug": "Show the traceback of an error.",
    }
    return [
        inspect.Parameter(
            f"_{field.name}",
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=Annotated[
                bool if isinstance(field.default, bool) else str,
                Parameter(
                    name=f"--{field.name}", help=texts[field.name], negative=(), group=everywhere, show_default=False
                ),
            ],
        )
        for field in attrs.fields(Options)
    ]


def _explained(error: Any, words: Sequence[str]) -> UsageError:
    """Cyclopts' complaint as one of our errors."""
    from cyclopts.exceptions import MissingArgumentError, UnusedCliTokensError

    named = " ".join(_verb_words(words))
    text = " ".join(str(error).split())
    if type(error) is UnusedCliTokensError:
        text = f"`{named}` takes no more words: {' '.join(error.unused_tokens or ())}"
    if type(error) is MissingArgumentError and named in verbs() and error.argument:
        text = _lacking(verbs()[named], error.argument.field_info.name) or text
    return UsageError(
        "bad-usage", text or "The line was not understood.", hint=f"{PROGRAM} {named} --help".replace("  ", " ")
    )


def _lacking(verb: Verb, name: str) -> str:
    """``NAME is missing: stage add NAME NOTEBOOK``; empty when it may be left out."""
    needed = [argument for argument in verb.arguments() if argument.required]
    if name not in [argument.name for argument in needed]:
        return ""
    shown = {one.name: one.name.upper() if one.positional else f"{one.flag} {one.name.upper()}" for one in needed}
    what = shown[name].partition(" ")[0]
    return f"{what} is missing: {' '.join([verb.name, *shown.values()])}"
