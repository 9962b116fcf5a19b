"""Which run made what a reference names, and which of its stages."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from contextlib import suppress

from jupyter_mlops.errors import UnknownReference, UsageError
from jupyter_mlops.pipelines.records.runs import NumberedRun
from jupyter_mlops.project import Project
from jupyter_mlops.records import StageRecord
from jupyter_mlops.verbs.declaration import Call
from jupyter_mlops.verbs.history import is_model
from jupyter_mlops.verbs.versions import reference as typed

EXECUTED = ("ran", "restored")


def maker(call: Call, reference: str) -> tuple[NumberedRun, tuple[str, ...]]:
    """The run that `reference` names or that made it, and the stages that led to it; none means all.

    Parameters
    ----------
    reference
        ``run:18``, ``#18``, the id of a run; a stage, for its last run; a version of a dataset or a model.

    Raises
    ------
    UnknownReference
        ``unknown-run``, ``unknown-maker``, and what references of datasets and models raise.
    """
    project = call.project
    if reference.startswith(("run:", "#", "run-")) or reference.isdecimal():
        return project.runs.find(reference), ()
    if reference in _stages(project):
        return _last_run_of(project, reference), (reference,)
    digest = _digest(call, reference)
    writer = project.runs.writer(digest)
    if writer is None:
        raise UnknownReference(
            "unknown-maker",
            f"No run is known to have made {reference}.",
            hint="fetch brings the records of colleagues; what was made by hand cannot be executed again.",
        )
    stages = writer.record.stages
    makers = tuple(one.name for one in stages if digest in one.outputs.values())
    return writer, _with_upstream(stages, makers)


def _digest(call: Call, reference: str) -> str:
    project, text = call.project, typed(call, reference)
    if is_model(project, text):
        return project.models.resolve(text.removeprefix("model:")).digest
    return project.datasets.resolve(text, call.progress).digest


def _stages(project: Project) -> Collection[str]:
    with suppress(UsageError):  # a pipeline that cannot be read names no stage
        return project.pipeline.graph().by_name
    return ()


def _last_run_of(project: Project, stage: str) -> NumberedRun:
    for run in reversed(project.runs.all()):
        if any(one.name == stage and one.state in EXECUTED for one in run.record.stages):
            return run
    raise UnknownReference("unknown-run", f"{stage} has no recorded run.", hint=f"run {stage}")


def _with_upstream(stages: Sequence[StageRecord], names: Sequence[str]) -> tuple[str, ...]:
    """`names`, and the stages of the run whose outputs they read; a run lists them in order."""
    found = set(names)
    for stage in reversed(stages):
        read = {digest for one in stages if one.name in found for digest in one.inputs.values()}
        if read & set(stage.outputs.values()):
            found.add(stage.name)
    return tuple(stage.name for stage in stages if stage.name in found)


def chosen(
    project: Project, run: NumberedRun, names: Collection[str], wanted: Collection[str], sample: int
) -> tuple[StageRecord, ...]:
    """The stages of `run` to execute again.

    Parameters
    ----------
    names
        Those that led to what was named; none for all.
    wanted
        Those asked for; none for all of `names`.
    sample
        So many of them, chosen by the run and the commit; 0 for all.

    Raises
    ------
    UnknownReference
        ``unknown-stage``.
    UsageError
        ``nothing-to-reproduce``.
    """
    known = {stage.name: stage for stage in run.record.stages if stage.state in EXECUTED and stage.outputs}
    if lost := [name for name in wanted if name not in known]:
        hint = f"It executed {', '.join(known)}." if known else "It executed no stage."
        raise UnknownReference("unknown-stage", f"Run #{run.number} did not execute {', '.join(lost)}.", hint=hint)
    found = [stage for name, stage in known.items() if name in (wanted or names or known)]
    if not found:
        raise UsageError(
            "nothing-to-reproduce",
            f"Run #{run.number} executed no pipeline stage that left outputs.",
            hint="runs shows which did; a notebook becomes a stage by: stage add NAME NOTEBOOK.",
        )
    if sample and sample < len(found):
        picked = random.Random(f"{run.record.run}{project.git.head()}").sample(found, sample)
        return tuple(stage for stage in found if stage in picked)
    return tuple(found)
