"""Stages as values, and the order in which they run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

import attrs

from jupyter_mlops.errors import UnknownReference, UsageError, did_you_mean
from jupyter_mlops.pipelines.stages.limits import UNLIMITED, Limits
from jupyter_mlops.pipelines.stages.papermill_command import NotebookCommand
from jupyter_mlops.versioning.names import overlaps

Command = str | tuple[str, ...]
KEYS = ".keys"
"""The folder of the keys of notebooks; git keeps it."""


def key_path(notebook: str) -> str:
    """Where the key of `notebook` stands."""
    return f"{KEYS}/{notebook.removesuffix('.ipynb')}.key"


@attrs.frozen
class Out:
    """Something a stage writes.

    Attributes
    ----------
    path
        Below the root.
    cached
        Whether DVC's cache keeps it; False for metrics that git keeps.
    kind
        ``outs``, ``metrics`` or ``plots``, as in ``dvc.yaml``.
    persist
        Whether it stays in place while the stage runs.
    """

    path: str
    cached: bool = True
    kind: str = "outs"
    persist: bool = False


@attrs.frozen
class StageSpec:
    """A stage of ``dvc.yaml``, its templates filled in.

    Attributes
    ----------
    command, template
        What runs; the same as written, before ``${…}`` was filled in.
    params
        Parameter file to the keys it is asked for; no keys means the whole file.
    folder
        Its working directory below the root, ``.`` for the root; `deps` and outs are below the root.
    limits
        What it may take; DVC knows nothing of them, and a change of them makes nothing stale.
    """

    name: str
    command: Command
    template: object
    deps: tuple[str, ...] = ()
    outs: tuple[Out, ...] = ()
    params: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    folder: str = "."
    frozen: bool = False
    always_changed: bool = False
    limits: Limits = UNLIMITED

    @property
    def papermill(self) -> NotebookCommand | None:
        """Its command in parts, when it is papermill."""
        return NotebookCommand.parse(self.command) if self.folder == "." else None

    @property
    def notebook(self) -> str | None:
        """The notebook it executes."""
        return self.papermill.notebook if self.papermill else None

    @property
    def key(self) -> str | None:
        """The key of its notebook, when it depends on that instead of the notebook itself."""
        path = key_path(self.notebook) if self.notebook else None
        return path if path in self.deps else None

    @property
    def data(self) -> tuple[str, ...]:
        """What it reads besides its notebook."""
        return tuple(path for path in self.deps if path not in (self.notebook, self.key))

    @property
    def commands(self) -> tuple[str, ...]:
        """Its command lines, in order."""
        return (self.command,) if isinstance(self.command, str) else self.command


def sources(stages: Iterable[StageSpec]) -> frozenset[str]:
    """What `stages` read and none of them makes; the key of a notebook is made whenever it is needed."""
    known = tuple(stages)
    made = [out.path for stage in known for out in stage.outs]
    read = {dep for stage in known for dep in stage.deps if dep != stage.key}
    return frozenset(dep for dep in read if not any(overlaps(dep, path) for path in made))


class StageGraph:
    """The stages and what each needs.

    Parameters
    ----------
    stages
        All stages of the project.
    """

    def __init__(self, stages: Iterable[StageSpec]) -> None:
        self.by_name = {stage.name: stage for stage in stages}
        self._needs: dict[str, frozenset[str]] = {}

    def needs(self, stage: StageSpec) -> frozenset[str]:
        """The names of the stages whose outs `stage` reads."""
        if stage.name not in self._needs:
            self._needs[stage.name] = self._read_by(stage)
        return self._needs[stage.name]

    def _read_by(self, stage: StageSpec) -> frozenset[str]:
        return frozenset(
            other.name
            for other in self.by_name.values()
            if other.name != stage.name and any(overlaps(dep, out.path) for dep in stage.deps for out in other.outs)
        )

    def ordered(self) -> tuple[StageSpec, ...]:
        """All stages, each after what it needs.

        Raises
        ------
        UsageError
            ``pipeline-cycle``, ``two-writers``.
        """
        self._require_one_writer()
        needs = {stage.name: sorted(self.needs(stage)) for stage in self.by_name.values()}
        own = [s.name for s in self.by_name.values() if any(overlaps(d, o.path) for d in s.deps for o in s.outs)]
        try:
            order = [*TopologicalSorter(needs).static_order()]
        except CycleError as error:
            raise _cycle(error.args[1]) from error
        if own:
            raise _cycle([own[0], own[0]])
        return tuple(self.by_name[name] for name in order)

    def select(self, names: Sequence[str], *, downstream: bool = False) -> tuple[StageSpec, ...]:
        """`names` with all they need (and, if asked, all that needs them), in running order."""
        order = self.ordered()
        if not names:
            return order
        chosen = {self.find(name).name for name in names}
        if downstream:
            for stage in order:
                if self.needs(stage) & chosen:
                    chosen.add(stage.name)
        for stage in reversed(order):
            if stage.name in chosen:
                chosen |= self.needs(stage)
        return tuple(stage for stage in order if stage.name in chosen)

    def find(self, name: str) -> StageSpec:
        """The stage called `name`.

        Raises
        ------
        UnknownReference
            ``unknown-stage``, with the nearest.
        """
        if name in self.by_name:
            return self.by_name[name]
        from jupyter_mlops.pipelines.stages.key_stages import hidden  # it builds on this module

        own = [stage.name for stage in hidden(self.by_name.values())]
        otherwise = f"Stages: {', '.join(own)}." if own else "There are no stages: stage add NAME NOTEBOOK."
        hint = did_you_mean(name, own, otherwise)
        raise UnknownReference("unknown-stage", f"There is no stage {name}.", hint=hint)

    def _require_one_writer(self) -> None:
        written: list[tuple[str, str]] = []
        for stage in self.by_name.values():
            for out in stage.outs:
                for path, other in written:
                    if overlaps(path, out.path):
                        raise UsageError(
                            "two-writers",
                            f"{other} and {stage.name} both write {out.path}.",
                            hint="Give each stage outputs of its own.",
                        )
                written.append((out.path, stage.name))


def _cycle(names: Sequence[str]) -> UsageError:
    return UsageError(
        "pipeline-cycle",
        "The stages wait for each other in a circle.",
        context=" → ".join(reversed(names)),
        hint="Remove one dependency, or split a stage.",
    )
