"""Pipelines: stages, and running them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import attrs
import msgspec

from jupyter_mlops.errors import UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.records import Actor, Scalar, StageRecord
from jupyter_mlops.trust.identity import require_known
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb
from jupyter_mlops.verbs.means import Means
from jupyter_mlops.verbs.trials import StageProposal

if TYPE_CHECKING:
    from jupyter_mlops.pipelines.draft import Draft
    from jupyter_mlops.pipelines.pipeline import Pipeline
    from jupyter_mlops.pipelines.planning import Plan
    from jupyter_mlops.pipelines.runner import Runner
    from jupyter_mlops.pipelines.sites import Engine
    from jupyter_mlops.pipelines.stages import StageSpec
    from jupyter_mlops.verbs.trials import Trial

UNNAMED = "No inputs or outputs are named. Run it once to find them?"
Parameters = Annotated[dict[str, Scalar | list[Scalar]], Option("-p", pairs=True)]
Many = tuple[str, ...]
Jobs = Annotated[int, Option("-j"), msgspec.Meta(ge=0, le=256)]


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
    from jupyter_mlops.pipelines.authoring import Authoring
    from jupyter_mlops.pipelines.draft import Draft
    from jupyter_mlops.pipelines.key_stages import hidden
    from jupyter_mlops.pipelines.limits import Limits
    from jupyter_mlops.pipelines.parameter_sources import ParameterFile, measured, split
    from jupyter_mlops.pipelines.uncommitted import untracked

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
    from jupyter_mlops.pipelines.authoring import Authoring
    from jupyter_mlops.pipelines.changing import Change
    from jupyter_mlops.pipelines.key_stages import hidden

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
    from jupyter_mlops.pipelines.adoption import Adoption, not_adopted, stale_files
    from jupyter_mlops.pipelines.lab_runs import verified

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
    from jupyter_mlops.pipelines.authoring import Authoring
    from jupyter_mlops.pipelines.key_stages import hidden

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
    """

    run: str
    stages: tuple[StageRun, ...]
    metrics: dict[str, Scalar] = attrs.field(factory=dict)
    git_commit: str | None = None
    number: int = 0
    untracked: tuple[str, ...] = ()
    note: str = ""
    proposal: StageProposal | None = None

    @property
    def gate(self) -> str | None:
        """The first failure."""
        return first_failure(self.stages)


@verb(Group.PIPELINES, Action.RUN, daily=True, stops=True, signs=True)
def run(
    call: Call,
    targets: Annotated[Many, Option(names=Names.STAGE)] = (),
    *,
    parameters: Parameters = {},  # noqa: B006
    force: Annotated[bool, Option("-f")] = False,
    downstream: bool = False,
    stage: str = "",
    no_stage: bool = False,
    data: Annotated[Many, Option(names=Names.REFERENCE)] = (),
    jobs: Jobs = 0,
    engine: Literal["local", "dask"] = "local",
    single: bool = False,
    pull: bool = False,
    push: bool = False,
    remote: Annotated[str, Option("-r")] = "",
    git: bool = True,
    dry_run: bool = False,
) -> RunReport:
    """Run the stale stages, or one notebook, through papermill.

    Parameters
    ----------
    targets
        Stages or notebooks, with what they depend on; none means all stages.
    parameters
        ``key=value``, repeated, for the targets; kept in ``params.yaml``.
    force
        Run up-to-date stages too.
    downstream
        Also what depends on the targets.
    stage
        Make the notebook, which is no stage yet, a stage of this name, from what it reads and writes.
    no_stage
        Run the notebook by itself; do not ask whether it shall be a stage.
    data
        A version to run on, ``data@v2``, repeated: in a replica, so that the workspace stays as it is.
    jobs
        Stages that run at once; 0 for as many as there are processors, or as the cluster takes.
    engine
        Where stages run: here, or on the Dask cluster of ``[dask]`` in ``mlops.toml``.
    single
        Just the one stage that is named, never what it needs: for whoever runs the stages one by one.
    pull
        Bring what is not here from the remote: inputs, and what stages made of them, wherever they ran.
    push
        Send what the stages made to the remote, and to its run-cache that they made it.
    remote
        A remote of ``.dvc/config``; the default one when left out.
    git
        Commit ``dvc.lock`` to git.
    dry_run
        Say what would run, and why.
    """
    from jupyter_mlops.pipelines.draft import Draft
    from jupyter_mlops.pipelines.planning import keys_of, plan, set_parameters
    from jupyter_mlops.pipelines.runner import Choice
    from jupyter_mlops.pipelines.uncommitted import untracked_code
    from jupyter_mlops.verbs.trials import Trial, free_name

    means = Means(call, engine, remote, pull, push)
    means.require_possible(elsewhere=bool(data), has_parameters=bool(parameters))
    if data:
        from jupyter_mlops.verbs.elsewhere import run_on

        flags = {
            "force": force,
            "downstream": downstream,
            "single": single,
            "pull": pull,
            "push": push,
            "dry_run": dry_run,
        }
        again = partial(run, targets=targets, parameters=parameters, jobs=jobs, remote=remote, git=False, **flags)
        return run_on(call, data, again)
    project = call.project
    names = [_target(call, target) for target in targets]
    chosen = plan(project.pipeline, names, parameters, downstream=downstream, single=single)
    if stage:
        _require_new(project.pipeline, chosen, stage)
    runner = runner_of(call, engine=means.runs_on(force=force))
    if dry_run:
        return RunReport("", stage_runs(runner.preview(chosen, force=force)))
    runner.require_runnable(chosen, git=git)
    runner.require_secrets(chosen, parameters, force=force)

    addressed = () if chosen.notebook else _addressed(call, chosen.stages, targets)
    own = {} if chosen.notebook else keys_of(project.pipeline, addressed, parameters)
    files = {file for places in own.values() for file, _ in places}

    def prepare() -> Plan:
        if own:
            set_parameters(project.pipeline, addressed, parameters)
        planned = plan(project.pipeline, names, parameters, downstream=downstream, single=single)
        means.gather(planned.everything)
        return planned

    choice = Choice(force=force, git=git, also=tuple(sorted(files)), jobs=jobs)
    source = (project.root / chosen.notebook.deps[0]).read_bytes() if chosen.notebook else b""
    done = runner.run(prepare, call.progress, choice)
    note = means.settle(chosen.stages, done.stages)
    report = RunReport(
        run=done.record.run if done.record else "",
        stages=stage_runs(done.stages),
        metrics=done.record.metrics if done.record else project.pipeline.metrics(),
        git_commit=done.git_commit,
        number=project.runs.find(done.record.run).number if done.record else 0,
        untracked=untracked_code(project.git, chosen.stages),
        note=note,
    )
    if not chosen.notebook or no_stage or report.gate:
        return report
    trial = Trial(call, chosen.notebook.deps[0], source, done)
    named = Draft(stage or free_name(call, trial.notebook), trial.notebook, parameters)
    return _proposed(report, trial, named, sure=bool(stage), git=git)


