"""Pipelines of notebooks, beside ``dvc repro`` and papermill, on the same notebooks in one run.

Run: ``python benchmarks/pipelines.py [--rounds N] [--only NAME,NAME] [--calkit PYTHON]``. Each way is a whole process
on its own copy of the same project, in turn: wall seconds and, in brackets, seconds of CPU, children included; the
ratios are medians of the rounds. Everything is made in new folders and removed again.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

OURS = f"{sys.executable} -m jupyter_mlops"
DVC = f"{sys.executable} -m dvc"
PAPERMILL = f"{sys.executable} -m papermill"
Way = Callable[[Path], str]
"""Makes the project in a folder; returns the command that is timed."""


def notebook(path: Path, *cells: str) -> None:
    """A notebook of code cells, the first tagged ``parameters``."""
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "cells": [
            {
                "cell_type": "code",
                "id": f"c{number}",
                "metadata": {"tags": ["parameters"]} if number == 0 else {},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
            for number, source in enumerate(cells)
        ],
    }
    path.write_text(json.dumps(document))


def run(command: str, folder: Path) -> None:
    """A step that is not timed."""
    subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=surroundings(),
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def surroundings() -> dict[str, str]:
    """An identity for git, no reports home; compiled files are kept, as they are for a user."""
    names = {f"GIT_{who}_{what}": "bench@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **names, "PATH": path, "DVC_NO_ANALYTICS": "1"}


def project(folder: Path, count: int, *, chained: bool = False) -> None:
    """`count` tiny notebooks as stages of plain DVC, independent or each reading what the one before wrote."""
    run(f"git init -q -b main && {DVC} init -q", folder)
    stages: dict[str, object] = {}
    for number in range(count):
        before = f"out{number - 1}.txt" if chained and number else "seed.txt"
        text = f"text = open('{before}').read()"
        notebook(folder / f"n{number}.ipynb", "k = 1", text, f"open('out{number}.txt', 'w').write(text + '{number}')")
        stages[f"s{number}"] = {
            "cmd": f"papermill n{number}.ipynb executed/n{number}.ipynb",
            "deps": [before, f"n{number}.ipynb"],
            "outs": [f"executed/n{number}.ipynb", f"out{number}.txt"],
        }
    (folder / "executed").mkdir()
    (folder / "seed.txt").write_text("seed")
    (folder / "dvc.yaml").write_text(json.dumps({"stages": stages}))
    run("git add -A && git commit -qm start", folder)


def commands(folder: Path, count: int) -> None:
    """`count` stages of the shell, all up to date."""
    run(f"git init -q -b main && {DVC} init -q", folder)
    (folder / "seed.txt").write_text("seed")
    stages = {
        f"s{number}": {"cmd": f"cp seed.txt o{number}", "deps": ["seed.txt"], "outs": [f"o{number}"]}
        for number in range(count)
    }
    (folder / "dvc.yaml").write_text(json.dumps({"stages": stages}))
    run("git add -A && git commit -qm start", folder)


def staged(count: int, command: str, *, chained: bool = False) -> Way:
    """A pipeline of notebooks, and what runs it."""

    def make(folder: Path) -> str:
        project(folder, count, chained=chained)
        return command

    return make


def unchanged(count: int, command: str) -> Way:
    """A pipeline that is up to date, and what finds that out."""

    def make(folder: Path) -> str:
        commands(folder, count)
        run(f"{OURS} run --no-git", folder)
        return command

    return make


def first(count: int, command: str) -> Way:
    """A pipeline of shell commands that never ran."""

    def make(folder: Path) -> str:
        commands(folder, count)
        return command

    return make


def single(command: str, *cells: str) -> Way:
    """One notebook, and what executes it."""

    def make(folder: Path) -> str:
        run("git init -q -b main", folder)
        notebook(folder / "one.ipynb", *cells)
        run("git add -A && git commit -qm start", folder)
        return command

    return make


def clocked(way: Way) -> tuple[float, float]:
    """Wall and CPU seconds of what `way` is."""
    with tempfile.TemporaryDirectory(prefix="mlops-pipelines-") as name:
        folder = Path(name)
        command = way(folder)
        start = time.perf_counter()
        process = subprocess.Popen(
            ["sh", "-c", command], cwd=folder, env=surroundings(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        if status:
            raise SystemExit(f"failed: {command}")
        return wall, usage.ru_utime + usage.ru_stime


LARGE = ("k = 1", "print('x' * 5_000_000)", *(f"x{number} = {number}" for number in range(98)))
TINY = ("k = 1", "x = k + 1")
WORK: Mapping[str, tuple[str, Mapping[str, Way]]] = {
    "4": (
        "4 independent notebooks, 2 workers (wanted 3.5)",
        {"ours": staged(4, f"{OURS} run -j 2 --no-git"), "dvc repro": staged(4, f"{DVC} repro -q")},
    ),
    "10": (
        "10 independent notebooks, 2 workers (wanted 4)",
        {"ours": staged(10, f"{OURS} run -j 2 --no-git"), "dvc repro": staged(10, f"{DVC} repro -q")},
    ),
    "chain": (
        "a chain of 10 notebooks (wanted 3)",
        {
            "ours": staged(10, f"{OURS} run --no-git", chained=True),
            "dvc repro": staged(10, f"{DVC} repro -q", chained=True),
        },
    ),
    "no-op": (
        "100 stages up to date (wanted 1)",
        {"ours": unchanged(100, f"{OURS} run"), "dvc repro": unchanged(100, f"{DVC} repro -q")},
    ),
    "overhead": (
        "100 stages of the shell, first run (wanted 1)",
        {"ours": first(100, f"{OURS} run -j 2 --no-git"), "dvc repro": first(100, f"{DVC} repro -q")},
    ),
    "single": (
        "one tiny notebook (wanted 2.5 warm)",
        {
            "ours": single(f"{OURS} run one.ipynb --no-git", *TINY),
            "papermill": single(f"{PAPERMILL} one.ipynb o.ipynb", *TINY),
        },
    ),
    "large": (
        "100 cells, one of 5 MB (wanted 4)",
        {
            "ours": single(f"{OURS} run one.ipynb --no-git", *LARGE),
            "papermill": single(f"{PAPERMILL} one.ipynb o.ipynb", *LARGE),
        },
    ),
}


def compared(title: str, ways: Mapping[str, Way], rounds: int) -> None:
    """A row a way, each beside ours of the same round."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            taken[name].append(clocked(way))
    print(f"\n### {title} (load {os.getloadavg()[0]:.1f})\n")
    for name, found in taken.items():
        wall, cpu = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"{name}: {wall:.2f} s ({cpu:.2f})", end="")
        print(
            f", {_ratio(found, taken['ours'], 0):.2f}x by the clock, {_ratio(found, taken['ours'], 1):.2f}x by CPU"
            if name != "ours"
            else "",
            flush=True,
        )


def _ratio(found: Sequence[tuple[float, float]], ours: Sequence[tuple[float, float]], at: int) -> float:
    return statistics.median(one[at] / other[at] for one, other in zip(found, ours, strict=True))


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(WORK))
    asked = parser.parse_args()
    for name in asked.only.split(","):
        title, ways = WORK[name]
        compared(title, ways, asked.rounds)


if __name__ == "__main__":
    main()
