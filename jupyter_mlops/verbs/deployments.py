"""Models: serve them, ask them, roll them back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import attrs
import msgspec

from jupyter_mlops.errors import UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.project import Project
from jupyter_mlops.records import Instant
from jupyter_mlops.registry.versions import ModelVersion
from jupyter_mlops.serving import deployments as serving
from jupyter_mlops.serving.rows import MOST_ROWS, read_json, read_table
from jupyter_mlops.trust.identity import require_known
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb

DeploymentName = Annotated[str, Option(names=Names.DEPLOYMENT)]

HIGHEST_PORT = 65535


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
        ``starting``, ``healthy`` or ``failed``; ``planned`` with ``--dry-run``.
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


@verb(Group.MODELS, Action.RELEASE, daily=True, signs=True)
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
    if not 0 <= port <= HIGHEST_PORT:
        raise UsageError("bad-port", f"{port} is no port.", hint=f"--port takes 1 to {HIGHEST_PORT}.")
    project = call.project
    started = time.monotonic()
    version = project.models.resolve(reference)
    chosen = name or version.model
    if dry_run:
        return _planned(project, chosen, version, port)
    call.report(f"deploy {version.model} {version.label}")
    actor, settings = require_known(call.actor), project.section("serving")
    done = project.deployments.deploy(version, chosen, actor, settings, port)
    return _shown(project, done, time.monotonic() - started)


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
    project = call.project
    found = (project.deployments.get(name),) if name else project.deployments.all()
    return Deployments(tuple(_shown(project, deployment) for deployment in found))


@verb(Group.MODELS, Action.RELEASE, signs=True)
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
    project = call.project
    started = time.monotonic()
    target = project.deployments.earlier(name, to)
    if dry_run:
        version = project.models.resolve(f"{target.model}@{target.version}")
        return _planned(project, name, version, 0)
    call.report(f"roll {name} back to {target.version}")
    actor, settings = require_known(call.actor), project.section("serving")
    done = project.deployments.rollback(name, actor, settings, to)
    return _shown(project, done, time.monotonic() - started)


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
    project = call.project
    found = project.deployments.get(name) if dry_run else project.deployments.undeploy(name)
    return Undeployed(name, project.models.labels(found.model).get(found.version, found.version))


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
    limit: Annotated[int, Option("-n"), msgspec.Meta(ge=1, le=MOST_ROWS)] = 100,
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
    project = call.project
    started = time.monotonic()
    client = project.deployments.client(name)
    try:
        inputs = client.inputs()
        names = [str(put["name"]) for put in inputs]
        columns = _rows(call, data, rows, names, limit)
        version, outputs = client.infer(columns, inputs)
    finally:
        client.close()
    label = project.models.labels(project.deployments.get(name).model).get(version, version)
    return Prediction(name, label, len(columns[names[0]]), outputs, time.monotonic() - started)


def _rows(call: Call, data: str, rows: str, names: list[str], limit: int) -> Mapping[str, list[Any]]:
    """The model's inputs, by name, from a file, a dataset reference or JSON rows."""
    if bool(data) == bool(rows):
        raise UsageError("no-rows", "Give either data or --rows.", hint="predict NAME FILE, or --rows '[{...}]'.")
    if rows:
        return read_json(rows, names)
    return read_table(_file(call, data), names, limit)


def _file(call: Call, data: str) -> Path:
    """The file that `data` names: of the workspace, or of a version that DVC keeps."""
    datasets = call.project.datasets
    if "@" not in data:
        path = call.project.root / call.path(data)
        if path.is_file():
            return path
    files = datasets.files(datasets.resolve(data))
    if len(files) == 1:
        return files[0].location
    names = ", ".join(file.path for file in files[:5])
    raise UsageError("no-rows", f"{data} is a folder.", context=names, hint="Name one table file in it.")


def _planned(project: Project, name: str, version: ModelVersion, port: int) -> Deployment:
    """What would be served, with an empty address when the port is not known yet."""
    known = next((found for found in project.deployments.all() if found.name == name), None)
    chosen = port or (known.port if known else 0)
    route = Route(version.label, 100)
    url = _url(chosen, name) if chosen else ""
    proxy = _proxy_url(chosen, name) if chosen else ""
    return Deployment(name, version.model, url, proxy, (route,), ready=False, state="planned")


def _shown(project: Project, found: serving.Deployment, seconds: float = 0.0) -> Deployment:
    labels = project.models.labels(found.model)
    history = tuple(
        Release(labels.get(entry.version, entry.version), entry.since, entry.author, entry.reason)
        for entry in found.history
    )
    return Deployment(
        deployment=found.name,
        model=found.model,
        url=_url(found.port, found.name),
        proxy_url=_proxy_url(found.port, found.name),
        routes=(Route(labels.get(found.version, found.version), 100),),
        ready=found.ready,
        state=found.state,
        history=history,
        error=found.error,
        pid=found.pid,
        seconds=seconds,
    )


def _url(port: int, name: str) -> str:
    return f"http://127.0.0.1:{port}/v2/models/{name}/infer"


def _proxy_url(port: int, name: str) -> str:
    """Relative to the base address of the Jupyter server."""
    return f"proxy/{port}/v2/models/{name}/infer"
