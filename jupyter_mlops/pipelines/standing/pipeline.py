"""The stages of ``dvc.yaml``: what they are, whether they are up to date, and how they are edited."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.records import live
from jupyter_mlops.pipelines.stages import dvc_yaml, lock, yaml_files
from jupyter_mlops.pipelines.stages.files import StageData
from jupyter_mlops.pipelines.stages.key_stages import hidden
from jupyter_mlops.pipelines.stages.keys import Keys
from jupyter_mlops.pipelines.stages.lock import Locked, Pin, Values
from jupyter_mlops.pipelines.stages.notebooks import Notebook
from jupyter_mlops.pipelines.stages.specs import StageGraph, StageSpec
from jupyter_mlops.pipelines.standing.memory import Ending, Memory, fingerprint
from jupyter_mlops.pipelines.standing.stage_status import StageStatus
from jupyter_mlops.pipelines.standing.staleness import Situation, Verdict, judge
from jupyter_mlops.records import Places, Scalar, StageRecord
from jupyter_mlops.versioning.datasets import Datasets

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class Pipeline:
    """The pipeline of one project.

    Parameters
    ----------
    places
        Where the project and its local state are.
    datasets
        The door to the data.
    preload
        The packages of which a kernel that waits for its turn imports what its notebook will import.
    """

    def __init__(self, places: Places, datasets: Datasets, preload: Collection[str] = ()) -> None:
        self.places = places
        self.preload = preload
        self.data = StageData(datasets)
        self.memory = Memory(places)
        self.keys = Keys(places.root, self.data)

    def graph(self) -> StageGraph:
        """The stages as ``dvc.yaml`` has them now."""
        return StageGraph(dvc_yaml.read(self.places.root))

    def stages(self) -> tuple[StageSpec, ...]:
        """The stages in the order in which they run, without those that only write keys."""
        return tuple(hidden(self.graph().ordered()))

    def locked(self) -> dict[str, Locked]:
        """What each stage last ran with."""
        return lock.read(self.places.root, self.graph().by_name)

    def recorded(self) -> tuple[StageRecord, ...]:
        """What ``dvc.lock`` says that each stage made of what, whoever ran it."""
        shown = {stage.name: stage for stage in hidden(self.graph().by_name.values())}
        return tuple(_record(shown[name], locked) for name, locked in lock.read(self.places.root, shown).items())

    def situation(self, stage: StageSpec) -> Situation:
        """What the workspace holds now of all that matters to `stage`."""
        return Situation(
            deps=self._deps(stage),
            outs={out.path: self.data.pin(out.path) for out in stage.outs},
            params=self.values(stage),
        )

    def _deps(self, stage: StageSpec) -> dict[str, Pin | None]:
        keys = self.keys.pins(stage)
        return {path: keys[path] if path in keys else self.data.pin(path) for path in stage.deps}

    def verdict(self, stage: StageSpec, locked: Locked | None) -> Verdict:
        """Whether `stage` is up to date, and why not."""
        return judge(stage, locked, self.situation(stage))

    def values(self, stage: StageSpec) -> Values:
        """The parameters of `stage`, those that are there."""
        found: dict[str, dict[str, Any]] = {}
        for file, keys in stage.params.items():
            place = self._file(file)
            document = yaml_files.load_mapping(place) if place else {}
            pairs = {key: yaml_files.lookup(document, key) for key in keys}
            found[file] = {key: value for key, (known, value) in pairs.items() if known} if keys else dict(document)
        return found

    def kernel(self, stage: StageSpec) -> dict[str, Any] | None:
        """The kernel that the notebook of `stage` runs with, its folder and what it may import while it waits."""
        command = stage.papermill
        if command is None:
            return None
        notebook = Notebook.read(self.places.root, command.notebook)
        return {
            "kernel": command.kernel or notebook.kernel or "",
            "folder": str(self.places.root / (command.cwd or ".")),
            "preload": notebook.imports(self.preload),
        }

    def _file(self, path: str) -> Path | None:
        """A file that ``dvc.yaml`` names, unless it lies outside the repository.

        What it holds gets into records that are shared: a pipeline of a stranger must not name a file of this machine.
        """
        file = self.places.root / path
        return file if file.resolve().is_relative_to(self.places.repository) else None

    def states(self) -> tuple[StageStatus, ...]:
        """How each stage stands, in running order; a pipeline that cannot be read says why.

        Raises
        ------
        UsageError
            ``bad-pipeline``, ``bad-file``, ``pipeline-cycle``, ``two-writers``.
        """
        stages = self.stages()
        if not stages:
            return ()
        known, endings = lock.read(self.places.root, {stage.name: stage for stage in stages}), self.memory.endings()
        running = self._running()
        return tuple(
            running.get(stage.name) or self._state(stage, known.get(stage.name), endings.get(stage.name))
            for stage in stages
        )

    def _state(self, stage: StageSpec, locked: Locked | None, ending: Ending | None) -> StageStatus:
        now = self.situation(stage)
        verdict = judge(stage, locked, now)
        status = StageStatus(stage.name, verdict.state, verdict.reason, stage.notebook)
        failed = ending and ending.error and verdict.state != "up-to-date"
        if ending and failed and ending.fingerprint == fingerprint(stage, now):
            return attrs.evolve(status, state="failed", reason=ending.error, run=ending.run)
        return status

    def _running(self) -> dict[str, StageStatus]:
        """The stages that run now, in whatever process."""
        now = time.time()
        return {
            stage.name: StageStatus(stage.name, "running", "", None, stage.done, stage.total, stage.eta_s(now), run.run)
            for run in live.alive(self.places)
            if run.is_of(self.places)
            for stage in run.stages
            if stage.state == "running"
        }

    def metrics(self, stages: Iterable[StageSpec] | None = None) -> dict[str, Scalar]:
        """The metrics that the metrics files hold now, flattened; the file's name in front where two clash."""
        found: dict[str, dict[str, Scalar]] = {}
        for stage in self.graph().by_name.values() if stages is None else stages:
            for out in stage.outs:
                if out.kind == "metrics" and (place := self._file(out.path)):
                    found[out.path] = dict(flattened(yaml_files.load(place)))
        return united(found)


