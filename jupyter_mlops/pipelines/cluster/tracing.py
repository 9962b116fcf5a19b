"""What stages read, by digest: known from pointers, ``dvc.lock`` and the run-cache, also where the data itself is not.

An input that lies in the workspace counts as it lies there; one that another stage makes counts as that stage would
make it of what there is now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.running.sharing import Shared
from jupyter_mlops.pipelines.stages.key_stages import hidden
from jupyter_mlops.pipelines.stages.lock import Locked, Pin, Values
from jupyter_mlops.pipelines.stages.specs import StageSpec
from jupyter_mlops.pipelines.standing.pipeline import Pipeline
from jupyter_mlops.pipelines.standing.staleness import Situation, judge
from jupyter_mlops.records import Progress
from jupyter_mlops.versioning.content import MD5
from jupyter_mlops.versioning.names import overlaps

Find = Callable[[StageSpec, Mapping[str, Pin], Values], Locked | None]
"""What a stage made of exactly these inputs, as far as anybody knows."""


class Tracing:
    """The inputs of stages by digest.

    Parameters
    ----------
    pipeline
        The stages.
    find
        Asks the run-cache.
    """

    def __init__(self, pipeline: Pipeline, find: Find) -> None:
        self._pipeline = pipeline
        self._find = find
        self._makers = {one.name: one for one in hidden(pipeline.graph().by_name.values())}
        self._locked = pipeline.locked()
        self._made: dict[str, Mapping[str, Pin] | None] = {}

    @cached_property
    def _pointed(self) -> dict[str, Pin]:
        """What ``.dvc`` files name."""
        return {
            dataset.name: Pin(out.digest, out.size, out.nfiles, out.is_executable)
            for dataset, out in self._pipeline.data.pointers()
            if dataset.stage is None and out.digest and out.algorithm == MD5
        }

    def note(self, stage: StageSpec, outs: Mapping[str, Pin] | None) -> None:
        """`stage` has just made this, or (None) nothing that counts."""
        self._made[stage.name] = outs

    def outs(self, stage: StageSpec) -> Mapping[str, Pin] | None:
        """What `stage` makes of what there is now; None when nobody knows."""
        if stage.name not in self._made:
            self._made[stage.name] = self._traced(stage)
        return self._made[stage.name]

    def _traced(self, stage: StageSpec) -> Mapping[str, Pin] | None:
        locked = self._locked.get(stage.name)
        now = self.situation(stage, locked.outs if locked else {})
        as_before = attrs.evolve(stage, always_changed=False)
        if locked and judge(as_before, locked, now).state == "up-to-date":
            return locked.outs
        deps = {path: pin for path, pin in now.deps.items() if pin}
        found = self._find(stage, deps, now.params) if len(deps) == len(now.deps) else None
        return found.outs if found else None

    def situation(self, stage: StageSpec, outs: Mapping[str, Pin]) -> Situation:
        """What `stage` has in front of it, when its outputs are `outs`."""
        return Situation(
            deps={**{path: self.pin(path) for path in stage.deps}, **self._pipeline.keys.pins(stage)},
            outs={out.path: outs.get(out.path) for out in stage.outs},
            params=self._pipeline.values(stage),
        )

    def pin(self, path: str) -> Pin | None:
        """What `path` holds, or would hold; None when that is not known without the data."""
        whole = {place: pin for place, pin, _ in self.parts(path)}
        if not whole or path in whole:
            return whole[path] if whole else self._pipeline.data.pin(path)
        # A part of something, or a folder of several: only who has the data can say.
        have = {place: self._pipeline.data.pin(place) for place in whole}
        return self._pipeline.data.pin(path) if have == whole else None

    def parts(self, path: str) -> Iterator[tuple[str, Pin | None, str]]:
        """What DVC keeps of `path`: each path, what it holds, and the stage that makes it (else "")."""
        for stage in self._makers.values():
            for out in stage.outs:
                if overlaps(path, out.path):
                    yield out.path, (self.outs(stage) or {}).get(out.path), stage.name
        for name, pin in self._pointed.items():
            if overlaps(path, name):
                yield name, self._pipeline.data.pin(name) or pin, ""

    def keeps(self, path: str) -> bool:
        """Whether DVC keeps something of `path`."""
        made = (out.path for stage in self._makers.values() for out in stage.outs)
        return any(overlaps(path, other) for other in (*made, *self._pointed))

    def absent(self, stages: Iterable[StageSpec]) -> dict[str, Pin]:
        """What has to be brought before `stages` can read in the workspace what none of them makes.

        Raises
        ------
        UsageError
            ``input-unknown``: nobody knows what a stage before them makes; ``uncommitted-output``.
        """
        chosen = {stage.name: stage for stage in stages}
        found: dict[str, Pin] = {}
        for stage in chosen.values():
            for path, pin, maker in (part for dep in stage.deps for part in self.parts(dep)):
                if maker in chosen:
                    continue
                if pin is None:
                    raise _unknown(stage, path)
                if self._is_absent(path, pin, is_made=bool(maker)):
                    found[path] = pin
        return found

    def _is_absent(self, path: str, pin: Pin, *, is_made: bool) -> bool:
        there = self._pipeline.data.pin(path)
        if there is None or there == pin or not is_made:
            return there is None
        if not self._pipeline.data.holds(there):
            raise _uncommitted(path)
        return True


def gather(pipeline: Pipeline, stages: Iterable[StageSpec], shared: Shared, progress: Progress) -> None:
    """Bring into the workspace what `stages` read and none of them makes.

    Raises
    ------
    UsageError
        ``input-unknown``, ``uncommitted-output``.
    EnvironmentFault
        ``not-on-remote``, ``remote-failed``.
    """

    def find(stage: StageSpec, deps: Mapping[str, Pin], params: Values) -> Locked | None:
        return shared.known(stage, deps, params, progress)

    if absent := Tracing(pipeline, find).absent(stages):
        shared.bring(absent, progress)


def _unknown(stage: StageSpec, path: str) -> UsageError:
    return UsageError(
        "input-unknown",
        f"{stage.name} reads {path}, and nobody knows yet what that is: what makes it has not run on this.",
        hint="run, without --single, runs what comes before it; or push --run-cache where that ran.",
    )


def _uncommitted(path: str) -> UsageError:
    return UsageError(
        "uncommitted-output",
        f"{path} holds something that nothing else holds; it was left as it is.",
        hint=f"Move {path} away, or keep it: commit {path}.",
    )
