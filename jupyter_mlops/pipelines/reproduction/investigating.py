"""Why outputs differ: the stage is executed with everything held still, then with one factor let go at a time.

With all factors held still two executions must agree. Letting one factor go shows which outputs depend on it. What
agrees whatever is let go, and yet differs from the record, has its cause outside: a file that nobody declared, the
network, another package, another machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import attrs

from jupyter_mlops.pipelines.reproduction.comparing import Outputs
from jupyter_mlops.pipelines.reproduction.differing import OutputDifference
from jupyter_mlops.pipelines.reproduction.factors import (
    MACHINE,
    NETWORK,
    ORDER,
    PACKAGE,
    STILL,
    THREADS,
    TRIES,
    UNDECLARED,
    Seen,
    Setting,
    Sighting,
    among,
)
from jupyter_mlops.pipelines.reproduction.recorded import Pair
from jupyter_mlops.pipelines.reproduction.rerun import Attempt, Reruns
from jupyter_mlops.pipelines.stages.specs import StageSpec

Place = tuple[str, int | None]
MISSING = re.compile(r"No module named '(\w+)")
PATIENCE = 3.0
LEAST_S = 60.0
SPELLED = {
    "scikit-learn": "sklearn",
    "pillow": "PIL",
    "pyyaml": "yaml",
    "opencv-python": "cv2",
    "beautifulsoup4": "bs4",
    "python-dateutil": "dateutil",
}
"""Packages whose module has another name."""


@attrs.frozen
class Record:
    """What the record says of the execution that is reproduced.

    Attributes
    ----------
    inputs
        Of the stage, path to digest.
    started
        When the run began.
    packages
        Name to version before and after, of those that differ; None where one was not installed.
    machine
        What else of the environment differs, name to both values.
    """

    inputs: Mapping[str, str]
    started: datetime
    packages: Mapping[str, Pair] = attrs.field(factory=dict)
    machine: Mapping[str, Pair] = attrs.field(factory=dict)


@attrs.frozen
class Findings:
    """What an investigation found.

    Attributes
    ----------
    causes
        Place to the names of what makes it differ; places whose cause was not found are absent.
    sightings
        The evidence for them.
    executions
        How many were needed.
    notes
        What is said of places whose cause was not found.
    """

    causes: Mapping[Place, tuple[str, ...]]
    sightings: tuple[Sighting, ...] = ()
    executions: int = 0
    notes: tuple[str, ...] = ()


class Investigation:
    """Looks for the causes of the differences of one stage.

    Parameters
    ----------
    reruns
        Executes it.
    stage
        The stage.
    record
        What is known of the execution that is reproduced.
    outputs
        How outputs are compared.
    first_s
        How long the plain execution took, in seconds: others are given up after a few times that.
    """

    def __init__(self, reruns: Reruns, stage: StageSpec, record: Record, outputs: Outputs, first_s: float) -> None:
        self._reruns = reruns
        self._stage = stage
        self._record = record
        self._outputs = outputs
        self._limit_s = max(LEAST_S, PATIENCE * first_s)
        self._executions = 0
        self._causes: dict[Place, list[str]] = {}

    def find(self, differences: Iterable[OutputDifference]) -> Findings:
        """The causes of `differences`."""
        places = {each.place for each in differences if not each.within}
        setting, still = self._still()
        steady = places - self._moved(still, self._run("once more", setting)) if not still.outcome.error else set()
        self._let_go(steady, setting, still)
        rest = places - set(self._causes)
        if rest and NETWORK in still.seen.factors:
            self._refuse(rest, setting, still)
        self._blame_surroundings(places - set(self._causes), still.seen)
        for place in steady - set(self._causes):
            for factor in used_before(place, still.seen.sightings):
                self._blame(factor, [place])
        named = {name for names in self._causes.values() for name in names}
        wanted = named if set(self._causes) == places else {each.factor for each in still.seen.sightings}
        sightings = tuple(each for each in still.seen.sightings if each.factor in wanted)
        causes = {place: tuple(names) for place, names in self._causes.items()}
        return Findings(causes, sightings, self._executions, tuple(self._unexplained(places, steady)))

    def _unexplained(self, places: set[Place], steady: set[Place]) -> Iterator[str]:
        for output in sorted({place[0] for place in places - set(self._causes)}):
            how = "differs even then" if any(place[0] == output for place in places - steady) else "is the same then"
            yield f"No cause was found for {output}: with seeds, clock, set order and threads held still it {how}."

    def explain_failure(self, error: str, cell: int | None) -> Findings:
        """Why an execution failed that once succeeded."""
        setting = Setting(frozenset(), timeout_s=self._limit_s)
        seen = self._run("looking for the cause", setting).seen
        cause = _failure(seen, error, cell, self._record.packages)
        sightings = tuple(each for each in seen.sightings if each.factor == cause)
        place = (self._stage.name, cell)
        return Findings({place: (cause,)} if cause else {}, sightings, self._executions)

    def _run(self, why: str, setting: Setting) -> Attempt:
        self._executions += 1
        return self._reruns.run(self._stage, self._record.inputs, why, setting)

    def _still(self) -> tuple[Setting, Attempt]:
        """An execution with as much held still as it bears."""
        everything = frozenset(STILL)
        moment = self._record.started.timestamp()
        for controls in (everything, everything - {THREADS}, frozenset[str]()):
            setting = Setting(controls, moment, timeout_s=self._limit_s)
            attempt = self._run("everything held still", setting)
            if not attempt.outcome.error:
                break
        return setting, attempt

    def _moved(self, one: Attempt, other: Attempt) -> set[Place]:
        """The places in which two executions differ."""
        return {each.place for each in self._outputs.compare(one.files, other.files) if not each.within}

    def _let_go(self, places: set[Place], setting: Setting, still: Attempt) -> None:
        """Let one factor go at a time; what differs then depends on it."""
        for factor in STILL:
            if not places or factor not in setting.controls or not (factor == ORDER or factor in still.seen.factors):
                continue
            loose: list[Attempt] = []
            for turn in range(1, TRIES.get(factor, 1) + 1):
                loose.append(self._run(f"without {factor} held still", setting.without(factor, turn)))
                moved = self._moved(still, loose[-1]) & places
                self._blame(factor, moved & self._raced(loose) if factor == THREADS else moved)
                if places <= set(self._causes) and not (factor == THREADS and turn == 1 and moved):
                    break

    def _raced(self, loose: Sequence[Attempt]) -> set[Place]:
        """Where executions with threads differ from each other: another number of threads alone is no race."""
        return {place for each in loose[:-1] for place in self._moved(each, loose[-1])}

    def _refuse(self, places: set[Place], setting: Setting, still: Attempt) -> None:
        """Refuse the network; what fails or differs then depends on what came over it."""
        refusing = attrs.evolve(setting, controls=setting.controls | {NETWORK})
        alone = self._run("without the network", refusing)
        self._blame(NETWORK, places if alone.outcome.error else self._moved(still, alone) & places)

    def _blame(self, factor: str, places: Iterable[Place]) -> None:
        for place in places:
            if factor not in (named := self._causes.setdefault(place, [])):
                named.append(factor)

    def _blame_surroundings(self, places: set[Place], seen: Seen) -> None:
        """Name what lies outside the stage, for what no factor explains."""
        names = []
        if any(_is_newer(each, self._record.started) for each in among(seen.sightings, UNDECLARED)):
            names.append(UNDECLARED)
        if imported(self._record.packages, seen.modules):
            names.append(PACKAGE)
        if self._record.machine and not names:
            names.append(MACHINE)
        for place in places if names else ():
            self._causes[place] = names


def used_before(place: Place, sightings: Iterable[Sighting]) -> tuple[str, ...]:
    """The factors that can be held still and that were used up to `place`.

    What agrees only when all is held still depends on one of them, even when it has few values, such as the length of
    a number, and so agrees by chance whenever a factor is let go.
    """
    used = (each.factor for each in sightings if place[1] is None or (each.cell or 0) <= place[1])
    return tuple(factor for factor in dict.fromkeys(used) if factor in STILL)


def _is_newer(sighting: Sighting, started: datetime) -> bool:
    """Whether the file was changed, or put there, after the run began."""
    path = Path(sighting.what).expanduser()
    if not path.is_absolute() or not path.exists():
        return True
    status = path.stat()
    return max(status.st_mtime, status.st_ctime) > started.timestamp()


def imported(packages: Iterable[str], modules: frozenset[str]) -> tuple[str, ...]:
    """Those of `packages` that were imported, by their usual names."""
    known = {module.lower() for module in modules}
    return tuple(
        name for name in packages if SPELLED.get(name.lower(), name.lower().replace("-", "_")).lower() in known
    )


def _failure(seen: Seen, error: str, cell: int | None, packages: Iterable[str]) -> str:
    """What made the execution fail, as far as it shows."""
    here = [each for each in seen.sightings if cell is None or each.cell in (cell, None)]
    kind = error.partition(":")[0]
    if missing := MISSING.search(error):
        return PACKAGE if imported(packages, frozenset({missing[1]})) else UNDECLARED
    if kind in ("ImportError", "AttributeError", "TypeError") and imported(packages, seen.modules):
        return PACKAGE
    if kind in ("FileNotFoundError", "NotADirectoryError") or any(e.what in seen.unfound for e in here):
        return UNDECLARED
    if among(here, NETWORK):
        return NETWORK
    return PACKAGE if imported(packages, seen.modules) else ""
