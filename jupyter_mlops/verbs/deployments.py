"""Models: serve them, ask them, roll them back."""

from __future__ import annotations

from typing import Annotated, Any

import attrs

from jupyter_mlops.governance.roles import Action
from jupyter_mlops.records import Instant
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb

DeploymentName = Annotated[str, Option(names=Names.DEPLOYMENT)]


@attrs.frozen
class Route:
    """A model version and its share of the traffic (0 to 100 percent)."""

    version: str
    weight: int
    role: str = "primary"


@attrs.frozen
class Release:
    """A version that was served from `since` on."""

    version: str
    since: Instant
    author: str
    reason: str


@attrs.frozen
class Deployment:
    """A served model.

    Attributes
    ----------
    state
        ``starting``, ``healthy``, ``failed`` or ``stopped``.
    url, proxy_url
        Directly on this machine; through Jupyter's proxy path.
    history
        Releases, newest first; `rollback` goes to the one before.
    """

    deployment: str
    model: str
    url: str
    proxy_url: str
    routes: tuple[Route, ...]
    ready: bool
    state: str
    history: tuple[Release, ...] = ()
    error: str = ""
    pid: int | None = None
    seconds: float = 0.0


@verb(Group.MODELS, Action.RELEASE, daily=True)
def deploy(
    call: Call,
    reference: Annotated[str, Option(names=Names.MODEL)],
    *,
    name: str = "",
    port: int = 0,
    dry_run: bool = False,
) -> Deployment:
    """Serve a model version; a running deployment switches without losing a request.

    Parameters
    ----------
    reference
        ``credit@v2``, ``credit@champion``; a bare name means the champion, else the newest.
    name
        The deployment; the model's name when left out.
    port
        On localhost; a free one when 0.
    dry_run
        Say what would be served; start nothing.
    """
    raise NotImplementedError


@attrs.frozen
class Deployments:
    """What is served."""

    deployments: tuple[Deployment, ...]


@verb(Group.MODELS, Action.READ, reads=True)
def deployments(call: Call, name: DeploymentName = "") -> Deployments:
    """List deployments, their routes, health and history.

    Parameters
    ----------
    name
        One deployment; none means all.
    """
    raise NotImplementedError


@verb(Group.MODELS, Action.RELEASE, daily=True)
def rollback(call: Call, name: DeploymentName, *, to: str = "", dry_run: bool = False) -> Deployment:
    """Serve the version before, without losing a request.

    Parameters
    ----------
    name
        The deployment.
    to
        A version to go back to; the one served before when left out.
    dry_run
        Say what would be served; change nothing.
    """
    raise NotImplementedError


@attrs.frozen
class Undeployed:
    """A deployment that was stopped."""

    deployment: str
    version: str


@verb(Group.MODELS, Action.RELEASE)
def undeploy(call: Call, name: DeploymentName, *, dry_run: bool = False) -> Undeployed:
    """Stop a deployment and free its port.

    Parameters
    ----------
    name
        The deployment.
    dry_run
        Say what would be stopped; stop nothing.
    """
    raise NotImplementedError


@attrs.frozen
class Prediction:
    """What a deployment answered: one list of values for each output, in row order."""

    deployment: str
    version: str
    rows: int
    outputs: dict[str, list[Any]]
    seconds: float


@verb(Group.MODELS, Action.READ)
def predict(
    call: Call,
    name: DeploymentName,
    data: Annotated[str, Option(names=Names.PATH)] = "",
    *,
    rows: str = "",
    limit: Annotated[int, Option("-n")] = 100,
) -> Prediction:
    """Ask a deployment for predictions.

    Parameters
    ----------
    name
        The deployment.
    data
        A csv, parquet or json-lines file, or a dataset reference.
    rows
        Rows as JSON instead: ``[{"age": 42}]``.
    limit
        Rows of `data` to send, at most 10,000.
    """
    raise NotImplementedError
