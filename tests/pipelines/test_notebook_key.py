"""What of a notebook counts: the code, as every Python reads it."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import random
import sysconfig
import time
import tokenize
from pathlib import Path

import pytest

from jupyter_mlops.pipelines.stages import keys
from jupyter_mlops.pipelines.stages.notebook_key import normalised

SAMPLE = 60


def key(*sources: str, language: str = "python", kernel: str = "python3", **cell: object) -> bytes:
    cells = [{"cell_type": "code", "source": source, **cell} for source in sources]
    document = {"cells": cells, "metadata": {"kernelspec": {"name": kernel, "language": language}}}
    return keys.key(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 1  # why"),
        ("x = 1\ny = 2", "\n# why\nx=1\n\n\ny = 2  \n"),
        ("f(a, b=1)", "f( a,b = 1 )"),
        ("if x:\n    y", "if x :  # c\n\n    # d\n    y"),
        ('f"{x:>{w}}"', 'f"{x:>{w}}"  # c'),
        ("%time x\ny = 1", "%time x\n# c\ny=1"),
        ("x = !ls 'it\ny", "x = !ls 'it\ny  # c"),
    ],
)
def test_comments_blank_lines_and_spacing_do_not_count(one, other):
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 2"),
        ("x = '# a'", "x = '# b'"),
        ("x = '''\n# a\n'''", "x = '''\n# b\n'''"),
        ("x = 'a b'", "x = 'a  b'"),
        ("if x:\n    y", "if x:\n        y"),
        ("x\n    y", "x\ny"),
        ("not x", "notx"),
        ("!echo a # b", "!echo a # c"),
        ("cd a#b", "cd a#c"),
        ("%%bash\n# a", "%%bash\n# b"),
        ('f"{d["a#b"]}"', 'f"{d["a#c"]}"'),
        ("x = (  # open", "x = (  # opened"),
        ("'''open # a", "'''open # b"),
    ],
)
def test_what_may_decide_a_result_counts(one, other):
    assert key(one) != key(other)


def test_the_kernel_the_language_and_the_tags_that_are_acted_on_count():
    plain = key("x = 1")

    assert key("x = 1", kernel="r") != plain
    assert key("x = 1", language="R") != plain
    assert key("x = 1", metadata={"tags": ["parameters"]}) != plain
    assert key("x = 1", metadata={"tags": ["mine"], "collapsed": True}, id="a", outputs=[{}]) == plain
    assert key("x <- 1 # a", language="R") != key("x <- 1 # b", language="R")
    assert key("x = 1", "# only") == key("", "x = 1") == plain


def test_code_without_comments_means_the_same():
    """The library of Python itself: what is left parses to the same tree, and no comment is left but in odd lines."""
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("[a-z]*/*.py"))
    left = 0
    for path in random.Random(7).sample(files, SAMPLE):
        source = path.read_bytes().decode("utf-8", "replace")
        try:
            tree = ast.dump(ast.parse(source))
        except (SyntaxError, ValueError):
            continue
        short = normalised(source)
        assert ast.dump(ast.parse(short)) == tree, path
        left += sum(token.type == tokenize.COMMENT for token in tokenize.generate_tokens(io.StringIO(short).readline))
    assert left <= 2


def test_the_script_is_the_same_in_every_project():
    """A change of its bytes makes every key stage of every project run once: change it for a reason."""
    assert (
        hashlib.sha256(keys.script()).hexdigest() == "6ebb0eae4fcd45a839a191843c1de9a930c909e5c09b3f84eb7ea49c85483e79"
    )


@pytest.mark.parametrize(
    "text", [" " * 50_000, "a" * 50_000 + '"x"', '"""' + 'a"' * 30_000, "f'" * 20_000, "a = " * 20_000]
)
def test_no_source_takes_long(text):
    start = time.process_time()
    normalised(text)
    assert time.process_time() - start < 3
