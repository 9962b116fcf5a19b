"""What stages read and make, from and to a remote: data by its digest, and the run-cache."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.pipelines.stages.lock import Locked, Pin, Values
from jupyter_mlops.pipelines.stages.specs import StageSpec
from jupyter_mlops.pipelines.standing.pipeline import Pipeline
from jupyter_mlops.pipelines.standing.run_cache import RunCache
from jupyter_mlops.records import Progress
from jupyter_mlops.versioning.remotes import Remotes
from jupyter_mlops.versioning.transfer import Answer, Request


@attrs.frozen
class Shared:
    """A remote through which stages share what they read and make.

    Attributes
    ----------
    pipeline
        The stages, and their cache on this side.
    remotes, remote
        The way to the remote, and its name.
    """

    pipeline: Pipeline
    remotes: Remotes
    remote: str

    @property
    def _runs(self) -> RunCache:
        return RunCache(self.pipeline.data.cache)

    def find(self, stage: StageSpec, deps: Mapping[str, Pin], params: Values, progress: Progress) -> Locked | None:
        """What `stage` made of exactly these inputs, wherever it ran; its outputs may still have to be fetched."""
        folder = self._runs.folder_of(stage, deps, params)
        if folder is None:
            return None
        self._move("fetch", (), (folder,), progress)
        return self._runs.find(stage, deps, params)

    def known(self, stage: StageSpec, deps: Mapping[str, Pin], params: Values, progress: Progress) -> Locked | None:
        """As `find`, but the remote is asked only for what the run-cache on this side lacks."""
        return self._runs.find(stage, deps, params) or self.find(stage, deps, params, progress)

    def fetch(self, pins: Iterable[Pin], progress: Progress) -> bool:
        """Bring `pins` into the cache; says whether they all are there now."""
        wanted = {pin.md5: pin for pin in pins}
        absent = [digest for digest, pin in wanted.items() if not self.pipeline.data.holds(pin)]
        if absent:
            with self.pipeline.data.in_use():
                self._move("fetch", absent, (), progress)
        return all(self.pipeline.data.holds(wanted[digest]) for digest in absent)

    def bring(self, pins: Mapping[str, Pin], progress: Progress) -> None:
        """Put `pins` to their paths in the workspace, whatever is there.

        Raises
        ------
        EnvironmentFault
            ``not-on-remote``; ``remote-failed``.
        """
        if not self.fetch(pins.values(), progress):
            lost = [path for path, pin in pins.items() if not self.pipeline.data.holds(pin)]
            raise not_on_remote(lost, self.remote)
        for path, pin in pins.items():
            self.pipeline.data.restore(path, pin, progress)

    def send(self, made: Iterable[tuple[StageSpec, Locked]], progress: Progress) -> Answer:
        """Push what stages made, and then the entries of the run-cache that say so.

        Raises
        ------
        EnvironmentFault
            ``not-on-remote`` when neither side has it all; ``remote-failed``.
        """
        pairs = list(made)
        names = {pin.md5: path for _, locked in pairs for path, pin in locked.outs.items()}
        entries = tuple(filter(None, (self._runs.name_of(stage, locked) for stage, locked in pairs)))
        answer = self._move("push", [*names], entries, progress)
        if answer.missing:
            raise not_on_remote([names.get(digest, digest) for digest in answer.missing], self.remote)
        return answer

    def lacking(self, pins: Mapping[str, Pin], progress: Progress) -> tuple[str, ...]:
        """The paths of those `pins` that the remote lacks something of."""
        held = {path: pin for path, pin in pins.items() if self.pipeline.data.holds(pin)}
        away = {pin.md5 for path, pin in pins.items() if path not in held}
        sent = self._move("push", {pin.md5 for pin in held.values()}, (), progress, look_only=True)
        come = self._move("fetch", away, (), progress, look_only=True)
        lost = {*sent.moved, *sent.missing, *come.missing}
        objects = self.pipeline.data.objects
        return tuple(path for path, pin in pins.items() if not lost.isdisjoint(objects(pin)))

    def _move(
        self,
        direction: str,
        digests: Iterable[str],
        runs: tuple[str, ...],
        progress: Progress,
        *,
        look_only: bool = False,
    ) -> Answer:
        chosen = tuple(digests)
        if not chosen and not runs:
            return Answer()
        return self.remotes.move(Request(direction, self.remote, (), chosen, look_only, runs=runs), progress)


def not_on_remote(paths: Iterable[str], remote: str) -> EnvironmentFault:
    """Nobody can be given these."""
    names = list(paths)
    return EnvironmentFault(
        "not-on-remote",
        f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} not on {remote}.",
        hint="push, typed in a project that has the data, sends it.",
    )
