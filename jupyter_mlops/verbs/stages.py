"""Pipelines: stages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated

import attrs

from jupyter_mlops.governance.roles import Action
from jupyter_mlops.records import Scalar
from jupyter_mlops.trust.identity import require_known
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb
from jupyter_mlops.verbs.run_reports import RunReport, StageRun, stage_runs
from jupyter_mlops.verbs.trials import StageProposal

if TYPE_CHECKING:
    from jupyter_mlops.pipelines.authoring.draft import Draft
    from jupyter_mlops.pipelines.stages.specs import StageSpec

UNNAMED = "No inputs or outputs are named. Run it once to find them?"
Parameters = Annotated[dict[str, Scalar | list[Scalar]], Option("-p", pairs=True)]
Many = tuple[str, ...]


@attrs.frozen
class StageLimits:
    """What a stage may take: attempts after a failure, seconds an attempt, processors, GB of memory."""

    retries: int = 0
    timeout: float | None = None
    cpus: float = 1
    memory: float | None = None


@attrs.frozen
class Stage:
    """A stage of ``dvc.yaml``; `notebook` is None when its command is not papermill."""

    name: str
    command: str
    notebook: str | None
    deps: tuple[str, ...] = ()
    outs: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    limits: StageLimits = attrs.field(factory=StageLimits)


@attrs.frozen
class Stages:
    """The stages in the order in which they run; `proposal` is the one that was made from what its notebook did."""

    stages: tuple[Stage, ...]
    git_commit: str | None = None
    proposal: StageProposal | None = None


@verb(Group.PIPELINES, Action.RUN, name="stage add", signs=True)
def stage_add(
    call: Call,
    name: str,
    notebook: Annotated[str, Option(names=Names.PATH)],
    *,
    parameters: Parameters = {},  # noqa: B006 (msgspec copies it)
    params: Annotated[Many, Option(names=Names.PATH)] = (),
    dep: Annotated[Many, Option("-d", names=Names.PATH)] = (),
    out: Annotated[Many, Option("-o", names=Names.PATH)] = (),
    metrics: Annotated[Many, Option("-M", names=Names.PATH)] = (),
    retries: int = 0,
    timeout: float | None = None,
    cpus: float = 1,
    memory: float | None = None,
    force: Annotated[bool, Option("-f")] = False,
    git: bool = True,
    capture: bool = False,
    dry_run: bool = False,
) -> Stages:
    """Make a notebook a pipeline stage that plain ``dvc repro`` can run too.

    Parameters
    ----------
    name
        Letters, digits, dashes and underscores.
    notebook
        A notebook with a cell tagged ``parameters``.
    parameters
        ``key=value``, repeated; kept in ``params.yaml`` under the stage's name. ``auc='${train.auc}'`` is the
        metric ``auc`` of the stage ``train``.
    params
        A file of parameters, ``config.yaml``, or some of it, ``config.yaml:rate,depth``; repeated.
    dep
        A file or folder it reads.
    out
        A file or folder it writes.
    metrics
        A JSON or YAML file of metrics it writes.
    retries
        How often it is run again after a failure.
    timeout
        How many seconds one attempt may take.
    cpus
        How many processors it keeps busy.
    memory
        How many GB of memory it needs.
    force
        Replace a stage of that name.
    git
        Commit ``dvc.yaml``, ``params.yaml``, and the notebook when git does not hold it yet.
    capture
        Run it once, and take its inputs, outputs, metrics and parameters from what it does.
    dry_run
        Say what would be written; write nothing.
    """
    from jupyter_mlops.pipelines.authoring.draft import Draft
    from jupyter_mlops.pipelines.authoring.writing import Authoring
    from jupyter_mlops.pipelines.cluster.uncommitted import untracked
    from jupyter_mlops.pipelines.stages.key_stages import hidden
    from jupyter_mlops.pipelines.stages.limits import Limits
    from jupyter_mlops.pipelines.stages.parameter_sources import ParameterFile, measured, split

    project = call.project
    below = {kind: tuple(call.path(path) for path in paths) for kind, paths in (("deps", dep), ("outs", out))}
    values, scores = measured(project.root, project.pipeline.graph(), parameters)
    draft = Draft(
        name,
        call.path(notebook),
        values,
        **below,
        metrics=tuple(call.path(path) for path in metrics),
        limits=Limits.of(retries, timeout, cpus, memory),
        files=tuple(ParameterFile.read(project.root, call.path(path), keys) for path, keys in map(split, params)),
        measured=scores,
    )
    authoring = Authoring(project.pipeline, project.git)
    stages = hidden(authoring.check(draft, force=force).ordered())
    if dry_run:
        return Stages(tuple(_shown(stage) for stage in stages))
    if capture or (not (dep or out or metrics) and call.ask(UNNAMED)):
        return _captured(call, draft, git=git, force=force)
    commit = _written(
        call, lambda: (*authoring.add(draft), *untracked(project.git, [draft.notebook])), f"add {name}", git=git
    )
    return Stages(tuple(_shown(stage) for stage in project.pipeline.stages()), commit)


def _captured(call: Call, draft: Draft, *, git: bool, force: bool) -> Stages:
    """Add the stage that the notebook turns out to be, with what the user named besides."""
    from jupyter_mlops.verbs.trials import attempt, make, shown

    trial = attempt(call, draft, git=git)
    proposal = trial.proposal(draft)
    adopted = make(call, trial, proposal.draft, git=git, force=force)
    stages = tuple(_shown(stage) for stage in call.project.pipeline.stages())
    return Stages(stages, adopted.git_commit, shown(proposal, is_made=True))


@verb(Group.PIPELINES, Action.READ, reads=True, name="stage list")
def stage_list(call: Call) -> Stages:
    """List the stages, their notebooks, inputs and outputs."""
    return Stages(tuple(_shown(stage) for stage in call.project.pipeline.stages()))


@verb(Group.PIPELINES, Action.RUN, name="stage edit", signs=True)
def stage_edit(
    call: Call,
    name: Annotated[str, Option(names=Names.STAGE)],
    *,
    dep: Annotated[Many, Option("-d", names=Names.PATH)] = (),
    out: Annotated[Many, Option("-o", names=Names.PATH)] = (),
    metrics: Annotated[Many, Option("-M", names=Names.PATH)] = (),
    without: Annotated[Many, Option(names=Names.PATH)] = (),
    retries: int | None = None,
    timeout: float | None = None,
    cpus: float | None = None,
    memory: float | None = None,
    git: bool = True,
    dry_run: bool = False,
) -> Stages:
    """Change what a stage reads, writes and may take; whatever else ``dvc.yaml`` says of it stays.

    Parameters
    ----------
    name
        The stage.
    dep
        A file or folder it reads, too.
    out
        A file or folder it writes, too.
    metrics
        A JSON or YAML file of metrics it writes, too.
    without
        A file or folder it neither reads nor writes any more.
    retries
        How often it is run again after a failure.
    timeout
        How many seconds one attempt may take; 0 for no limit.
    cpus
        How many processors it keeps busy.
    memory
        How many GB of memory it needs; 0 when nobody knows.
    git
        Commit ``dvc.yaml`` to git.
    dry_run
        Say how the stages would be; write nothing.
    """
    from jupyter_mlops.pipelines.authoring.changing import Change
    from jupyter_mlops.pipelines.authoring.writing import Authoring
    from jupyter_mlops.pipelines.stages.key_stages import hidden

    project = call.project
    limits = (retries, timeout, cpus, memory)
    own = project.pipeline.graph().find(name).limits
    change = Change(
        deps=tuple(map(call.path, dep)),
        outs=tuple(map(call.path, out)),
        metrics=tuple(map(call.path, metrics)),
        without=tuple(map(call.path, without)),
        limits=None if set(limits) == {None} else own.edited(*limits),
    )
    authoring = Authoring(project.pipeline, project.git)
    stages = tuple(_shown(stage) for stage in hidden(authoring.change(name, change).ordered()))
    if dry_run:
        return Stages(stages)
    return Stages(stages, _written(call, lambda: authoring.write_change(name, change), f"edit {name}", git=git))


@verb(Group.PIPELINES, Action.RUN, name="stage adopt", signs=True)
def stage_adopt(
    call: Call,
    name: Annotated[str, Option(names=Names.STAGE)],
    *,
    git: bool = True,
    dry_run: bool = False,
) -> RunReport:
    """Take a clean restart-and-run-all in JupyterLab for the run of a stage, once all of it is verified.

    The kernel, the declared environment, the parameters, the code as the kernel executed it, its order, the
    inputs and the outputs: what does not hold is said, and nothing is recorded.

    Parameters
    ----------
    name
        The stage, whose notebook was run and saved.
    git
        Commit ``dvc.lock`` to git.
    dry_run
        Only verify; record nothing.
    """
    from jupyter_mlops.pipelines.authoring.adoption import Adoption, not_adopted, stale_files
    from jupyter_mlops.pipelines.authoring.lab_runs import verified

    project = call.project
    stage = project.pipeline.graph().find(name)
    done = verified(project.root, stage)
    for problem in stale_files(project.root, stage, done.since_s):
        raise not_adopted(name, problem)
    if dry_run:
        return RunReport("", (StageRun(name, "ran", done.seconds, done.reason, stage.notebook),))
    if git:
        project.git.require_committable()
    adoption = Adoption(project.pipeline, project.runs, project.git, require_known(call.actor))
    adopted = adoption.record(name, done, call.progress, git=git)
    return RunReport(
        run=adopted.record.run,
        stages=stage_runs(adopted.record.stages),
        metrics=adopted.record.metrics,
        git_commit=adopted.git_commit,
        number=project.runs.find(adopted.record.run).number,
    )


@verb(Group.PIPELINES, Action.RUN, name="stage remove", signs=True)
def stage_remove(
    call: Call,
    name: Annotated[str, Option(names=Names.STAGE)],
    *,
    git: bool = True,
    dry_run: bool = False,
) -> Stages:
    """Remove a stage from ``dvc.yaml``; its outputs stay where they are.

    Parameters
    ----------
    name
        The stage.
    git
        Commit ``dvc.yaml`` to git.
    dry_run
        Say what would be removed; write nothing.
    """
    from jupyter_mlops.pipelines.authoring.writing import Authoring
    from jupyter_mlops.pipelines.stages.key_stages import hidden

    project = call.project
    graph = project.pipeline.graph()
    left = tuple(_shown(stage) for stage in hidden(graph.ordered()) if stage.name != graph.find(name).name)
    if dry_run:
        return Stages(left)
    authoring = Authoring(project.pipeline, project.git)
    return Stages(left, _written(call, lambda: authoring.remove(name), f"remove {name}", git=git))


def _written(call: Call, write: Callable[[], Iterable[str]], what: str, *, git: bool) -> str | None:
    """Write, and commit what was written; nothing is written when it could not be committed."""
    if not git:
        write()
        return None
    who = require_known(call.actor)
    call.project.git.require_committable()
    return call.project.git.commit_only(write(), f"stage: {what}", who)


def _shown(stage: StageSpec) -> Stage:
    limits = stage.limits
    return Stage(
        name=stage.name,
        command="\n".join(stage.commands),
        notebook=stage.notebook,
        deps=(*([stage.notebook] if stage.notebook else ()), *stage.data),
        outs=tuple(out.path for out in stage.outs if out.kind != "metrics"),
        metrics=tuple(out.path for out in stage.outs if out.kind == "metrics"),
        params=tuple(key for keys in stage.params.values() for key in keys),
        limits=StageLimits(limits.retries, limits.timeout_s, limits.cpus, limits.memory_gb),
    )