def _record(stage: StageSpec, locked: Locked) -> StageRecord:
    return StageRecord(
        name=stage.name,
        state="ran",
        notebook=stage.papermill.output if stage.papermill else None,
        inputs={path: locked.deps[path].md5 for path in stage.data if path in locked.deps},
        outputs={path: pin.md5 for path, pin in locked.outs.items()},
    )


def united(files: Mapping[str, Mapping[str, Scalar]]) -> dict[str, Scalar]:
    """Metrics of several files in one mapping."""
    names = [name for values in files.values() for name in values]
    return {
        name if names.count(name) == 1 else f"{path.rpartition('/')[2].partition('.')[0]}.{name}": value
        for path, values in files.items()
        for name, value in values.items()
    }


def flattened(value: object, prefix: str = "", *, lists: bool = False) -> Iterable[tuple[str, Any]]:
    """``{"a": {"b": 1}}`` as ``("a.b", 1)``; lists are kept or left out."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from flattened(item, f"{prefix}.{key}" if prefix else str(key), lists=lists)
    elif prefix and (lists or not isinstance(value, list)):
        yield prefix, value if isinstance(value, str | int | float | bool | list | None) else str(value)


def require_name(name: str) -> None:
    """Check the name of a stage.

    Raises
    ------
    UsageError
        ``bad-stage-name``.
    """
    if not NAME.fullmatch(name):
        raise UsageError(
            "bad-stage-name",
            f"{name!r} cannot name a stage.",
            hint="Use letters, digits, dashes and underscores: stage add train train.ipynb.",
        )
