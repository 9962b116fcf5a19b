"""Loading the extension is cheap: heavy libraries wait for the first line."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = (
    "dvc",
    "papermill",
    "plotly",
    "polars",
    "sklearn",
    "pandas",
    "ipywidgets",
    "cyclopts",
    "msgspec",
    "numpy",
    "distributed",
)
PROGRAM = """
import json, sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
began = time.perf_counter()
shell.run_line_magic("load_ext", "jupyter_mlops")
print(json.dumps([time.perf_counter() - began, sorted(set(sys.modules) - before)]))
"""


def test_loading_imports_nothing_heavy_and_takes_at_most_100_ms():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    seconds, modules = json.loads(done.stdout.splitlines()[-1])
    assert not [name for name in modules if name.partition(".")[0] in HEAVY]
    assert seconds < 0.1
