"""Models: register, list, alias."""

from __future__ import annotations

from typing import Annotated

import attrs

from jupyter_mlops.governance.roles import Action
from jupyter_mlops.records import Instant, Scalar
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb


@attrs.frozen
class Registered:
    """A model version; `tag` is the GTO tag, ``credit@v2.0.0``."""

    model: str
    version: str
    tag: str
    digest: str
    path: str
    git_commit: str


@verb(Group.MODELS, Action.MODEL)
def register(
    call: Call,
    source: Annotated[str, Option(names=Names.PATH)],
    *,
    name: str,
    version: str = "",
    message: Annotated[str, Option("-m")] = "",
    author: str = "",
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
    author
        ``Name <email>`` when git does not know you.
    dry_run
        Say which version it would be.
    """
    raise NotImplementedError


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
    raise NotImplementedError


@attrs.frozen
class Aliased:
    """An alias and what it stood for before."""

    model: str
    alias: str
    version: str | None
    previous: str | None


@verb(Group.MODELS, Action.MODEL)
def alias(
    call: Call,
    reference: Annotated[str, Option(names=Names.MODEL)],
    version: str = "",
    *,
    remove: bool = False,
    author: str = "",
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
    author
        ``Name <email>`` when git does not know you.
    dry_run
        Say what would change; write nothing.
    """
    raise NotImplementedError
