"""From what a person asks of a sweep to its definition; what can be wrong is found before anything runs."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping

import attrs

from jupyter_mlops.errors import UnknownReference, UsageError, did_you_mean
from jupyter_mlops.pipelines.running.planning import parameter_keys, plan, require_same_type, unknown_parameter
from jupyter_mlops.pipelines.stages import yaml_files
from jupyter_mlops.pipelines.stages.dvc_yaml import PARAMS
from jupyter_mlops.pipelines.stages.notebooks import Notebook
from jupyter_mlops.pipelines.stages.papermill_command import require_quotable
from jupyter_mlops.pipelines.stages.specs import StageSpec, sources
from jupyter_mlops.pipelines.standing.pipeline import Pipeline, flattened
from jupyter_mlops.pipelines.sweeps.boards import Definition
from jupyter_mlops.pipelines.sweeps.search import GRID
from jupyter_mlops.pipelines.sweeps.space import Space, grid_size, parse_all
from jupyter_mlops.records import Actor, canonical_json, new_id, now

USUAL_TRIALS = 20


@attrs.frozen
class Wish:
    """A sweep as a person asks for it; None where nothing was said."""

    stage: str
    space: Mapping[str, object]
    metric: str = ""
    maximize: bool = False
    sampler: str = "tpe"
    trials: int | None = None
    prunes: bool = False
    seed: int | None = None


def define(pipeline: Pipeline, wish: Wish, author: Actor, git_commit: str | None) -> Definition:
    """The sweep that `wish` asks for.

    Raises
    ------
    UnknownReference
        ``unknown-stage``, ``unknown-parameter``, ``unknown-metric``.
    UsageError
        ``not-a-stage``, ``empty-space``, ``bad-space``, ``log-of-zero``, ``endless-grid``, ``parameter-type``,
        ``parameter-not-quotable``, ``which-metric``, ``no-metrics``.
    """
    stages = involved(pipeline, wish.stage)
    space = parse_all(wish.space)
    keys = _keys(pipeline, stages, space)
    size = grid_size(space) if wish.sampler == GRID else None
    planned = wish.trials or size or USUAL_TRIALS
    return Definition(
        sweep=new_id("sweep"),
        stage=stages[-1].name,
        space={name: str(domain) for name, domain in space.items()},
        keys=keys,
        metric=_metric(pipeline, stages[-1], wish.metric),
        maximize=wish.maximize,
        sampler=wish.sampler,
        seed=secrets.randbelow(2**31) if wish.seed is None else wish.seed,
        planned=min(planned, size) if size else planned,
        prunes=wish.prunes,
        fingerprint=fingerprint(pipeline, stages, [key for many in keys.values() for key in many]),
        started=now(),
        author=author,
        git_commit=git_commit,
    )


def involved(pipeline: Pipeline, target: str) -> tuple[StageSpec, ...]:
    """The stage that `target` names, last, after all it needs.

    Raises
    ------
    UsageError
        ``not-a-stage``, ``stage-needed``; ``unknown-stage``.
    """
    if not target:
        raise UsageError("stage-needed", "Which stage is to be swept?", hint="sweep STAGE -s C=log(1e-3,10)")
    chosen = plan(pipeline, [target], {})
    if chosen.notebook:
        hint = f"stage add {chosen.notebook.name} {target} makes it one; give it its parameters with -p."
        raise UsageError("not-a-stage", f"{target} is no pipeline stage.", hint=hint)
    names = {target} | {stage.name for stage in chosen.stages if stage.notebook == target}
    last = next(stage for stage in chosen.stages if stage.name in names)
    return (*(stage for stage in chosen.stages if stage is not last), last)


def _keys(pipeline: Pipeline, stages: tuple[StageSpec, ...], space: Space) -> dict[str, tuple[str, ...]]:
    """Parameter to its full keys: those of the stage itself come before those of the stages it needs."""
    known: dict[str, set[str]] = {name: {key} for name, key in parameter_keys(pipeline, stages[-1]).items()}
    for stage in stages[:-1]:
        for name, key in parameter_keys(pipeline, stage).items():
            known.setdefault(name, {key})
    document = yaml_files.load_mapping(pipeline.places.root / PARAMS)
    for name, domain in space.items():
        if name not in known:
            raise unknown_parameter(name, stages[-1].name, known, _taught(stages[-1], name))
        for value in domain.sample:
            require_quotable(name, value)
            for key in known[name]:
                require_same_type(name, yaml_files.lookup(document, key)[1], value)
    return {name: tuple(sorted(known[name])) for name in space}


def _taught(stage: StageSpec, name: str) -> str:
    return f"It takes none yet: stage add {stage.name} {stage.notebook} -p {name}=… --force gives it one."


def _metric(pipeline: Pipeline, stage: StageSpec, wanted: str) -> str:
    """The metric that decides: the one that was named, or the only one that the stage wrote."""
    numbers = [name for name, value in pipeline.metrics([stage]).items() if _is_number(value)]
    if not wanted and len(numbers) == 1:
        return numbers[0]
    writes = f"It wrote {', '.join(numbers)} last time." if numbers else ""
    if not wanted:
        hint = f"--metric {numbers[0] if numbers else 'auc'}"
        raise UsageError("which-metric", f"Which metric of {stage.name} decides?", context=writes, hint=hint)
    if _reports(pipeline, stage):
        return wanted
    if not any(out.kind == "metrics" for out in stage.outs):
        message = f"{stage.name} writes no metrics file, and reports nothing."
        raise UsageError("no-metrics", message, hint=_who_writes(pipeline, stage, wanted))
    if numbers and wanted not in numbers:
        hint = did_you_mean(wanted, numbers, writes)
        raise UnknownReference("unknown-metric", f"{stage.name} has no metric {wanted}.", hint=hint)
    return wanted


def _who_writes(pipeline: Pipeline, stage: StageSpec, metric: str) -> str:
    """A line that would do: of a stage that writes the metric, or that makes this one write it."""
    for other in pipeline.stages():
        if metric in pipeline.metrics([other]):
            return f"{other.name} writes {metric}: sweep {other.name}."
    return f"stage edit {stage.name} -M FILE says where it writes {metric}; mlops.report({metric}=…) reports it."


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _reports(pipeline: Pipeline, stage: StageSpec) -> bool:
    """Whether its notebook seems to report metrics while it runs: then more may come than its files hold."""
    if not stage.notebook:
        return False
    return any("report(" in source for source in Notebook.read(pipeline.places.root, stage.notebook).code())


def fingerprint(pipeline: Pipeline, stages: Iterable[StageSpec], searched: Iterable[str]) -> str:
    """A digest of what all trials have in common: commands, code, data, and parameters that are not searched."""
    known = tuple(stages)
    notebooks = {stage.notebook for stage in known if stage.notebook}
    read = sorted(sources(known) - notebooks)
    left_out = {*searched}
    values = {
        f"{file}:{key}": value
        for stage in known
        for file, inside in pipeline.values(stage).items()
        for key, value in flattened(inside, lists=True)
        if key not in left_out
    }
    code = {name: Notebook.read(pipeline.places.root, name).code_digest for name in sorted(notebooks)}
    data = {path: pin.md5 if (pin := pipeline.data.pin(path)) else None for path in read}
    templates = [[stage.name, stage.template] for stage in known]
    return hashlib.sha256(canonical_json([templates, code, data, values])).hexdigest()


def again(definition: Definition, pipeline: Pipeline, trials: int | None) -> Definition:
    """A sweep that is to go on, with more trials when `trials` says so.

    Raises
    ------
    UsageError
        ``sweep-moved``: what its trials have in common is not what it was.
    """
    stages = involved(pipeline, definition.stage)
    searched = [key for many in definition.keys.values() for key in many]
    if fingerprint(pipeline, stages, searched) != definition.fingerprint:
        raise UsageError(
            "sweep-moved",
            "The code, data or other parameters of the stage are not those of the earlier trials.",
            context="Trials of both could not be compared.",
            hint=f"Start a new sweep: sweep {definition.stage} {line(definition)}",
        )
    space = parse_all(definition.space)
    size = grid_size(space) if definition.sampler == GRID else None
    planned = trials or definition.planned
    keys = _keys(pipeline, stages, space)  # a colleague may have written the record
    return attrs.evolve(definition, keys=keys, planned=min(planned, size) if size else planned)


def line(definition: Definition) -> str:
    """The space as it is typed."""
    return " ".join(f'-s "{name}={domain}"' for name, domain in definition.space.items())
