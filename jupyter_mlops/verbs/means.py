"""With what `run` works: this machine or a cluster, and a remote to take from and to leave things in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.records import StageRecord
from jupyter_mlops.verbs.declaration import Call

if TYPE_CHECKING:
    from jupyter_mlops.pipelines.cluster.dask_cluster import DaskSettings
    from jupyter_mlops.pipelines.running.sharing import Shared
    from jupyter_mlops.pipelines.running.sites import Engine
    from jupyter_mlops.pipelines.stages.specs import StageSpec


@attrs.frozen(slots=False)
class Means:
    """With what a run works, as a person asked for it.

    Attributes
    ----------
    engine
        ``local`` or ``dask``.
    remote
        A DVC remote; "" for the default one.
    pull, push
        Whether it takes from there, and leaves things there.
    """

    call: Call
    engine: str = "local"
    remote: str = ""
    pull: bool = False
    push: bool = False

    def require_possible(self, *, elsewhere: bool, has_parameters: bool, captures: bool) -> None:
        """Refuse what workers, who see only what was pushed, could not see, and what is heard here only.

        Raises
        ------
        UsageError
            ``cluster-pushed-only``, ``capture-here-only``.
        """
        if self._is_far and captures:
            message = "What notebooks read and write is heard on this machine only."
            raise UsageError("capture-here-only", message, hint="Run here, without --engine, or without --capture.")
        if self._is_far and (elsewhere or has_parameters):
            what, line = ("--data", "checkout the version") if elsewhere else ("-p", "write it into params.yaml")
            raise UsageError(
                "cluster-pushed-only",
                f"On a cluster {what} cannot be given: workers see what was pushed.",
                hint=f"{line[0].upper()}{line[1:]}, commit, push, and run again; or run here, without --engine.",
            )

    @property
    def _is_far(self) -> bool:
        return self.engine == "dask"

    @cached_property
    def _dask(self) -> DaskSettings:
        from jupyter_mlops.pipelines.cluster.dask_cluster import DaskSettings

        project = self.call.project
        return DaskSettings.read(project.section("dask"), project.root)

    @cached_property
    def shared(self) -> Shared | None:
        """The remote, when it takes part.

        Raises
        ------
        UsageError
            ``no-remote``, ``unknown-remote``.
        """
        if not (self.pull or self.push or self._is_far):
            return None
        from jupyter_mlops.pipelines.running.sharing import Shared

        project = self.call.project
        asked = self.remote or (self._dask.remote if self._is_far else "")
        return Shared(project.pipeline, project.remotes, project.remotes.choose(asked))

    def runs_on(self, *, force: bool) -> Engine:
        """Where the stages are executed."""
        project, shared = self.call.project, self.shared
        if self._is_far and shared:
            from jupyter_mlops.pipelines.cluster.on_cluster import OnCluster

            return OnCluster(project.pipeline, project.git, shared, self._dask, force)
        from jupyter_mlops.pipelines.running.here import Local

        return Local(project.pipeline, shared if self.pull else None)

    def gather(self, stages: Iterable[StageSpec]) -> None:
        """Bring what `stages` read, when they run here and somebody asked for it."""
        if self.shared and self.pull and not self._is_far:
            from jupyter_mlops.pipelines.cluster.tracing import gather

            gather(self.call.project.pipeline, stages, self.shared, self.call.progress)

    def settle(self, stages: Iterable[StageSpec], records: Sequence[StageRecord]) -> str:
        """Send what was made, or bring it when it was made on a cluster; what could not be shared."""
        from jupyter_mlops.pipelines.running.scheduling import GOOD

        if self.shared is None:
            return ""
        good = {record.name for record in records if record.state in GOOD}
        locked = self.call.project.pipeline.locked()
        made = [(stage, locked[stage.name]) for stage in stages if stage.name in good]
        if self._is_far:
            if self.pull:
                outs = {path: pin for _, entry in made for path, pin in entry.outs.items()}
                self.shared.bring(outs, self.call.progress)
            return ""
        return self.shared.send(made, self.call.progress).note if self.push else ""
