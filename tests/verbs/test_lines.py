"""The line of a job says the same as the call it stands for."""

from __future__ import annotations

import shlex
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta

from jupyter_mlops.cli.parser import parse
from jupyter_mlops.verbs import find, verbs
from jupyter_mlops.verbs.declaration import Argument, Verb
from jupyter_mlops.verbs.invoking import checked
from jupyter_mlops.verbs.lines import line

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12)
WORD = st.text(st.sampled_from("abcxyz019_.-"), min_size=1, max_size=8)
SCALAR = TEXT | st.integers(-9, 9) | st.booleans() | st.none() | st.floats(-9, 9)


def values(argument: Argument) -> st.SearchStrategy[Any]:
    """Whatever may be given for `argument`."""
    if argument.option.pairs:
        return st.dictionaries(WORD, SCALAR | st.lists(SCALAR, max_size=2), max_size=3)
    kind = get_args(argument.type)[0] if argument.is_repeated else argument.type
    one = WORD if argument.option.comma and kind is str else of(kind)
    return st.lists(one, min_size=1, max_size=3).map(tuple) if argument.is_repeated else one


def of(kind: Any) -> st.SearchStrategy[Any]:
    """Values of the type `kind` that can be written in a line: nothing stands for None."""
    if get_origin(kind) is Literal:
        return st.sampled_from(get_args(kind))
    if get_origin(kind) in (Union, UnionType):
        return st.one_of([of(each) for each in get_args(kind) if each is not NoneType])
    if get_origin(kind) is Annotated:
        limits = next(extra for extra in get_args(kind) if isinstance(extra, Meta))
        least = limits.ge if limits.ge is not None else limits.gt or 0
        most = limits.le if limits.le is not None else (limits.lt or least + 100) - 1
        if get_args(kind)[0] is float:
            return st.floats(least, most, exclude_min=limits.gt is not None)
        return st.integers(int(least) + (limits.gt is not None), int(most))
    return {bool: st.booleans(), int: st.integers(-99, 99), float: st.floats(-99, 99)}.get(kind, TEXT)


@st.composite
def calls(draw: st.DrawFn, verb: Verb) -> dict[str, Any]:
    """Some arguments of `verb`, the required ones always."""
    return {a.name: draw(values(a)) for a in verb.arguments() if a.required or draw(st.booleans())}


@pytest.mark.parametrize("verb", verbs().values(), ids=lambda verb: verb.name)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_line_parses_back_to_the_call(verb: Verb, data: st.DataObject) -> None:
    arguments = checked(verb, data.draw(calls(verb)))
    parsed = parse(shlex.split(line(verb, arguments)))
    assert parsed.verb is verb
    assert checked(verb, parsed.arguments) == arguments


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("commit", {}, "commit"),
        ("commit", {"paths": ["data"], "message": "May data"}, "commit data -m 'May data'"),
        ("commit", {"paths": ("-x",), "git": False}, "commit --no-git -- -x"),
        ("commit", {"message": "-x"}, "commit --message=-x"),
        ("checkout", {"reference": "data@v2", "all": True}, "checkout data@v2 --all"),
        ("diff", {"after": "data@v2"}, "diff --after data@v2"),
        ("run", {"parameters": {"C": 0.1, "name": "1"}}, """run -p C=0.1 -p 'name="1"'"""),
        ("stage add", {"name": "train", "notebook": "train.ipynb"}, "stage add train train.ipynb"),
    ],
)
def test_the_line_reads_as_a_person_would_type_it(name: str, arguments: dict[str, Any], expected: str) -> None:
    assert line(find(name), arguments) == expected