def _require_new(pipeline: Pipeline, chosen: Plan, name: str) -> None:
    """Check that the plan is a notebook that can become the stage `name`.

    Raises
    ------
    UsageError
        ``stage-exists``, ``bad-stage-name``, ``one-notebook``.
    """
    from jupyter_mlops.pipelines.pipeline import require_name

    require_name(name)
    if name in pipeline.graph().by_name:
        raise UsageError("stage-exists", f"There is a stage {name} already.", hint="Choose another name.")
    if not chosen.notebook:
        hint = "run NOTEBOOK --stage NAME makes a notebook that is no stage yet one."
        raise UsageError("one-notebook", "What runs is a stage already.", hint=hint)


def _proposed(report: RunReport, trial: Trial, named: Draft, *, sure: bool, git: bool) -> RunReport:
    """`report`, with the stage that the notebook could be; made one when the user says so."""
    from jupyter_mlops.verbs.trials import make, shown

    proposal = trial.proposal(named)
    proposed = shown(proposal)
    if not (sure or trial.call.ask(proposed.question)):
        return attrs.evolve(report, proposal=proposed)
    adopted = make(trial.call, trial, proposal.draft, git=git)
    record = adopted.record
    return attrs.evolve(
        report,
        run=record.run,
        number=trial.call.project.runs.find(record.run).number,
        stages=stage_runs(record.stages),
        metrics=record.metrics,
        git_commit=adopted.git_commit,
        proposal=attrs.evolve(proposed, is_made=True),
    )


def runner_of(call: Call, otherwise: Actor | None = None, engine: Engine | None = None) -> Runner:
    """What runs the pipeline of the project, in the name of whoever asks, or of `otherwise` when nobody is known."""
    from jupyter_mlops.pipelines.runner import Runner

    project = call.project
    actor = otherwise if otherwise and call.actor.source == "unknown" else require_known(call.actor)
    return Runner(project.pipeline, project.runs, project.git, actor, engine)


def stage_runs(records: Iterable[StageRecord]) -> tuple[StageRun, ...]:
    """What became of each stage, as every verb shows it."""
    return tuple(
        StageRun(one.name, one.state, one.seconds, one.reason, one.notebook, one.cell, one.error, one.host)
        for one in records
    )


def _target(call: Call, target: str) -> str:
    """A stage's name as it is; a notebook relative to the root."""
    return call.path(target) if target.endswith(".ipynb") else target


def _addressed(call: Call, stages: tuple[StageSpec, ...], targets: Many) -> tuple[StageSpec, ...]:
    """The stages the user named, not those they wait for; all when none was named."""
    named = {_target(call, target) for target in targets}
    return tuple(stage for stage in stages if not named or stage.name in named or stage.notebook in named)
