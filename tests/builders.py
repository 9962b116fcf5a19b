"""A value for every declared type: results are made from their own declarations."""

from __future__ import annotations

import types
import typing
from datetime import UTC, datetime
from typing import Any

import attrs
from hypothesis import strategies as st


def results(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Any result of any verb, its texts drawn from `texts`."""
    from jupyter_mlops.verbs import verbs

    return st.sampled_from(sorted(verbs())).flatmap(lambda name: result_of(name, texts))


def result_of(name: str, texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    from jupyter_mlops.verbs import find

    return value_of(find(name).result, texts)


def value_of(hint: Any, texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Values of the type `hint`."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is None:
        return attrs_of(hint, texts) if attrs.has(hint) else plain(hint, texts)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([value_of(each, texts) for each in arguments])
    if origin is typing.Annotated:
        return value_of(arguments[0], texts)
    return composed(origin, [value_of(each, texts) for each in arguments if each is not ...], texts)


def composed(
    origin: type, inside: list[st.SearchStrategy[Any]], texts: st.SearchStrategy[str]
) -> st.SearchStrategy[Any]:
    """Values of a tuple, list or mapping of `inside`."""
    few = st.lists(inside[0], max_size=2)
    return {tuple: few.map(tuple), list: few, dict: st.dictionaries(texts, inside[-1], max_size=2)}[origin]


def plain(hint: Any, texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return {
        str: texts,
        int: st.integers(0, 10**12),
        float: st.floats(0, 1e6, allow_nan=False),
        bool: st.booleans(),
        type(None): st.none(),
        datetime: st.datetimes(timezones=st.just(UTC)),
        Any: st.integers() | texts,
    }[hint]


def attrs_of(hint: type, texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(hint, include_extras=True)
    return st.builds(hint, **{field.name: value_of(hints[field.name], texts) for field in attrs.fields(hint)})
