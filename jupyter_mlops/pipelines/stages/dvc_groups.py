"""``foreach`` and ``matrix`` of ``dvc.yaml`` as DVC's own resolver expands them, for the plain shapes.

Importing that resolver takes longer than most pipelines take to look at; what is not plain goes there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

GROUPS = frozenset({"foreach", "matrix"})

Fill = Callable[[Any, Mapping[str, Any]], Any]
"""Fills in the templates of a value from a context."""


class NotPlain(Exception):  # an outcome, not a fault
    """A group that DVC has to expand."""


def members(
    name: str, group: Mapping[str, Any], context: Mapping[str, Any], fill: Fill
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The stages that the `group` called `name` makes, by name, their templates filled in.

    Raises
    ------
    NotPlain
    """
    if set(group) == {"foreach", "do"}:
        template, pairs = group["do"], _each(fill(group["foreach"], context))
    elif "matrix" in group and GROUPS | {"do"} & set(group) == GROUPS:
        template = {key: value for key, value in group.items() if key != "matrix"}
        pairs = _combined(fill(group["matrix"], context))
    else:
        raise NotPlain
    for key, inserted in pairs:
        yield f"{name}@{key}", fill(template, {**context, **inserted})


def _each(items: object) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(items, Mapping):
        for key, item in items.items():
            _require(isinstance(key, str) and _is_plain(item))
            yield key, {"item": item, "key": key}
        return
    _require(isinstance(items, list))
    assert isinstance(items, list)  # noqa: S101  # for the type checker
    _require(all(map(_can_name, items)))
    by_place = any(isinstance(item, Mapping) for item in items)
    named = {str(place) if by_place else text(item): item for place, item in enumerate(items)}
    for key, item in named.items():
        yield key, {"item": item}


def _combined(axes: object) -> Iterator[tuple[str, dict[str, Any]]]:
    _require(isinstance(axes, Mapping) and all(isinstance(values, list) for values in axes.values()))
    assert isinstance(axes, Mapping)  # noqa: S101  # for the type checker
    _require(all(isinstance(name, str) for name in axes) and all(_can_name(v) for vs in axes.values() for v in vs))
    found: dict[str, dict[str, Any]] = {}
    for chosen in itertools.product(*(enumerate(values) for values in axes.values())):
        words = [
            f"{name}{place}" if isinstance(value, Mapping) else text(value)
            for name, (place, value) in zip(axes, chosen, strict=True)
        ]
        found["-".join(words)] = {name: value for name, (_, value) in zip(axes, chosen, strict=True)}
    for key, item in found.items():
        yield key, {"item": item, "key": key}


def text(value: object) -> str:
    """A single value as DVC writes it into a template."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_plain(item: object) -> bool:
    """Whether it is a single value, or a mapping of names to those."""
    if isinstance(item, Mapping):
        return all(isinstance(key, str) and _is_single(value) for key, value in item.items())
    return _is_single(item)


def _can_name(item: object) -> bool:
    """Whether DVC names a stage by it in one way: True is sometimes ``true`` and sometimes ``True``."""
    return _is_plain(item) and not isinstance(item, bool)


def _is_single(value: object) -> bool:
    return isinstance(value, str | int | float | bool)


def _require(is_plain: object) -> None:
    if not is_plain:
        raise NotPlain
