"""Pipelines of notebooks, beside ``dvc repro``, papermill, calkit and elyra, on the same notebooks in one run.

Run: ``python benchmarks/pipelines.py [--rounds N] [--only NAME,NAME] [--calkit PYTHON] [--elyra PYTHON]``. Each way is
a whole process on its own copy of the same project, in turn: wall seconds and, in brackets, seconds of CPU, children
included; the ratios are medians of the rounds. Everything is made in new folders and removed again. calkit and elyra
are measured where the interpreter of an environment that holds them is given.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

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


def staged(count: int, command: str | Way, *, chained: bool = False) -> Way:
    """A pipeline of notebooks, and what runs it, all of it: a command, or a way that prepares the project first."""

    def make(folder: Path) -> str:
        project(folder, count, chained=chained)
        ready = command if isinstance(command, str) else command(folder)
        return " && ".join([ready, *(f"test -e out{number}.txt" for number in range(count))])

    return make


def declared(folder: Path) -> dict[str, Any]:
    """The stages of `project`. Deps: what is read, the notebook; outs: its executed copy, what is written."""
    return json.loads((folder / "dvc.yaml").read_text())["stages"]


def calkit(python: Path, folder: Path) -> str:
    """The project as one of calkit, its environment checked; with ``calkit run``.

    The environment is the machine as it is: nothing is built, and there is nothing to lock. What remains in the run,
    because calkit does it every time: looking at the system, checking the environment again, copies of the notebooks
    without outputs, writing ``dvc.yaml``, and, for each stage, a process of calkit and one that registers the kernel.
    """
    stages = {
        name: {
            "kind": "jupyter-notebook",
            "environment": "here",
            "notebook_path": stage["deps"][1],
            "inputs": stage["deps"][:1],
            "outputs": stage["outs"][1:],
            "html_storage": None,  # nobody else makes a page of it
        }
        for name, stage in declared(folder).items()
    }
    document = {"name": "bench", "environments": {"here": {"kind": "system"}}, "pipeline": {"stages": stages}}
    (folder / "calkit.yaml").write_text(json.dumps(document))
    run("git rm -q dvc.yaml && git add calkit.yaml && git commit -qm calkit", folder)
    # Its stages call `calkit` and `python` by name; kernels, and what it keeps of the user, go with the folder.
    private = shlex.quote(str(folder / ".dvc" / "tmp"))
    places = f'PATH={shlex.quote(str(python.parent))}:"$PATH" JUPYTER_DATA_DIR={private} CALKIT_USER_HOME={private}'
    command = f"export {places} CALKIT_AUTO_UPGRADE=no-check && calkit"
    run(f"{command} check environments", folder)
    return f"{command} run"


def elyra(python: Path, folder: Path) -> str:
    """The project as a pipeline of elyra; with ``elyra-pipeline run``.

    It executes the notebooks in place, one after the other, in one process, and records nothing.
    """
    stages = declared(folder)
    writer = {out: name for name, stage in stages.items() for out in stage["outs"]}
    links = {
        name: [{"node_id_ref": writer[dep], "port_id_ref": "outPort"} for dep in stage["deps"] if dep in writer]
        for name, stage in stages.items()
    }
    nodes = [
        {
            "id": name,
            "type": "execution_node",
            "op": "execute-notebook-node",
            "inputs": [{"id": "inPort", "links": links[name]}],
            "outputs": [{"id": "outPort"}],
            "app_data": {
                "ui_data": {"label": name},
                # The image is demanded, and not used here.
                "component_parameters": {"filename": stage["deps"][1], "runtime_image": "none"},
            },
        }
        for name, stage in stages.items()
    ]
    own = {"version": 8, "ui_data": {}, "properties": {"name": "bench"}}
    primary = {"id": "primary", "nodes": nodes, "app_data": own}
    document = {"doc_type": "pipeline", "version": "3.0", "primary_pipeline": "primary", "pipelines": [primary]}
    (folder / "bench.pipeline").write_text(json.dumps(document))
    return f"{shlex.quote(str(python.parent / 'elyra-pipeline'))} run bench.pipeline"


PEERS: Mapping[str, Callable[[Path, Path], str]] = {"calkit": calkit, "elyra": elyra}
"""By name, what makes a project one of the peer whose interpreter is given, and returns the command that runs it."""
NOTEBOOKS: Mapping[str, tuple[int, bool]] = {"4": (4, False), "10": (10, False), "chain": (10, True)}
"""The groups that peers are in: how many notebooks, and whether each reads what the one before wrote."""


def peers(group: str, given: Mapping[str, Path]) -> dict[str, Way]:
    """The ways of the peers whose interpreters are `given`, in a group."""
    if group not in NOTEBOOKS:
        return {}
    count, chained = NOTEBOOKS[group]
    return {name: staged(count, partial(PEERS[name], python), chained=chained) for name, python in given.items()}


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
    "capture": (
        "4 independent notebooks, what they read and write captured (wanted 3)",
        {"ours": staged(4, f"{OURS} run -j 2 --capture --no-git"), "dvc repro": staged(4, f"{DVC} repro -q")},
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
    for peer in PEERS:
        parser.add_argument(f"--{peer}", type=Path, metavar="PYTHON", help=f"of an environment that holds {peer}")
    asked = parser.parse_args()
    # Absolute, for it is used in other folders; not resolved, for that leads out of the environment.
    given = {peer: python.absolute() for peer in PEERS if (python := getattr(asked, peer))}
    for name in asked.only.split(","):
        title, ways = WORK[name]
        compared(title, {**ways, **peers(name, given)}, asked.rounds)


if __name__ == "__main__":
    main()
