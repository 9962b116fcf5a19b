"""Which of several notebooks did what, where only the folder told: it cannot tell who.

What a stage declares is its own, and so is what Python told of it, also when the folder saw it opened while another
ran. What is left of both is ascribed to both, and said to be unsure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from jupyter_mlops.pipelines.capturing.capture import Captured
from jupyter_mlops.pipelines.stages.specs import StageSpec
from jupyter_mlops.versioning.names import overlaps


class Ascribing:
    """What each notebook of one run did to files.

    Parameters
    ----------
    stages
        All stages. Their metrics and plots are opened by whatever shows them, such as a sidebar: where only the folder
        tells that they were, no notebook did it.
    """

    def __init__(self, stages: Iterable[StageSpec] = ()) -> None:
        self._shown = frozenset(out.path for stage in stages for out in stage.outs if out.kind != "outs")
        self._declared: dict[str, frozenset[str]] = {}
        self._beside: dict[str, set[str]] = {}
        self._heard: dict[str, Captured] = {}

    def looked_at(self, stage: StageSpec, running: Iterable[StageSpec]) -> None:
        """Note that `stage` was judged, and may have started, while others were running: its files were opened."""
        self._declared[stage.name] = frozenset({*stage.deps, *(out.path for out in stage.outs), *stage.params})
        own = self._beside.setdefault(stage.name, set())
        for other in running:
            self._beside[other.name].add(stage.name)
            own.add(other.name)

    def heard(self, name: str, captured: Captured) -> None:
        """Note what the notebook of the stage `name` did."""
        self._heard[name] = captured

    def captured(self) -> Mapping[str, Captured]:
        """Stage to what its notebook did, without what others account for."""
        return {name: self._own(name, captured) for name, captured in self._heard.items()}

    def _own(self, name: str, captured: Captured) -> Captured:
        others = self._beside.get(name, set())
        declared = frozenset(path for other in others for path in self._declared[other])
        beside = [self._heard[other] for other in others if other in self._heard]
        told = {path for other in beside for path in {*other.reads, *other.writes} - {*other.native}}
        not_its = declared | (self._shown - self._declared[name])
        theirs = [path for path in captured.native if path in told or _is_below(path, not_its)]
        left = captured.without(theirs)
        seen = {path for other in beside for path in other.native}
        unsure = (path for path in left.native if path in seen and not _is_below(path, self._declared[name]))
        return attrs.evolve(left, unsure=tuple(unsure))


def _is_below(path: str, places: Iterable[str]) -> bool:
    return any(overlaps(path, place) for place in places)
