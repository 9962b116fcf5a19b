"""Pipelines: stages, and running them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import attrs
import msgspec

from jupyter_mlops.governance.roles import Action
from jupyter_mlops.records import Actor, Scalar, StageRecord
from jupyter_mlops.trust.identity import require_known
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb
from jupyter_mlops.verbs.means import Means

if TYPE_CHECKING:
    from jupyter_mlops.pipelines.runner import Runner
    from jupyter_mlops.pipelines.sites import Engine
    from jupyter_mlops.pipelines.stages import StageSpec

Parameters = Annotated[dict[str, Scalar | list[Scalar]], Option("-p", pairs=True)]
Many = tuple[str, ...]
Jobs = Annotated[int, Option("-j"), msgspec.Meta(ge=0, le=256)]


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


@attrs.frozen
class Stages:
    """The stages in the order in which they run."""

    stages: tuple[Stage, ...]
    git_commit: str | None = None


@verb(Group.PIPELINES, Action.RUN, name="stage add", signs=True)
def stage_add(
    call: Call,
    name: str,
    notebook: Annotated[str, Option(names=Names.PATH)],
    *,
    parameters: Parameters = {},  # noqa: B006 (msgspec copies it)
    dep: Annotated[Many, Option("-d", names=Names.PATH)] = (),
    out: Annotated[Many, Option("-o", names=Names.PATH)] = (),
    metrics: Annotated[Many, Option("-M", names=Names.PATH)] = (),
    retries: int = 0,
    timeout: float | None = None,
    cpus: float = 1,
    memory: float | None = None,
    force: Annotated[bool, Option("-f")] = False,
    git: bool = True,
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
        ``key=value``, repeated; kept in ``params.yaml`` under the stage's name.
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
    dry_run
        Say what would be written; write nothing.
    """
    from jupyter_mlops.pipelines.authoring import Authoring, Draft
    from jupyter_mlops.pipelines.limits import Limits
    from jupyter_mlops.pipelines.uncommitted import untracked

    project = call.project
    below = {kind: tuple(call.path(path) for path in paths) for kind, paths in (("deps", dep), ("outs", out))}
    draft = Draft(
        name,
        call.path(notebook),
        parameters,
        **below,
        metrics=tuple(call.path(path) for path in metrics),
        limits=Limits.of(retries, timeout, cpus, memory),
    )
    authoring = Authoring(project.pipeline, project.git)
    stages = authoring.check(draft, force=force).ordered()
    if dry_run:
        return Stages(tuple(_shown(stage) for stage in stages))
    who = require_known(call.actor) if git else call.actor
    if git:
        project.git.require_committable()
    written = (*authoring.add(draft), *untracked(project.git, [draft.notebook]))
    commit = project.git.commit_only(written, f"stage: add {name}", who) if git else None
    return Stages(tuple(_shown(stage) for stage in project.pipeline.stages()), commit)


@verb(Group.PIPELINES, Action.READ, reads=True, name="stage list")
def stage_list(call: Call) -> Stages:
    """List the stages, their notebooks, inputs and outputs."""
    return Stages(tuple(_shown(stage) for stage in call.project.pipeline.stages()))


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

    project = call.project
    graph = project.pipeline.graph()
    left = tuple(_shown(stage) for stage in graph.ordered() if stage.name != graph.find(name).name)
    if dry_run:
        return Stages(left)
    who = require_known(call.actor) if git else call.actor
    if git:
        project.git.require_committable()
    written = Authoring(project.pipeline, project.git).remove(name)
    commit = project.git.commit_only(written, f"stage: remove {name}", who) if git else None
    return Stages(left, commit)


def _shown(stage: StageSpec) -> Stage:
    return Stage(
        name=stage.name,
        command="\n".join(stage.commands),
        notebook=stage.notebook,
        deps=stage.deps,
        outs=tuple(out.path for out in stage.outs if out.kind != "metrics"),
        metrics=tuple(out.path for out in stage.outs if out.kind == "metrics"),
        params=tuple(key for keys in stage.params.values() for key in keys),
    )


@attrs.frozen
class StageRun:
    """What became of one stage: `state` is ``ran``, ``up-to-date``, ``restored``, ``failed`` or ``skipped``.

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
    """

    run: str
    stages: tuple[StageRun, ...]
    metrics: dict[str, Scalar] = attrs.field(factory=dict)
    git_commit: str | None = None
    number: int = 0
    untracked: tuple[str, ...] = ()
    note: str = ""

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
    from jupyter_mlops.pipelines.dvc_yaml import PARAMS
    from jupyter_mlops.pipelines.planning import Plan, plan, set_parameters
    from jupyter_mlops.pipelines.runner import Choice
    from jupyter_mlops.pipelines.uncommitted import untracked_code

    means = Means(call, engine, remote, pull, push)
    means.require_possible(elsewhere=bool(data), has_parameters=bool(parameters))
    if data:
        from jupyter_mlops.verbs.elsewhere import run_on

        own = {
            "force": force,
            "downstream": downstream,
            "single": single,
            "pull": pull,
            "push": push,
            "dry_run": dry_run,
        }
        again = partial(run, targets=targets, parameters=parameters, jobs=jobs, remote=remote, git=False, **own)
        return run_on(call, data, again)
    project = call.project
    names = [_target(call, target) for target in targets]
    chosen = plan(project.pipeline, names, parameters, downstream=downstream, single=single)
    runner = runner_of(call, engine=means.runs_on(force=force))
    if dry_run:
        return RunReport("", stage_runs(runner.preview(chosen, force=force)))
    runner.require_runnable(chosen, git=git)

    def prepare() -> Plan:
        addressed = _addressed(call, chosen.stages, targets)
        if parameters and not chosen.notebook:
            set_parameters(project.pipeline, addressed, parameters)
        planned = plan(project.pipeline, names, parameters, downstream=downstream, single=single)
        means.gather(planned.everything)
        return planned

    choice = Choice(force=force, git=git, also=(PARAMS,) if parameters else (), jobs=jobs)
    done = runner.run(prepare, call.progress, choice)
    note = means.settle(chosen.stages, done.stages)
    return RunReport(
        run=done.record.run if done.record else "",
        stages=stage_runs(done.stages),
        metrics=done.record.metrics if done.record else project.pipeline.metrics(),
        git_commit=done.git_commit,
        number=project.runs.find(done.record.run).number if done.record else 0,
        untracked=untracked_code(project.git, chosen.stages),
        note=note,
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
