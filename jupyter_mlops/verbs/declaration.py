"""What a verb is. One declaration; every face reads it, none adds to it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import attrs
import msgspec

from jupyter_mlops.errors import UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.project import Project
from jupyter_mlops.records import Actor, Progress, Step, silent
from jupyter_mlops.trust.identity import identify
from jupyter_mlops.versioning.git import Git

Ask = Callable[[str], bool]
"""Puts a yes-or-no question to the user; answers False where nobody can be asked."""


def nobody(_: str) -> bool:
    """The answer where nobody can be asked."""
    return False


class Group(StrEnum):
    """The chapters of the help."""

    DATA = "Data"
    PIPELINES = "Pipelines"
    MODELS = "Models"
    WATCH = "Watch"
    GOVERN = "Govern"


class Names(StrEnum):
    """What a value names, for completion."""

    DATASET = "dataset"
    REFERENCE = "reference"
    STAGE = "stage"
    MODEL = "model"
    DEPLOYMENT = "deployment"
    COLUMN = "column"
    PATH = "path"


@attrs.frozen
class Option:
    """What a parameter's type cannot say.

    Attributes
    ----------
    short
        One-letter flag, ``-m``.
    comma
        Values may be joined by commas: ``--pii name,email``.
    pairs
        ``key=value``, repeated.
    names
        What it names, for completion.
    personal
        May name a person: no record of the call keeps its value.
    """

    short: str = ""
    comma: bool = False
    pairs: bool = False
    names: Names | None = None
    personal: bool = False


SIGNER = inspect.Parameter("author", inspect.Parameter.KEYWORD_ONLY, default="", annotation=str)
SIGNER_TEXT = "``Name <email>`` when git does not know you; a name alone gets the address ``name@localhost``."
MOST_A_PAGE = 200
Limit = Annotated[int, Option("-n"), msgspec.Meta(ge=1, le=MOST_A_PAGE)]
"""How many entries a page has."""


@attrs.frozen
class Call:
    """What a verb is given besides its arguments.

    Attributes
    ----------
    folder
        Where the user stands; relative paths start here.
    signer
        Who asks; None leaves it to git, which is asked when somebody wants to know.
    progress, ask
        Where to report, and whom to ask.
    """

    folder: Path
    signer: Actor | None = None
    progress: Progress = silent
    ask: Ask = nobody
    opened: Project | None = None

    @property
    def actor(self) -> Actor:
        """Who asks."""
        if self.signer:
            return self.signer
        return self.opened.actor if self.opened else identify(Git(self.folder).author())

    @property
    def project(self) -> Project:
        """The project around the folder."""
        return self.opened or Project.find(self.folder)

    def report(self, what: str, done: float = 0, total: float | None = None, unit: str = "") -> None:
        """Tell the user how far `what` is."""
        self.progress(Step(what, done, total, unit))

    def path(self, text: str) -> str:
        """A path as the user typed it, relative to the project's root.

        Raises
        ------
        UsageError
            ``outside-project``.
        """
        try:
            return self.project.places.relative_inside(self.folder / text)
        except ValueError as error:
            raise UsageError(
                "outside-project",
                f"{text} lies outside the project.",
                context=f"The project is {self.project.root}.",
                hint=f"import {text} brings a copy in and records where it came from.",
            ) from error


@attrs.frozen(eq=False)
class Verb:
    """One action a person can take.

    Attributes
    ----------
    name
        As typed: ``commit``, ``stage add``.
    function
        Takes a `Call` and the arguments; returns a frozen result.
    group, action
        Its chapter of the help; the permission it needs.
    reads
        Changes nothing and answers at once: GET, no audit line, no event.
    daily
        One of the dozen that lead the help.
    stops
        A failed gate stops the notebook that ran it.
    anywhere
        Works outside a project.
    signs
        What it makes carries the name of whoever made it; takes ``author``, for whom git does not know.
    """

    name: str
    function: Callable[..., Any]
    group: Group
    action: Action
    reads: bool = False
    daily: bool = False
    stops: bool = False
    anywhere: bool = False
    signs: bool = False

    @cached_property
    def signature(self) -> inspect.Signature:
        """The arguments: the function's own, without the call; what signs can be told the name."""
        whole = inspect.signature(self.function)
        own = list(whole.parameters.values())[1:]
        return whole.replace(parameters=[*own, SIGNER] if self.signs else own)

    @cached_property
    def _hints(self) -> Mapping[str, Any]:
        return {SIGNER.name: str, **get_type_hints(self.function, include_extras=True)}

    @property
    def result(self) -> type:
        """The class of the result."""
        return self._hints["return"]  # type: ignore[no-any-return]

    def arguments(self) -> Iterator[Argument]:
        """Each argument, in the order of the signature."""
        texts = {SIGNER.name: SIGNER_TEXT, **dict(_documented(self.function))}
        for parameter in self.signature.parameters.values():
            hint = self._hints[parameter.name]
            bare, option = _unwrap(hint)
            yield Argument(
                name=parameter.name,
                type=bare,
                option=option,
                default=parameter.default,
                positional=parameter.kind is not inspect.Parameter.KEYWORD_ONLY,
                text=texts.get(parameter.name, ""),
            )

    @cached_property
    def request(self) -> type[msgspec.Struct]:
        """The arguments as a type that msgspec checks and describes."""
        fields = [argument.field() for argument in self.arguments()]
        name = "".join(word.title() for word in self.name.replace("-", " ").split()) + "Request"
        return msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True, frozen=True)

    def recordable(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """`arguments` as a log may keep them: of personal ones only that they were given, no password of an address.

        Whoever mistypes a personal one writes it elsewhere: what looks like it is not kept either.
        """
        from jupyter_mlops.trust.addresses import redacted_all

        personal = {argument.name for argument in self.arguments() if argument.option.personal}

        def is_private(name: str, value: object) -> bool:
            return bool(value) and (name in personal or (bool(personal) and "=" in str(value)))

        return {name: "…" if is_private(name, value) else redacted_all(value) for name, value in arguments.items()}

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @property
    def description(self) -> str:
        """The docstring up to its first section."""
        text = inspect.getdoc(self.function) or ""
        return text.partition("\n\nParameters\n")[0].partition("\n\nReturns\n")[0]

    @property
    def python_name(self) -> str:
        """``import_`` for ``import``, ``stage.add`` for ``stage add``."""
        import keyword

        return ".".join(f"{word}_" if keyword.iskeyword(word) else word for word in self.name.split())


@attrs.frozen
class Argument:
    """One argument of a verb."""

    name: str
    type: Any
    option: Option
    default: Any
    positional: bool
    text: str

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is inspect.Parameter.empty

    @property
    def flag(self) -> str:
        """``--dry-run`` for ``dry_run``."""
        return "--" + self.name.rstrip("_").replace("_", "-")

    @property
    def off_flag(self) -> str:
        """``--no-git`` for ``git``."""
        return f"--no-{self.flag.removeprefix('--')}"

    @property
    def is_repeated(self) -> bool:
        """Whether it takes any number of values."""
        return get_origin(self.type) is tuple

    def field(self) -> tuple[str, Any] | tuple[str, Any, Any]:
        """As `msgspec.defstruct` wants it."""
        described = Annotated[self.type, msgspec.Meta(description=self.text)]  # type: ignore[name-defined]
        return (self.name, described) if self.required else (self.name, described, self.default)


REGISTRY: dict[str, Verb] = {}


def verb(
    group: Group,
    action: Action,
    *,
    name: str = "",
    reads: bool = False,
    daily: bool = False,
    stops: bool = False,
    anywhere: bool = False,
    signs: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare the decorated function as a verb; `name` defaults to the function's."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        word = name or function.__name__.strip("_").replace("_", "-")
        REGISTRY[word] = Verb(word, function, group, action, reads, daily, stops, anywhere, signs)
        return function

    return declare


def _unwrap(hint: Any) -> tuple[Any, Option]:
    """``Annotated[T, Option(...)]`` as ``T`` and the option."""
    if get_origin(hint) is not Annotated:
        return hint, Option()
    bare, *extras = get_args(hint)
    option = next((extra for extra in extras if isinstance(extra, Option)), Option())
    rest = tuple(extra for extra in extras if not isinstance(extra, Option))
    return (Annotated[(bare, *rest)] if rest else bare), option


def _documented(function: Callable[..., Any]) -> Iterator[tuple[str, str]]:
    """The names and texts of the numpydoc ``Parameters`` section."""
    text = inspect.getdoc(function) or ""
    section = text.partition("\nParameters\n----------\n")[2]
    names: list[str] = []
    words: list[str] = []
    for line in [*section.splitlines(), "end"]:
        if line.startswith("    "):
            words.append(line.strip())
            continue
        for found in names:
            yield found, " ".join(words)
        is_name = bool(line) and not line.startswith("--")
        names, words = ([found.strip() for found in line.split(",")] if is_name else []), []
