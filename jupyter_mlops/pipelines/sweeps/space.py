"""What a sweep tries: the range of each parameter, as a person writes it and back.

``float(0,1)``, ``float(0,1,0.1)``, ``log(1e-3,10)``, ``int(2,9)``, ``int(2,9,2)``, ``logint(1,1024)``, ``choice(a,b)``
and ``[0.1,0.2]``; both ends of a range belong to it.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.stages import yaml_files
from jupyter_mlops.records import Scalar

WRITTEN = re.compile(r"\s*(?P<word>[a-z]+)\s*\((?P<inside>.*)\)\s*", re.DOTALL)
RANGES = {"float": (False, False), "log": (True, False), "int": (False, True), "logint": (True, True)}
"""Word to whether it is logarithmic, and whether it holds whole numbers only."""
MOST_POINTS = 100_000
HINT = "C=log(1e-3,10), depth=int(2,9), share=float(0,1), kind=choice(a,b), lr=[0.1,0.2]"


@attrs.frozen
class Range:
    """Numbers from `low` to `high`, both of them included.

    Attributes
    ----------
    step
        Between one number and the next; None when any number will do.
    is_log
        Whether each power of ten is tried as often as another.
    is_whole
        Whether only whole numbers are tried.
    """

    low: float
    high: float
    step: float | None = None
    is_log: bool = False
    is_whole: bool = False

    def __str__(self) -> str:
        word = next(word for word, kind in RANGES.items() if kind == (self.is_log, self.is_whole))
        numbers = (self.low, self.high) if self.step is None else (self.low, self.high, self.step)
        return f"{word}({','.join(map(repr, numbers))})"

    def points(self) -> tuple[Scalar, ...] | None:
        """All its numbers; None when they cannot be listed."""
        step = self.step or (1 if self.is_whole else None)
        if step is None or (self.high - self.low) / step >= MOST_POINTS:
            return None
        count = math.floor((self.high - self.low) / step * (1 + 1e-12)) + 1
        return tuple(self.low + index * step for index in range(count))

    @property
    def sample(self) -> tuple[Scalar, ...]:
        """Some of its values, one of each kind."""
        return (self.low,)


@attrs.frozen
class Choice:
    """One of a few values."""

    values: tuple[Scalar, ...]

    def __str__(self) -> str:
        return f"choice({','.join(json.dumps(value) for value in self.values)})"

    def points(self) -> tuple[Scalar, ...]:
        """All of them."""
        return self.values

    @property
    def sample(self) -> tuple[Scalar, ...]:
        """Some of its values, one of each kind."""
        return self.values


Domain = Range | Choice
Space = Mapping[str, Domain]


def parse_all(written: Mapping[str, object]) -> dict[str, Domain]:
    """The domain of each parameter.

    Raises
    ------
    UsageError
        ``empty-space``, ``bad-space``, ``log-of-zero``.
    """
    if not written:
        raise UsageError("empty-space", "Nothing to try was given.", hint=f"-s with a parameter and its range: {HINT}")
    return {name: parse(name, text) for name, text in written.items()}


def parse(name: str, written: object) -> Domain:
    """The domain that is written for the parameter `name`.

    Raises
    ------
    UsageError
        ``empty-space``, ``bad-space``, ``log-of-zero``.
    """
    if isinstance(written, (list, tuple)):
        return _choice(name, written)
    text = str(written).strip() if isinstance(written, str) else ""
    if text.startswith("[") and text.endswith("]"):
        return _choice(name, _items(name, text[1:-1]))
    found = WRITTEN.fullmatch(text)
    if found and found["word"] == "choice":
        return _choice(name, _items(name, found["inside"]))
    if found and found["word"] in RANGES:
        return _range(name, found["word"], _items(name, found["inside"]))
    message = f"{name}={written} is no range."
    raise UsageError("bad-space", message, context=f"Words: {', '.join((*RANGES, 'choice'))}.", hint=HINT)


def _items(name: str, inside: str) -> Sequence[object]:
    """What stands between the brackets: JSON where it is, words as YAML has them otherwise."""
    if not inside.strip():
        return ()
    try:
        found = json.loads(f"[{inside}]")
    except (ValueError, RecursionError):
        try:
            found = yaml_files.parse(f"[{inside}]")
        except (ValueError, RecursionError, yaml_files.yaml_error()) as error:
            raise UsageError("bad-space", f"{name}: ({inside}) cannot be read.", hint=HINT) from error
    return found if isinstance(found, list) else ()


def _choice(name: str, items: Sequence[object]) -> Choice:
    values: list[Scalar] = []
    for item in items:
        if not isinstance(item, str | int | float | bool | None) or (
            isinstance(item, float) and not math.isfinite(item)
        ):
            raise UsageError("bad-space", f"{name}: {item} is no text, number or truth value.", hint=HINT)
        if item in values:
            raise UsageError("bad-space", f"{name} names {item} twice.", hint=HINT)
        values.append(item)
    if not values:
        raise UsageError("empty-space", f"{name} has no values to choose from.", hint=f"{name}=choice(a,b)")
    return Choice(tuple(values))


def _range(name: str, word: str, items: Sequence[object]) -> Range:
    is_log, is_whole = RANGES[word]
    numbers = [_number(name, item, is_whole=is_whole) for item in items]
    if len(numbers) not in ((2,) if is_log else (2, 3)):
        steps = "" if is_log else ", and a step if you like"
        hint = f"{name}={word}(1,10)"
        raise UsageError("bad-space", f"{name}: {word} takes its least and greatest value{steps}.", hint=hint)
    low, high, *rest = numbers
    _require_order(name, low, high, rest[0] if rest else None)
    if is_log and low <= 0:
        plain, least = ("int", "1") if is_whole else ("float", "1e-4")
        hint = f"{name}={word}({least},{high:g}), or {name}={plain}({low:g},{high:g})"
        raise UsageError("log-of-zero", f"{name}: there is no logarithm of {low:g}.", hint=hint)
    return Range(low, high, rest[0] if rest else None, is_log, is_whole)


def _number(name: str, item: object, *, is_whole: bool) -> float:
    if isinstance(item, bool) or not isinstance(item, int | float) or not math.isfinite(item):
        raise UsageError("bad-space", f"{name}: {item} is no number.", hint=HINT)
    if not is_whole:
        return float(item)
    if item != int(item):
        raise UsageError("bad-space", f"{name}: {item} is no whole number.", hint=f"{name}=float(…) takes any number.")
    return int(item)


def _require_order(name: str, low: float, high: float, step: float | None) -> None:
    if low > high:
        message = f"{name} goes from {low:g} to {high:g}: there is nothing between."
        raise UsageError("empty-space", message, hint=f"Write the least value first: ({high:g},{low:g}).")
    if step is not None and step <= 0:
        raise UsageError("bad-space", f"{name}: a step of {step:g} leads nowhere.", hint="Give one above 0.")


def grid_size(space: Space) -> int:
    """How many points the grid has.

    Raises
    ------
    UsageError
        ``endless-grid``: a range that cannot be listed.
    """
    return math.prod(len(_listed(name, domain)) for name, domain in space.items())


def grid(space: Space) -> Iterator[dict[str, Scalar]]:
    """Every point, the last parameter changing fastest."""
    every = [_listed(name, domain) for name, domain in space.items()]
    for values in itertools.product(*every):
        yield dict(zip(space, values, strict=True))


def _listed(name: str, domain: Domain) -> tuple[Scalar, ...]:
    points = domain.points()
    if points is None:
        hint = f"{name}=[…] lists values, float(a,b,step) counts them; or --sampler random."
        raise UsageError("endless-grid", f"A grid cannot list every value of {name}={domain}.", hint=hint)
    return points
