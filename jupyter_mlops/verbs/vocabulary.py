"""The names that a project holds, for completion: what its reading verbs answer, remembered for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.verbs import find
from jupyter_mlops.verbs.declaration import Names
from jupyter_mlops.verbs.invoking import Origin, invoke

FRESH_S = 5.0
"""Names are looked up again after so many seconds."""
NEWEST = 200
"""Versions that are offered."""


class Vocabulary:
    """Names by kind; empty outside a project and where a verb cannot answer.

    Parameters
    ----------
    folder
        A folder of the project.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._remembered: dict[Names, tuple[float, tuple[str, ...]]] = {}

    def __call__(self, names: Names) -> tuple[str, ...]:
        """The names of one kind."""
        until_s, known = self._remembered.get(names, (0.0, ()))
        if time.monotonic() < until_s:
            return known
        known = tuple(dict.fromkeys(_LISTED.get(names, _nothing)(self)))
        self._remembered[names] = (time.monotonic() + FRESH_S, known)
        return known

    def ask(self, verb: str, **arguments: Any) -> Any:
        """What a reading verb answers, None when it cannot."""
        try:
            return invoke(find(verb), arguments, Origin("completion", self._folder))
        except MlopsError:
            return None


@cache
def vocabulary(folder: Path) -> Vocabulary:
    """The one vocabulary of `folder`."""
    return Vocabulary(folder)


def _nothing(_: Vocabulary) -> Iterator[str]:
    return iter(())


def _datasets(words: Vocabulary) -> Iterator[str]:
    history = words.ask("log", limit=NEWEST)
    return (version.dataset for version in history.versions) if history else iter(())


def _models(words: Vocabulary) -> Iterator[str]:
    found = words.ask("models")
    for model in found.models if found else ():
        yield model.name
        yield from (f"{model.name}@{alias}" for alias in model.aliases)
        yield from (f"{model.name}@{version.version}" for version in model.versions)


def _references(words: Vocabulary) -> Iterator[str]:
    yield from words(Names.DATASET)
    history = words.ask("log", limit=NEWEST)
    for version in history.versions if history else ():
        yield f"{version.dataset}@{version.version}"
        yield from (f"{version.dataset}@{tag}" for tag in version.tags)
    yield from words(Names.MODEL)


def _stages(words: Vocabulary) -> Iterator[str]:
    found = words.ask("stage list")
    return (stage.name for stage in found.stages) if found else iter(())


def _deployments(words: Vocabulary) -> Iterator[str]:
    found = words.ask("deployments")
    return (each.deployment for each in found.deployments) if found else iter(())


_LISTED: Mapping[Names, Callable[[Vocabulary], Iterator[str]]] = {
    Names.DATASET: _datasets,
    Names.REFERENCE: _references,
    Names.MODEL: _models,
    Names.STAGE: _stages,
    Names.DEPLOYMENT: _deployments,
}
