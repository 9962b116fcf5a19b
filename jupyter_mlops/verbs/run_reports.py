"""What became of the stages of a run, as every verb shows it."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from jupyter_mlops.records import Scalar, StageRecord
from jupyter_mlops.verbs.trials import StageProposal


@attrs.frozen
class StageRun:
    """What became of one stage.

    Its `state` is ``ran``, ``up-to-date``, ``restored``, ``failed``, ``pruned`` or ``skipped``.

    Attributes
    ----------
    notebook
        The executed notebook; of a failed stage, the one with the error in it.
    cell
        The number of the code cell that failed, counted from 1, injected parameters not included.
    host
        The machine of a cluster that ran it.
    """

    name: str
    state: str
    seconds: float
    reason: str = ""
    notebook: str | None = None
    cell: int | None = None
    error: str = ""
    host: str = ""


def first_failure(stages: Iterable[StageRun]) -> str | None:
    """The first failed stage, with its cell and error: ``train failed in cell 9: KeyError: 'wage'``."""
    failed = next((stage for stage in stages if stage.state == "failed"), None)
    if failed is None:
        return None
    where = f" in cell {failed.cell}" if failed.cell else ""
    return f"{failed.name} failed{where}: {failed.error or failed.reason}".rstrip(": ")


@attrs.frozen
class StageFiles:
    """What the notebook of a stage read and wrote besides what the stage declares; nothing when it declares all.

    Attributes
    ----------
    unsure
        Files that it opened, or another notebook that ran at the same time: one job alone tells which.
    outside
        Files outside the project.
    line
        The line that declares it.
    """

    stage: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    line: str = ""


@attrs.frozen
class RunReport:
    """What `run` did.

    Attributes
    ----------
    number
        As `runs` counts it, from 1; 0 when nothing was run.
    untracked
        Notebooks and modules of the stages that no commit holds: a clone would lack them.
    note
        What could not be shared with ``--push``.
    proposal
        The stage that a notebook which ran by itself could be, or became.
    undeclared
        With ``--capture``, what each stage that ran does not declare.
    """

    run: str
    stages: tuple[StageRun, ...]
    metrics: dict[str, Scalar] = attrs.field(factory=dict)
    git_commit: str | None = None
    number: int = 0
    untracked: tuple[str, ...] = ()
    note: str = ""
    proposal: StageProposal | None = None
    undeclared: tuple[StageFiles, ...] = ()

    @property
    def gate(self) -> str | None:
        """The first failure."""
        return first_failure(self.stages)


def stage_runs(records: Iterable[StageRecord]) -> tuple[StageRun, ...]:
    """What became of each stage, as every verb shows it."""
    return tuple(
        StageRun(one.name, one.state, one.seconds, one.reason, one.notebook, one.cell, one.error, one.host)
        for one in records
    )
