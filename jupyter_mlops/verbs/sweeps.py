"""Pipelines: many runs of a stage with other parameters, to find the best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import attrs
import msgspec

from jupyter_mlops.errors import UnknownReference, UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.pipelines.sweeps.boards import Definition, Sweep, Trial, board
from jupyter_mlops.records import Scalar
from jupyter_mlops.registry.formats import SUFFIXES
from jupyter_mlops.trust.identity import require_known
from jupyter_mlops.verbs.declaration import Call, Group, Limit, Names, Option, verb
from jupyter_mlops.verbs.run_reports import first_failure
from jupyter_mlops.verbs.running import Jobs

Space = Annotated[dict[str, Scalar | list[Scalar]], Option("-s", pairs=True)]
Trials = Annotated[Annotated[int, msgspec.Meta(ge=1)] | None, Option("-n")]


@attrs.frozen
class Sweeps:
    """Past sweeps and those under way, newest first."""

    sweeps: tuple[Sweep, ...]


@verb(Group.PIPELINES, Action.RUN, stops=True, signs=True)
def sweep(
    call: Call,
    stage: Annotated[str, Option(names=Names.STAGE)] = "",
    *,
    space: Space = {},  # noqa: B006
    trials: Trials = None,
    jobs: Jobs = 0,
    metric: str = "",
    maximize: bool = False,
    sampler: Literal["tpe", "random", "grid"] = "tpe",
    prune: bool = False,
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**31)] | None = None,
    resume: str = "",
    apply: bool = False,
    dry_run: bool = False,
) -> Sweep:
    """Search for the best parameters of a stage: trials side by side, each one a run, none in your workspace.

    Parameters
    ----------
    stage
        The stage, or its notebook.
    space
        ``C=log(1e-3,10)``, ``depth=int(2,9)``, ``share=float(0,1)``, ``kind=choice(a,b)``, ``lr=[0.1,0.2]``, repeated.
    trials
        How many; 20 when left out, and with ``--sampler grid`` all points. With ``--resume``: how many there will be.
    jobs
        Trials that run at once; 0 for as many as there is room for.
    metric
        What decides, as the metrics file of the stage or ``mlops.report`` names it; may be left out when there is one.
    maximize
        The greatest is best, not the least.
    sampler
        ``tpe`` learns from earlier trials, ``random`` does not, ``grid`` tries every point.
    prune
        End a trial that lags behind the others by what it reports on its way.
    seed
        Equal seeds try equal points with ``-j 1``; a new one when left out.
    resume
        Go on with an earlier sweep: its number or id.
    apply
        Write the best parameters to ``params.yaml`` and run: everything is restored from the run-cache.
    dry_run
        Say what would be tried; run nothing.
    """
    from jupyter_mlops.pipelines.sweeps.asking import Wish, again, define

    project, who = call.project, require_known(call.actor)
    if resume:
        _require_alone(stage, space)
        definition = again(project.sweeps.find(resume).definition, project.pipeline, trials)
    else:
        wish = Wish(stage, space, metric, maximize, sampler, trials, prune, seed)
        definition = define(project.pipeline, wish, who, project.git.head())
    if dry_run:
        return board(definition, 0, "planned", ())
    found = _swept(call, definition, jobs)
    return _applied(call, found, found.best) if apply and found.best else found


def _require_alone(stage: str, space: Mapping[str, Any]) -> None:
    if stage or space:
        message = "An earlier sweep goes on with the stage and the space that it has."
        raise UsageError("resume-alone", message, hint="sweep --resume NAME -n 40")


def _swept(call: Call, definition: Definition, jobs: int) -> Sweep:
    """Run what is missing of a sweep, and show what came of it."""
    from jupyter_mlops.pipelines.sweeps.bench import Home
    from jupyter_mlops.pipelines.sweeps.sweeping import Sweeping
    from jupyter_mlops.verbs.running import runner_of

    project, who = call.project, require_known(call.actor)
    runner_of(call).require_outside()
    home = Home(project.pipeline, project.datasets, project.runs, who)
    with project.sweeps.at_work(definition.sweep) as folder:
        project.sweeps.keep(definition, who)
        under_way = Sweeping(home, definition, folder, project.sweeps.trials(definition))
        under_way.run(call.progress, jobs)
        definition = attrs.evolve(definition, importance=under_way.search.importance())
        project.sweeps.keep(definition, who)
    return _with_next(call, project.sweeps.boards((project.sweeps.find(definition.sweep),))[0])


@verb(Group.PIPELINES, Action.READ, reads=True)
def sweeps(call: Call, name: str = "", *, limit: Limit = 20) -> Sweeps:
    """List sweeps with their leaderboards, newest first.

    Parameters
    ----------
    name
        One sweep: its number or id, or a stage for its last one; none means all.
    limit
        How many, at most 200.
    """
    known = call.project.sweeps
    chosen = (known.find(name),) if name else tuple(reversed(known.all()))[:limit]
    return Sweeps(tuple(_with_next(call, one) for one in known.boards(chosen)))


@verb(Group.PIPELINES, Action.RUN, name="sweep apply", stops=True, signs=True)
def sweep_apply(call: Call, name: str, trial: int | None = None, *, git: bool = True, dry_run: bool = False) -> Sweep:
    """Write the parameters of a trial to ``params.yaml`` and run: what it made is restored from the run-cache.

    Parameters
    ----------
    name
        The sweep: its number or id, or a stage for its last one.
    trial
        As the leaderboard counts it; the best when left out.
    git
        Commit ``params.yaml`` and ``dvc.lock`` to git.
    dry_run
        Say which trial it would be; write nothing.
    """
    known = call.project.sweeps
    found = _with_next(call, known.boards((known.find(name),))[0])
    chosen = _chosen(found, trial)
    return attrs.evolve(found, applied=chosen.trial) if dry_run else _applied(call, found, chosen, git=git)


def _chosen(found: Sweep, trial: int | None) -> Trial:
    """The trial to apply.

    Raises
    ------
    UnknownReference
        ``unknown-trial``.
    """
    chosen = found.best if trial is None else next((one for one in found.trials if one.trial == trial), None)
    if chosen:
        return chosen
    what = "no trial that ended well" if trial is None else f"no trial {trial}"
    hint = f"sweeps {found.number} lists its trials."
    raise UnknownReference("unknown-trial", f"Sweep #{found.number} has {what}.", hint=hint)


def _applied(call: Call, found: Sweep, trial: Trial, *, git: bool = True) -> Sweep:
    """`found`, once the parameters of `trial` are those of the workspace.

    Raises
    ------
    EnvironmentFault
        ``apply-failed``: the stage did not run to its end with them.
    """
    from jupyter_mlops.errors import EnvironmentFault
    from jupyter_mlops.verbs.running import run

    definition = call.project.sweeps.find(found.sweep).definition
    values = {key: trial.parameters[name] for name, keys in definition.keys.items() for key in keys}
    owners = _owners(call, definition.stage, values)
    done = run(call, (*owners,), parameters=values, git=git)
    if failure := first_failure(done.stages):
        raise EnvironmentFault("apply-failed", f"Trial {trial.trial} was applied, and {failure}.", hint="run")
    left = tuple(line for line in found.next if not line.startswith("sweep apply"))
    return attrs.evolve(found, applied=trial.trial, git_commit=done.git_commit, next=left)


def _owners(call: Call, stage: str, keys: Mapping[str, Any]) -> dict[str, None]:
    """The stage, and those before it whose parameters were searched too."""
    from jupyter_mlops.pipelines.running.planning import parameter_keys
    from jupyter_mlops.pipelines.sweeps.asking import involved

    pipeline = call.project.pipeline
    takes = [one.name for one in involved(pipeline, stage) if {*parameter_keys(pipeline, one).values()} & {*keys}]
    return dict.fromkeys([*takes, stage])


def _with_next(call: Call, found: Sweep) -> Sweep:
    """`found` with what to type next."""
    if found.state == "running":
        return found
    lines = [] if found.state == "finished" else [f"sweep --resume {found.number}"]
    if found.best:
        lines.append(f"sweep apply {found.number}")
        record = call.project.runs.find(found.best.run).record
        if sum(path.endswith(SUFFIXES) for path in record.outputs) == 1:
            lines.append(f"register run:{found.best.number} --name {found.stage.lower().replace('_', '-')}")
    return attrs.evolve(found, next=tuple(lines))
