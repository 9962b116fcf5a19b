"""What may make two executions differ, and how it is held still."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from importlib.resources import files
from pathlib import Path

import attrs

from jupyter_mlops.pipelines.reproduction.watching import VARIABLE

SEED = "unset seed"
CLOCK = "clock"
ORDER = "set order"
THREADS = "threads"
NETWORK = "network"
UNDECLARED = "undeclared input"
PACKAGE = "changed package"
MACHINE = "another machine"

STILL = (SEED, CLOCK, ORDER, THREADS)
"""What can be held still without stopping the stage."""
LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "ARROW_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
"""Variables by which numerical libraries choose how many threads they use."""
TRIES = {SEED: 2, ORDER: 3, THREADS: 3}
"""What may agree by chance when it is let go is let go so often."""
BY_CHANCE = frozenset({"torch", "tensorflow", "jax"})
"""Libraries with random numbers of their own, which no call shows."""
PARALLEL = frozenset({"numpy", "scipy", "sklearn", "polars", "pyarrow", "torch", "tensorflow", "numba", "joblib"})
"""Libraries that compute in several threads unasked."""


@attrs.frozen
class Sighting:
    """Something that code of a stage did and that may make it differ.

    Attributes
    ----------
    factor
        One of the factors.
    what
        The function, the file or the address.
    cell
        The number of the code cell, as in a `OutputDifference`; None in a script.
    line
        The line in that cell.
    """

    stage: str
    factor: str
    what: str
    cell: int | None = None
    line: int = 0


@attrs.frozen
class Setting:
    """How a stage is executed once more.

    Attributes
    ----------
    controls
        The factors held still.
    moment
        Where time stands under `CLOCK`, in seconds since 1970.
    order
        Seeds the order of sets: 0 when it is held still.
    timeout_s
        When the execution is given up.
    """

    controls: frozenset[str]
    moment: float = 0.0
    order: int = 0
    timeout_s: float | None = None

    def without(self, factor: str, turn: int = 1) -> Setting:
        """The same, with one factor let go; the `turn` of several tries, from 1, gives sets another order each."""
        return attrs.evolve(self, controls=self.controls - {factor}, order=turn if factor == ORDER else self.order)

    def variables(self, folder: Path, root: Path) -> dict[str, str]:
        """The variables under which it is executed; what they refer to is written into `folder`."""
        orders = {
            "log": str(folder / LOG),
            "root": str(root),
            "controls": sorted(self.controls),
            "moment": self.moment,
        }
        source = files("jupyter_mlops.pipelines.reproduction").joinpath("watching.py").read_text(encoding="utf-8")
        (folder / "sitecustomize.py").write_text(source, encoding="utf-8")
        (folder / "orders.json").write_text(json.dumps(orders))
        paths = (str(folder), os.environ.get("PYTHONPATH", ""))
        found = {VARIABLE: str(folder / "orders.json"), "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        if ORDER in self.controls or self.order:
            found["PYTHONHASHSEED"] = str(self.order)
        if THREADS in self.controls:
            found |= dict.fromkeys(LIMITS, "1")
        return found


LOG = "seen.jsonl"


@attrs.frozen
class Seen:
    """What was noticed in one execution.

    Attributes
    ----------
    sightings
        In the order in which they happened.
    modules
        The modules that were imported.
    unfound
        Files among the sightings that were not there.
    """

    sightings: tuple[Sighting, ...] = ()
    modules: frozenset[str] = frozenset()
    unfound: frozenset[str] = frozenset()

    @property
    def factors(self) -> frozenset[str]:
        """The factors that were used."""
        found = {each.factor for each in self.sightings}
        found |= {SEED} if self.modules & BY_CHANCE else set()
        found |= {THREADS} if self.modules & PARALLEL else set()
        return frozenset(found)


def read_log(folder: Path, stage: str, root: Path, cells: dict[int, int]) -> Seen:
    """What the processes of an execution wrote down.

    Parameters
    ----------
    root
        The folder in which it was executed.
    cells
        Execution count to the number of the code cell.
    """
    try:
        lines = (folder / LOG).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return Seen()
    told = [json.loads(line) for line in lines]
    sightings = tuple(
        Sighting(stage, each["factor"], shortened(each["what"], root), cells.get(each["cell"]), each["line"])
        for each in told
        if "factor" in each
    )
    modules = frozenset(each["module"] for each in told if "module" in each)
    unfound = frozenset(shortened(each["what"], root) for each in told if each.get("exists") is False)
    return Seen(sightings, modules, unfound)


def shortened(what: str, root: Path) -> str:
    """A path without the folder it was executed in, or the home of whoever did: verdicts are shared."""
    for folder, instead in ((root, ""), (Path.home(), "~/")):
        if what.startswith(f"{folder}{os.sep}"):
            return instead + what.removeprefix(f"{folder}{os.sep}")
    return what


def among(sightings: Collection[Sighting], factor: str) -> tuple[Sighting, ...]:
    """Those of `factor`."""
    return tuple(each for each in sightings if each.factor == factor)
