"""A small project to sweep, and a sweep in a process of its own that can be killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from chains import write_notebook

import jupyter_mlops as mlops

SCRIPT = "import json, sys; import jupyter_mlops as m; m.sweep(**json.loads(sys.argv[2]), project=sys.argv[1])"
TRAIN = "import json\njson.dump({'auc': 1 - (C - 0.3) ** 2, 'rows': 2}, open('metrics.json', 'w'))"
PARAMETERS = "C = 1.0\nname = 'x'\nflag = False"


def write_train(root: Path, *cells: str) -> None:
    """The notebook that is swept, committed: `cells`, then its model and its metrics."""
    save = "open('model.txt', 'w').write(open('clean.csv').read() + repr((C, name)))"
    write_notebook(root / "train.ipynb", PARAMETERS, *cells, save, TRAIN)
    subprocess.run(["git", "commit", "-qam", "train"], cwd=root, check=True)


@pytest.fixture
def swept(chain: Path) -> Path:
    """Two stages whose data and code are committed; the second is best at C = 0.3."""
    mlops.commit(["data.csv"], message="data", project=chain)
    write_train(chain)
    return chain


def sweep(root: Path, **wish: Any) -> Any:
    """A sweep of `train` over C that looks for the greatest auc."""
    usual = {"space": {"C": "float(0,1)"}, "metric": "auc", "maximize": True, "trials": 3, "seed": 1, "jobs": 1}
    return mlops.sweep("train", **{**usual, **wish}, project=root)


def start(root: Path, **wish: Any) -> subprocess.Popen[str]:
    """The same in another process."""
    usual = {"stage": "train", "space": {"C": "float(0,1)"}, "metric": "auc", "maximize": True, "seed": 1, "jobs": 2}
    command = [sys.executable, "-c", SCRIPT, str(root), json.dumps({**usual, **wish})]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
