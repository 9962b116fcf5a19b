"""The fast way to read a pointer says just what YAML says, or nothing."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from jupyter_mlops.versioning import pointers
from jupyter_mlops.versioning.plain import plain_lock, plain_pointer

DIGESTS = st.from_regex(r"[0-9a-f]{32}(\.dir)?", fullmatch=True)
WORDS = st.text(st.sampled_from("ab1 :#'\"-|>\n[]{}&*é,"), max_size=9) | st.sampled_from(
    ["true", "1", "outs:", "x" * 99]
)
TREES = st.recursive(
    WORDS | st.integers(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(WORDS, inside, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["a.csv", "b/c.d", "_x", "1", "true", "a b", "é"])


def written(document: object) -> bytes:
    yaml = YAML()
    yaml.default_flow_style = False
    stream = io.BytesIO()
    yaml.dump(document, stream)
    return stream.getvalue()


@st.composite
def items(draw, order):
    """An output as DVC writes it: its keys in the order of a pointer, or of a lock."""
    values = {"md5": draw(DIGESTS), "size": draw(st.integers(0, 10**12)), "hash": "md5", "path": draw(NAMES)}
    values |= draw(st.sampled_from([{}, {"nfiles": 3}, {"isexec": True}, {"desc": "outs:"}]))
    return {key: values[key] for key in [*order, "desc"] if key in values}


ITEMS = items(("md5", "size", "nfiles", "isexec", "hash", "path"))
MADE = items(("path", "hash", "md5", "size", "nfiles", "isexec"))
STAGES = st.fixed_dictionaries(
    {"cmd": WORDS}, optional={"params": TREES, "outs": st.lists(MADE, max_size=2), "note": TREES, "deps": TREES}
)


def slowly(read, data: bytes, name: str) -> object:
    """What YAML alone says."""
    with pytest.MonkeyPatch.context() as patch:
        for fast in ("plain_pointer", "plain_lock", "plain_notes"):
            patch.setattr(pointers, fast, lambda _: None)
        return read(data, name)


@settings(deadline=None)
@given(
    item=ITEMS,
    meta=st.dictionaries(st.sampled_from(["owner", "note", "rows_of", "columns", "pii"]), TREES),
    rows=st.booleans(),
)
def test_a_pointer_is_read_as_yaml_reads_it(item, meta, rows):
    counted = {"rows": 3, "rows_of": item["md5"]} if rows else {}
    data = written({"outs": [item], **({"meta": {**meta, **counted}} if meta or rows else {})})
    for read in (pointers.outs, pointers.described):
        assert read(data, "a.dvc") == slowly(read, data, "a.dvc")


@settings(deadline=None)
@given(stages=st.dictionaries(st.sampled_from(["a", "b@1", "c-d", "e f"]), STAGES, max_size=3))
def test_a_lock_is_read_as_yaml_reads_it(stages):
    data = written({"schema": "2.0", "stages": stages})
    assert pointers.outs(data, "dvc.lock") == slowly(pointers.outs, data, "dvc.lock")


OUT = "    - path: o.csv\n      hash: md5\n      md5: " + "a" * 32 + "\n      size: 3\n"
LOCK = "schema: '2.0'\nstages:\n  one:\n    cmd: x\n    outs:\n" + OUT
POINTER = "outs:\n- md5: " + "b" * 32 + "\n  size: 3\n  hash: md5\n  path: a.csv\n"


def test_what_dvc_writes_needs_no_yaml():
    assert plain_lock(f"{LOCK}  two:\n    cmd: y\n".encode()) is not None
    assert plain_pointer(f"{POINTER}meta:\n  owner: sara\n  pii:\n  - email\n".encode()) is not None


@pytest.mark.parametrize("odd", [
    LOCK.replace("cmd: x", 'cmd: "x\n    outs:\n' + OUT + '      y"'), LOCK.replace("cmd: x", "cmd: [x,\n    y]"),
    LOCK + "  one:\n    cmd: x\n", LOCK + "other: 1\n", LOCK.replace("md5\n", "md5-dos2unix\n"), LOCK + "<<<<<<< HEAD\n",
    LOCK.replace("    outs:\n", "    outs: \n"), LOCK.replace("o.csv", "'o.csv'"), LOCK[:-1], "", "stages:\n",
])  # fmt: skip
def test_anything_odd_in_a_lock_is_left_to_yaml(odd):
    assert plain_lock(odd.encode()) is None


@pytest.mark.parametrize("odd", [
    POINTER + "desc: x\n", POINTER + "meta:\n  a: 'x\n  rows: 1'\n", POINTER + "meta:\n  a: b: c\n", POINTER + "meta: x\n",
    POINTER.replace("outs:\n", "outs:\n- md5: x\n"), POINTER + "meta:\n  a:\n    - 'x\n    y'\n", POINTER.replace("a.csv", "a b"),
])  # fmt: skip
def test_anything_odd_in_a_pointer_is_left_to_yaml(odd):
    assert plain_pointer(odd.encode()) is None
