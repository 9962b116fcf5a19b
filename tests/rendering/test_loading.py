"""To show one result, no other verb and no other rendition is loaded."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from collections import Counter
from importlib import import_module

import pytest

from jupyter_mlops import rendering
from jupyter_mlops.rendering.generic import document
from jupyter_mlops.verbs import NOUNS, verbs

FACES = [name for _, name, _ in pkgutil.iter_modules(rendering.__path__)]


def test_the_rendition_of_every_result_is_found_where_the_table_says():
    for name in FACES:
        import_module(f"jupyter_mlops.rendering.{name}")
    for verb in verbs().values():
        noun = verb.result.__module__.rpartition(".")[2]
        face = document.of(verb.result).__module__.rpartition(".")[2]
        assert face == "generic" or noun in rendering.SHOWN[face], verb.name


def test_no_two_results_have_one_name():
    names = Counter(result.__name__ for result in {verb.result for verb in verbs().values()})
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize(
    ("made", "face"),
    [
        ("from jupyter_mlops.verbs.datasets import Tagged; r = Tagged('data', 'v1', 'gold')", "data"),
        ("from jupyter_mlops.verbs.keeping import Collected; r = Collected(objects=0, bytes=0, kept=1)", "govern"),
    ],
)
def test_one_result_loads_one_rendition(made, face):
    script = f"import sys; {made}; from jupyter_mlops.rendering import text; text(r); print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", script], text=True).split()
    shown = {name.rpartition(".")[2] for name in loaded if name.startswith("jupyter_mlops.rendering.")}
    assert shown & set(rendering.SHOWN) == {face}
    assert "jupyter_mlops.rendering.markup" not in loaded
    nouns = {name.rpartition(".")[2] for name in loaded if name.startswith("jupyter_mlops.verbs.")} & set(NOUNS)
    assert nouns == {"datasets" if face == "data" else "keeping"}
