"""Models: register, list, alias."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.pipelines.runs import NumberedRun, RunRecords
from jupyter_mlops.records import Instant, Scalar
from jupyter_mlops.registry import versions as registry
from jupyter_mlops.registry.formats import SUFFIXES
from jupyter_mlops.trust.identity import require_known
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb


@attrs.frozen
class Registered:
    """A model version.

    Attributes
    ----------
    tag
        The GTO tag, ``credit@v2.0.0``.
    same_as
        An earlier version with the very same bytes.
    """

    model: str
    version: str
    tag: str
    digest: str
    path: str
    git_commit: str
    same_as: str | None = None


@verb(Group.MODELS, Action.MODEL, signs=True)
def register(
    call: Call,
    source: Annotated[str, Option(names=Names.PATH)],
    *,
    name: str,
    version: str = "",
    message: Annotated[str, Option("-m")] = "",
    dry_run: bool = False,
) -> Registered:
    """Register a model file or a run's output as the next version of a model.

    Parameters
    ----------
    source
        A committed model file, a stage's out, or a run that wrote one model.
    name
        The model: lower-case letters, digits and dashes.
    version
        ``2.1.0``; the next major version when left out.
    message
        What is new.
    dry_run
        Say which version it would be.
    """
    project, who = call.project, require_known(call.actor)
    path, wanted = _source(call, source)
    done = project.models.plan(path, name, version)
    _require_same(done.content.digest, wanted, source, path)
    earlier = [one for model in project.models.all() if model.name == name for one in model.versions]
    same = next((one.label for one in earlier if one.digest == done.content.digest), None)
    if not dry_run:
        done = project.models.register(path, name, who, version=version, message=message)
    return Registered(done.model, done.label, done.tag, done.content.digest, done.content.path, done.git_commit, same)


@attrs.frozen
class ModelVersion:
    """One version of a model.

    Attributes
    ----------
    version, tag
        ``v2`` and ``credit@v2.0.0``.
    run, inputs
        The run that wrote it and the digests it read, when known.
    deployments
        Where it is served.
    verdict
        What the last re-execution of the stage that made it found; empty when there was none.
    """

    model: str
    version: str
    tag: str
    digest: str
    path: str
    git_commit: str
    author: str
    time: Instant
    message: str
    metrics: dict[str, Scalar] = attrs.field(factory=dict)
    aliases: tuple[str, ...] = ()
    run: str | None = None
    inputs: dict[str, str] = attrs.field(factory=dict)
    deployments: tuple[str, ...] = ()
    verdict: str = ""


@attrs.frozen
class Model:
    """A model, its versions (newest first) and its aliases."""

    name: str
    versions: tuple[ModelVersion, ...]
    aliases: dict[str, str]


@attrs.frozen
class Models:
    """The registered models."""

    models: tuple[Model, ...]


@verb(Group.MODELS, Action.READ, reads=True)
def models(call: Call, name: Annotated[str, Option(names=Names.MODEL)] = "") -> Models:
    """List models, their versions, metrics and aliases.

    Parameters
    ----------
    name
        One model; none means all.
    """
    project = call.project
    found = (project.models.get(name.partition("@")[0]),) if name else project.models.all()
    served: dict[str, list[str]] = {}
    for deployment in project.deployments.all():
        served.setdefault(deployment.digest, []).append(deployment.name)
    verdicts = project.verdicts.by_output() if found else {}
    return Models(tuple(_shown(model, project.runs, served, verdicts) for model in found))


@attrs.frozen
class Aliased:
    """An alias and what it stood for before."""

    model: str
    alias: str
    version: str | None
    previous: str | None


@verb(Group.MODELS, Action.MODEL, signs=True)
def alias(
    call: Call,
    reference: Annotated[str, Option(names=Names.MODEL)],
    version: str = "",
    *,
    remove: bool = False,
    dry_run: bool = False,
) -> Aliased:
    """Give a model version a name that moves, such as champion.

    Parameters
    ----------
    reference
        ``credit@champion``.
    version
        ``v2`` or ``2.1.0``; the newest when left out.
    remove
        Take the alias away.
    dry_run
        Say what would change; write nothing.
    """
    name, _, wanted = reference.removeprefix("model:").partition("@")
    if not wanted:
        raise UsageError(
            "no-alias", f"{reference} names no alias.", hint=f"alias {name}@champion {version or 'v1'}".strip()
        )
    known, who = call.project.models, require_known(call.actor)
    if remove:
        change = known.remove_alias(name, wanted, who, dry_run=dry_run)
    else:
        change = known.set_alias(name, wanted, version, who, dry_run=dry_run)
    return Aliased(change.model, change.alias, change.version, change.previous)


def _shown(
    model: registry.Model, runs: RunRecords, served: Mapping[str, list[str]], verdicts: Mapping[str, str]
) -> Model:
    versions = (
        attrs.evolve(_shown_version(one, runs.writer(one.digest), served), verdict=verdicts.get(one.digest, ""))
        for one in model.versions
    )
    return Model(model.name, tuple(versions), dict(model.aliases))


def _shown_version(
    version: registry.ModelVersion, maker: NumberedRun | None, served: Mapping[str, list[str]]
) -> ModelVersion:
    run = maker.record if maker else None
    return ModelVersion(
        model=version.model,
        version=version.label,
        tag=version.tag,
        digest=version.digest,
        path=version.path,
        git_commit=version.git_commit,
        author=version.author,
        time=version.time,
        message=version.message,
        metrics=dict(run.metrics) if run else {},
        aliases=version.aliases,
        run=run.run if run else None,
        inputs=dict(run.inputs) if run else {},
        deployments=tuple(served.get(version.digest, ())),
    )


def _source(call: Call, source: str) -> tuple[str, str | None]:
    """The path of the model file that `source` names, and the digest it must have when a run wrote it."""
    path = call.project.root / call.path(source)
    if path.exists() or not re.fullmatch(r"(run:)?#?\d+|(run:)?run-[0-9a-f-]+", source):
        return call.path(source), None
    run = call.project.runs.find(source)
    models = {path: digest for path, digest in run.record.outputs.items() if path.endswith(SUFFIXES)}
    if len(models) == 1:
        return next(iter(models.items()))
    found = ", ".join(models) or ", ".join(run.record.outputs) or "nothing"
    raise UsageError(
        "no-single-model",
        f"Run #{run.number} wrote {len(models)} model files.",
        context=f"It wrote {found}.",
        hint="register FILE --name NAME, with the one you mean.",
    )


def _require_same(digest: str, wanted: str | None, source: str, path: str) -> None:
    """What a run wrote can be registered while HEAD still holds it."""
    if wanted in (None, digest):
        return
    raise UsageError(
        "run-superseded",
        f"Run {source} wrote another {path} than the one committed now.",
        context=f"It wrote {wanted}, HEAD holds {digest}.",
        hint=f"register {path} takes the present one; checkout {path}@{str(wanted)[:8]} brings the other back.",
    )
