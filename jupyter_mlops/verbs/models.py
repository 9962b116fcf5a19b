"""Models: register, list, alias."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.pipelines.records.runs import NumberedRun, RunRecords
from jupyter_mlops.records import Instant, Scalar
from jupyter_mlops.registry import versions as registry
from jupyter_mlops.registry.formats import SUFFIXES
from jupyter_mlops.trust.identity import require_known
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb
from jupyter_mlops.verbs.elsewhere import as_it_was


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
    require_known(call.actor)
    found = _source(call, source)
    wish = _Wish(name, version, message, dry_run)
    if found.run is None or call.project.models.holds(found.path, found.digest):
        return _registered(call, found, wish)
    _require_cached(call, found)
    with as_it_was(call, found.run.record) as there:
        return _registered(there, found, wish)


@attrs.frozen
class _Wish:
    """What was asked of a registration."""

    name: str
    version: str
    message: str
    dry_run: bool


def _registered(call: Call, found: _Source, wish: _Wish) -> Registered:
    """Register what HEAD holds, which is what was found."""
    known, who = call.project.models, require_known(call.actor)
    done = known.plan(found.path, wish.name, wish.version)
    _require_same(done.content.digest, found)
    earlier = [one for model in known.all() if model.name == wish.name for one in model.versions]
    same = next((one.label for one in earlier if one.digest == done.content.digest), None)
    if not wish.dry_run:
        done = known.register(found.path, wish.name, who, version=wish.version, message=wish.message)
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


@attrs.frozen
class _Source:
    """A model file, and when a run wrote it that run and the digest it must have."""

    path: str
    digest: str = ""
    run: NumberedRun | None = None


def _source(call: Call, source: str) -> _Source:
    """The model file that `source` names, by its path or by the run that wrote it."""
    path = call.project.root / call.path(source)
    if path.exists() or not re.fullmatch(r"(run:)?#?\d+|(run:)?run-[0-9a-f-]+", source):
        return _Source(call.path(source))
    run = call.project.runs.find(source)
    models = {path: digest for path, digest in run.record.outputs.items() if path.endswith(SUFFIXES)}
    if len(models) == 1:
        return _Source(*next(iter(models.items())), run)
    found = ", ".join(models) or ", ".join(run.record.outputs) or "nothing"
    raise UsageError(
        "no-single-model",
        f"Run #{run.number} wrote {len(models)} model files.",
        context=f"It wrote {found}.",
        hint="register FILE --name NAME, with the one you mean.",
    )


def _require_same(digest: str, found: _Source) -> None:
    """What a run wrote is registered as it is, not as something else of that name."""
    if found.run is None or digest == found.digest:
        return
    raise UsageError(
        "run-superseded",
        f"Run #{found.run.number} wrote another {found.path} than its commit gives now.",
        context=f"It wrote {found.digest}, its commit gives {digest}.",
        hint=f"register {found.path} takes the present one.",
    )


def _require_cached(call: Call, found: _Source) -> None:
    """What nobody has any more cannot be registered."""
    if found.run and not call.project.datasets.is_stored(found.digest):
        raise UsageError(
            "run-superseded",
            f"Run #{found.run.number} wrote another {found.path} than the one committed now.",
            context=f"It wrote {found.digest}, which is not on this machine.",
            hint=f"register {found.path} takes the present one; pull may bring the other.",
        )
