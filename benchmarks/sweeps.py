"""What a trial costs: a tiny notebook tried N times by `sweep`, and by one plain papermill process each.

``python benchmarks/sweeps.py [--trials 12] [--jobs 1]``: CPU seconds of all processes, and the ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

CELLS = ("C = 1.0", "import json", "json.dump({'auc': 1 - (C - 0.3) ** 2}, open('metrics.json', 'w'))")
SWEEP = "import sys; import jupyter_mlops as m; r = m.sweep(**eval(sys.argv[2]), project=sys.argv[1]); assert r.best"


def main() -> None:
    """Measure both, one after the other, in one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = build(Path(folder) / "project")
        few, many = (measured(lambda count=count: sweep(root, count, asked.jobs)) for count in (1, 1 + asked.trials))
        plain = measured(lambda: papermill(root, asked.trials))
    trial = [(b - a) / asked.trials for a, b in zip(few, many, strict=True)]
    process = [part / asked.trials for part in plain]
    fixed = [a - b for a, b in zip(few, trial, strict=True)]
    print(f"{'':34}CPU s   wall s")
    for name, (cpu, wall) in (
        ("a trial of a sweep", trial),
        ("a papermill process", process),
        ("what a sweep costs once", fixed),
    ):
        print(f"{name:32} {cpu:6.2f}   {wall:6.2f}")
    print(f"papermill / trial                {process[0] / trial[0]:6.1f}   {process[1] / trial[1]:6.1f}")


def measured(work: Callable[[], None]) -> tuple[float, float]:
    """CPU seconds of all child processes that ended meanwhile, and wall seconds."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.monotonic() - start


def sweep(root: Path, trials: int, jobs: int) -> None:
    """A sweep in a process of its own, on points that were not tried before."""
    wish = {"stage": "train", "space": {"C": "float(0,1)"}, "metric": "auc", "maximize": True, "sampler": "random"}
    asked = {**wish, "trials": trials, "jobs": jobs, "seed": trials}
    subprocess.run([sys.executable, "-c", SWEEP, str(root), repr(asked)], cwd=root, check=True)


def papermill(root: Path, trials: int) -> None:
    """What people write by hand: one process a trial."""
    for number in range(trials):
        words = ["-m", "papermill", "train.ipynb", "out.ipynb", "-p", "C", str(number / trials), "--no-progress-bar"]
        subprocess.run([sys.executable, *words], cwd=root, check=True, capture_output=True)


def build(root: Path) -> Path:
    """A project with one tiny stage."""
    import jupyter_mlops as mlops

    root.mkdir()
    for words in (["init", "-q"], ["config", "user.name", "Bench"], ["config", "user.email", "b@example.org"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    (root / "train.ipynb").write_text(json.dumps(notebook()))
    mlops.init(project=root)
    mlops.stage.add("train", "train.ipynb", parameters={"C": 1.0}, metrics=["metrics.json"], project=root)
    return root


def notebook() -> dict[str, object]:
    """`CELLS`, the first tagged ``parameters``."""
    cells = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {"tags": ["parameters"]} if number == 0 else {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(CELLS)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}


if __name__ == "__main__":
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    shutil.which("git") or sys.exit("git is needed")
    main()
