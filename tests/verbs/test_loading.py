"""One verb is used without loading all the others."""

from __future__ import annotations

import subprocess
import sys

import pytest

from jupyter_mlops.verbs import NOUNS, named, verbs

LOADED = "print(*(name for name in sys.modules if name.startswith('jupyter_mlops.verbs.')))"


def test_every_verb_is_found_by_its_first_word():
    assert {name for words in NOUNS.values() for word in words for name in named(word)} == set(verbs())
    for noun, words in NOUNS.items():
        for word in words:
            assert {verb.function.__module__ for verb in named(word).values()} == {f"jupyter_mlops.verbs.{noun}"}


@pytest.mark.parametrize(
    "use",
    [
        "import jupyter_mlops; jupyter_mlops.commit",
        "from jupyter_mlops.cli.parser import parse; parse(['commit', 'data', '-m', 'x'])",
        "from jupyter_mlops.verbs import find; find('commit')",
    ],
    ids=["python", "line", "name"],
)
def test_a_verb_loads_its_own_file_only(use):
    loaded = subprocess.check_output([sys.executable, "-c", f"import sys; {use}; {LOADED}"], text=True).split()
    nouns = {name.rpartition(".")[2] for name in loaded} & set(NOUNS)
    assert nouns == {"datasets"}
