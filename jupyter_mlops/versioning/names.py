"""Datasets by name: the path, the pointer, or the short name when only one has it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from jupyter_mlops.errors import UnknownReference, nearest
from jupyter_mlops.versioning.pointers import SUFFIX
from jupyter_mlops.versioning.values import Dataset

PREFIX = "data:"


def find(everything: Iterable[Dataset], name: str) -> Dataset:
    """The dataset called `name` among `everything`; see `Datasets.find`."""
    known = tuple(everything)
    if dataset := exact(known, name.removeprefix(PREFIX)):
        return dataset
    raise unknown(known, name)


def exact(everything: Iterable[Dataset], text: str) -> Dataset | None:
    """The dataset at the path `text`, by its pointer, or by its short name when only one has it."""
    known = tuple(everything)
    path = posixpath.normpath(text.rstrip("/")) if text else ""
    for dataset in known:
        if dataset.name == path or (dataset.pointer == path and path.endswith(SUFFIX)):
            return dataset
    named = _by_short_name(known).get(text, [])
    if len(named) > 1:
        raise UnknownReference(
            "ambiguous-dataset",
            f"{text} fits {len(named)} datasets.",
            context=", ".join(dataset.name for dataset in named),
            hint=f"Give the path: {named[0].name}.",
        )
    return named[0] if named else None


def short_names(everything: Iterable[Dataset]) -> dict[str, str]:
    """What to type for each dataset, by path: its short name when that names it alone, else the path."""
    known = tuple(everything)
    paths = {dataset.name for dataset in known}
    named = _by_short_name(known)
    return {
        one.name: one.short_name if named[one.short_name] == [one] and one.short_name not in paths else one.name
        for one in known
    }


def _by_short_name(known: Iterable[Dataset]) -> dict[str, list[Dataset]]:
    """The datasets that a short name fits; data comes before what stages make of it."""
    found: dict[str, list[Dataset]] = {}
    for dataset in sorted(known, key=lambda one: one.kind):
        for word in {dataset.short_name, posixpath.basename(dataset.name)}:
            named = found.setdefault(word, [])
            if not named or named[0].kind == dataset.kind:
                named.append(dataset)
    return found


def unknown(everything: Iterable[Dataset], text: str) -> UnknownReference:
    """The error for a name that no dataset has, with the nearest."""
    words = {word: dataset.name for dataset in everything for word in (dataset.name, dataset.short_name)}
    near = nearest(text, words, likeness_ratio=0.5)
    hint = f"Did you mean {words[near]}?" if near else "status lists the datasets; commit PATH makes one."
    return UnknownReference("unknown-dataset", f"There is no dataset {text}.", hint=hint)


def overlaps(one: str, other: str) -> bool:
    """Whether two paths are equal or one lies inside the other."""
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
