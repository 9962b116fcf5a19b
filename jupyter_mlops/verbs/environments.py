"""Pipelines: what was installed where a run's notebooks ran."""

from __future__ import annotations

from typing import Annotated

import attrs

from jupyter_mlops.errors import UnknownReference, UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.pipelines.records.environment import Environment, Package
from jupyter_mlops.pipelines.records.runs import NumberedRun
from jupyter_mlops.records import StageRecord
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb
from jupyter_mlops.verbs.history import is_model


@attrs.frozen
class EnvironmentLock:
    """The environment of a run: interpreter, machine and packages.

    Attributes
    ----------
    stages
        Those of the run that ran in it.
    digest
        Under which it is kept; runs in the same environment share it.
    declared
        The lock file that the project declared then, path to digest.
    variables
        Those that set threads, determinism, language and time.
    verbatim
        The text of a file, when one was asked for.
    """

    reference: str
    stages: tuple[str, ...]
    digest: str
    interpreter: str
    machine: str
    cpus: int
    locale: str
    timezone: str
    declared: dict[str, str] = attrs.field(factory=dict)
    variables: dict[str, str] = attrs.field(factory=dict)
    packages: tuple[Package, ...] = ()
    verbatim: str = ""


@verb(Group.PIPELINES, Action.READ, reads=True)
def environment(
    call: Call,
    reference: Annotated[str, Option(names=Names.REFERENCE)] = "",
    *,
    stage: Annotated[str, Option(names=Names.STAGE)] = "",
    requirements: bool = False,
    dockerfile: bool = False,
) -> EnvironmentLock:
    """Show what was installed where a run or a model was made, and what a fresh build of it needs.

    ``environment run:18 --requirements > requirements-run.txt`` writes what
    ``pip install --no-deps -r requirements-run.txt`` installs; archives have hashes where they are known.

    Parameters
    ----------
    reference
        ``run:18``, the id of a run, or ``model@v2``; the last run when left out.
    stage
        A stage of the run, when its notebooks ran in several environments.
    requirements
        Print a requirements file.
    dockerfile
        Print a recipe for an image.
    """
    if requirements and dockerfile:
        raise UsageError("one-file", "One file is printed at a time.", hint="environment --requirements > FILE")
    run, chosen = _run_and_stage(call, reference, stage)
    digest = chosen.environment or ""
    found = call.project.runs.recording.environment(digest)
    name = f"run:{run.number}"
    text = _requirements(call, run, found) if requirements else _dockerfile(found, name) if dockerfile else ""
    return EnvironmentLock(
        reference=name,
        stages=tuple(one.name for one in run.record.stages if one.environment == digest),
        digest=digest,
        interpreter=f"{found.implementation} {found.version}",
        machine=" ".join(filter(None, (found.system, found.machine, found.libc, *found.cpu_features))),
        cpus=found.cpus,
        locale=found.locale,
        timezone=found.timezone,
        declared=run.record.declared,
        variables=found.variables,
        packages=found.packages,
        verbatim=text,
    )


def _run_and_stage(call: Call, reference: str, stage: str) -> tuple[NumberedRun, StageRecord]:
    """The run that `reference` names, and the stage of it whose environment is meant.

    Raises
    ------
    UnknownReference
        ``no-environment``, ``unknown-stage``.
    """
    runs = call.project.runs
    if reference and is_model(call.project, reference):
        return _maker(call, reference, stage)
    if not reference:
        run = next((one for one in runs.newest() if one.record.environments), None)
        if run is None:
            raise _nowhere("No run recorded its environment yet.")
    else:
        run = runs.find(reference)
    return run, _stage(run, stage)


def _maker(call: Call, reference: str, stage: str) -> tuple[NumberedRun, StageRecord]:
    version = call.project.models.resolve(reference.removeprefix("model:"))
    run = call.project.runs.writer(version.digest)
    if run is None:
        raise _nowhere(f"No run is known to have made {reference}.")
    makers = [one.name for one in run.record.stages if version.digest in one.outputs.values()]
    return run, _stage(run, stage or makers[0])


def _stage(run: NumberedRun, name: str) -> StageRecord:
    for one in run.record.stages:
        if one.environment and name in ("", one.name):
            return one
    known = ", ".join(one.name for one in run.record.stages if one.environment)
    what = f"the stage {name} of run #{run.number}" if name else f"run #{run.number}"
    raise _nowhere(f"The environment of {what} was not recorded.", f"Recorded: {known}." if known else "")


def _nowhere(message: str, known: str = "") -> UnknownReference:
    hint = known or "run --force runs a stage again; what it finds installed is recorded then."
    return UnknownReference("no-environment", message, hint=hint)


def _requirements(call: Call, run: NumberedRun, found: Environment) -> str:
    from jupyter_mlops.pipelines.records.rebuilding import lock_hashes, requirements

    known: dict[tuple[str, str], tuple[str, ...]] = {}
    for path in run.record.declared:
        text = call.project.runs.recording.file(run.record, path) or b""
        known |= lock_hashes(path, text.decode(errors="replace"))
    return requirements(found, known)


def _dockerfile(found: Environment, name: str) -> str:
    from jupyter_mlops.pipelines.records.rebuilding import dockerfile

    return dockerfile(found, name)
