"""What is understood without the grammar is understood as the grammar understands it."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_mlops.cli import grammar, plain_line
from jupyter_mlops.errors import UsageError
from jupyter_mlops.verbs import verbs

LOOSE = st.sampled_from(("data", "a b", "x=1", "v1", "7", "", "data@v2", "-", "--", "ü", "1,2", "-5", "None", "true"))


def flags(name: str) -> list[str]:
    own = [word for one in verbs()[name].arguments() for word in (one.flag, one.off_flag, one.option.short) if word]
    return [*own, *plain_line.COMMON, "--git=no", "--unknown", "-m"]


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    name = draw(st.sampled_from(sorted(verbs())))
    words = draw(st.lists(st.one_of(LOOSE, st.sampled_from(flags(name))), max_size=6))
    return [*name.split(), *words]


@settings(max_examples=1500, deadline=None)
@given(lines())
def test_a_plain_line_means_what_the_grammar_says(words):
    if plain := plain_line.understood(words):
        assert plain == grammar.understood(words)


@pytest.mark.parametrize(
    "line",
    [
        "status",
        "commit data -m 'two words' --tag gold --pii a,b --pii c --no-git --json",
        "checkout data@v1 --dry-run --project .",
        "log data -n 5",
        "stage add train n.ipynb -p C=1 -d data -o model",
        "run train -p C=0.1 -p name=x",
        "diff data@v1 data@v2 --key id",
        "runs --stage train",
    ],
)
def test_lines_as_they_are_typed_are_plain(line):
    words = shlex.split(line)
    assert plain_line.understood(words) == grammar.understood(words)


@pytest.mark.parametrize(
    "line", ["commit -mx", "log -n many", "log --limit=5", "checkout", "tag a", "diff -- -odd", "x"]
)
def test_what_is_not_plain_is_left_to_the_grammar(line):
    assert plain_line.understood(line.split()) is None


def test_a_plain_line_loads_no_grammar():
    script = "import sys; from jupyter_mlops.cli.parser import parse; parse(['commit', 'data', '-m', 'x'])"
    loaded = subprocess.check_output([sys.executable, "-c", f"{script}; print(*sys.modules)"], text=True).split()
    assert "cyclopts" not in loaded


def test_a_wrong_line_is_still_explained():
    with pytest.raises(UsageError):
        grammar.understood(["commit", "--foo"])
