"""Pipelines: stages, and notebooks, that run."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import attrs
import msgspec

from jupyter_mlops.errors import UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.records import Actor
from jupyter_mlops.trust.identity import require_known
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb
from jupyter_mlops.verbs.means import Means
from jupyter_mlops.verbs.run_reports import RunReport, StageFiles, stage_runs
from jupyter_mlops.verbs.stages import Many, Parameters

if TYPE_CHECKING:
    from jupyter_mlops.pipelines.authoring.draft import Draft
    from jupyter_mlops.pipelines.running.planning import Plan
    from jupyter_mlops.pipelines.running.runner import Finished, Runner
    from jupyter_mlops.pipelines.running.sites import Engine
    from jupyter_mlops.pipelines.stages.specs import StageSpec
    from jupyter_mlops.pipelines.standing.pipeline import Pipeline
    from jupyter_mlops.verbs.trials import Trial

Jobs = Annotated[int, Option("-j"), msgspec.Meta(ge=0, le=256)]


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
    capture: bool = False,
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
    capture
        Listen to what the notebooks of stages read and write, and say what the stages do not declare.
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
    from jupyter_mlops.pipelines.authoring.draft import Draft
    from jupyter_mlops.pipelines.cluster.uncommitted import untracked_code
    from jupyter_mlops.pipelines.running.choice import Choice
    from jupyter_mlops.pipelines.running.planning import chosen_parameters, keys_of, plan, set_parameters
    from jupyter_mlops.verbs.trials import Trial, free_name

    means = Means(call, engine, remote, pull, push)
    means.require_possible(elsewhere=bool(data), has_parameters=bool(parameters), captures=capture)
    if data:
        from jupyter_mlops.verbs.elsewhere import run_on

        flags = {
            "force": force,
            "downstream": downstream,
            "single": single,
            "capture": capture,
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
    addressed = () if chosen.notebook else _addressed(call, chosen.stages, targets)
    if dry_run:
        given = {} if chosen.notebook else chosen_parameters(project.pipeline, addressed, parameters)
        return RunReport("", stage_runs(runner.preview(chosen, force=force, chosen=given)))
    runner.require_runnable(chosen, git=git)
    runner.require_secrets(chosen, parameters, force=force)

    own = {} if chosen.notebook else keys_of(project.pipeline, addressed, parameters)
    files = {file for places in own.values() for file, _ in places}

    def prepare() -> Plan:
        if own:
            set_parameters(project.pipeline, addressed, parameters)
        planned = plan(project.pipeline, names, parameters, downstream=downstream, single=single)
        means.gather(planned.everything)
        return planned

    choice = Choice(force=force, git=git, also=tuple(sorted(files)), jobs=jobs, captures=capture)
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
        undeclared=_undeclared(chosen.stages, done) if capture else (),
    )
    if not chosen.notebook or no_stage or report.gate:
        return report
    trial = Trial(call, chosen.notebook.deps[0], source, done)
    named = Draft(stage or free_name(call, trial.notebook), trial.notebook, parameters)
    return _proposed(report, trial, named, sure=bool(stage), git=git)


def _undeclared(stages: Iterable[StageSpec], done: Finished) -> tuple[StageFiles, ...]:
    """What the notebooks did that their stages do not say, and the line that says it."""
    from jupyter_mlops.pipelines.authoring.proposing import undeclared
    from jupyter_mlops.verbs import find
    from jupyter_mlops.verbs.lines import line

    found = []
    for stage in stages:
        if captured := done.captured.get(stage.name):
            more = undeclared(stage, captured)
            named = {"name": stage.name, "dep": more.reads, "out": more.writes}
            words = line(find("stage edit"), named) if more.reads or more.writes else ""
            found.append(StageFiles(stage.name, more.reads, more.writes, more.unsure, more.outside, words))
    return tuple(found)


def _require_new(pipeline: Pipeline, chosen: Plan, name: str) -> None:
    """Check that the plan is a notebook that can become the stage `name`.

    Raises
    ------
    UsageError
        ``stage-exists``, ``bad-stage-name``, ``one-notebook``.
    """
    from jupyter_mlops.pipelines.standing.pipeline import require_name

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
    from jupyter_mlops.pipelines.running.runner import Runner

    project = call.project
    actor = otherwise if otherwise and call.actor.source == "unknown" else require_known(call.actor)
    return Runner(project.pipeline, project.runs, project.git, actor, engine)


def _target(call: Call, target: str) -> str:
    """A stage's name as it is; a notebook relative to the root."""
    return call.path(target) if target.endswith(".ipynb") else target


def _addressed(call: Call, stages: tuple[StageSpec, ...], targets: Many) -> tuple[StageSpec, ...]:
    """The stages the user named, not those they wait for; all when none was named."""
    named = {_target(call, target) for target in targets}
    return tuple(stage for stage in stages if not named or stage.name in named or stage.notebook in named)
