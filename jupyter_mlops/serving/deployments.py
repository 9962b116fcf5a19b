"""Deployments: start, switch, roll back, stop."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from jupyter_mlops.errors import EnvironmentFault, MlopsError, UnknownReference, UsageError, did_you_mean
from jupyter_mlops.records import Actor, Places, listed, now
from jupyter_mlops.registry.models import Models
from jupyter_mlops.registry.tags import require_name
from jupyter_mlops.registry.versions import ModelVersion
from jupyter_mlops.serving.client import Client
from jupyter_mlops.serving.control import Command, ErrorDocument, ask
from jupyter_mlops.serving.spec import Release, State, Status, Target, release

SWITCH_S = 400.0
START_S = 30.0
STATUS_S = 2.0
STOP_S = 15.0


@attrs.frozen
class Deployment:
    """One deployment as it is now.

    Attributes
    ----------
    state
        ``healthy``, ``starting`` or ``failed``.
    history
        Releases, newest first.
    """

    name: str
    model: str
    version: str
    digest: str
    port: int
    state: str
    history: tuple[Release, ...]
    error: str = ""
    pid: int | None = None

    @property
    def ready(self) -> bool:
        """Whether it answers."""
        return self.state == "healthy"

    @property
    def path(self) -> str:
        """Where it infers, below its address."""
        return f"v2/models/{self.name}/infer"


class Deployments:
    """What this machine serves for one project.

    Parameters
    ----------
    places
        Deployments are durable local state, below the git directory.
    models
        Finds versions and their files.
    """

    def __init__(self, places: Places, models: Models) -> None:
        self._places = places
        self._models = models
        self._folder = places.state / "deployments"

    def all(self) -> tuple[Deployment, ...]:
        """Every deployment, by name."""
        if not self._folder.is_dir():
            return ()
        folders = sorted(folder for folder in self._folder.iterdir() if (folder / "spec.json").exists())
        return tuple(self._observe(State(folder)) for folder in folders)

    def get(self, name: str) -> Deployment:
        """The deployment called `name`.

        Raises
        ------
        UnknownReference
            ``unknown-deployment``, with the nearest.
        """
        return self._observe(self._known(name))

    def deploy(
        self, version: ModelVersion, name: str, author: Actor, settings: Mapping[str, Any], port: int = 0
    ) -> Deployment:
        """Serve `version` as `name`; a running deployment switches without losing a request.

        Parameters
        ----------
        settings
            ``[serving]`` of ``mlops.toml``: `trusted`, `allow_pickle`, `hosts`.
        port
            The one it has, or else a free one, when 0.

        Raises
        ------
        UsageError
            ``bad-name``, ``port-in-use``, ``port-fixed``, ``model-untrusted``.
        EnvironmentFault
            ``model-missing``, ``model-unloadable``, ``worker-failed``.
        """
        target = self._target(version, settings)
        state = self._state(require_name(name, "deployment"))
        with state.alone():
            self._require_port(state, port)
            history = state.history()
            same = state.spec()
            if not (same and same.target.digest == target.digest and self._observe(state).ready):
                self._switch(state, target, port)
                before = len(history) - 1 if history else None
                state.append(release(target, now(), str(author), "deploy", before))
            return self._observe(state)

    def rollback(self, name: str, author: Actor, settings: Mapping[str, Any], to: str = "") -> Deployment:
        """Serve what was served before, or `to`; repeated, it walks further back."""
        state = self._known(name)
        with state.alone():
            chosen = self.earlier(name, to)
            target = self._target(self._version_of(chosen), settings)
            self._switch(state, target, 0)
            state.append(attrs.evolve(chosen, since=now(), author=str(author), reason="rollback"))
            return self._observe(state)

    def earlier(self, name: str, to: str = "") -> Release:
        """The release that a rollback would return to.

        Raises
        ------
        UsageError
            ``nothing-to-roll-back``, ``never-served``.
        """
        history = self._known(name).history()
        current = history[-1]
        if not to:
            if current.before is None:
                raise self._nothing_earlier(name, history)
            return history[current.before]
        wanted = self._models.resolve(f"{current.model}@{to}").digest
        found = [entry for entry in history if entry.digest == wanted]
        if not found:
            hint = f"deploy {current.model}@{to} --name {name}"
            raise UsageError("never-served", f"{name} has never served {to}.", hint=hint)
        return found[-1]

    def _nothing_earlier(self, name: str, history: Sequence[Release]) -> UsageError:
        """Why a rollback cannot go further back, and how to go forward again."""
        current = history[-1]
        labels = self._models.labels(current.model)
        later = [one.version for one in reversed(history) if one.digest != current.digest]
        known = [*later, *(version for version in labels if version != current.version)]
        at = labels.get(current.version, current.version)
        words = "is back at" if later else "has served only"
        other = next((labels.get(version, version) for version in known), "")
        return UsageError(
            "nothing-to-roll-back",
            f"{name} {words} {at}, the first version it served: there is none before it.",
            hint=f"deploy {current.model}@{other} --name {name} serves another version."
            if other
            else f"register FILE --name {current.model} makes another version.",
        )

    def undeploy(self, name: str) -> Deployment:
        """Stop a deployment, free its port and forget it."""
        state = self._known(name)
        with state.alone():
            found = self._observe(state)
            self._stop(state)
            shutil.rmtree(state.folder)
        return found

    def client(self, name: str) -> Client:
        """A connection to a deployment that answers.

        Raises
        ------
        EnvironmentFault
            ``not-serving``.
        """
        found = self.get(name)
        if found.ready:
            return Client(found.port, name)
        raise EnvironmentFault(
            "not-serving",
            f"{name} is {found.state}.",
            context=found.error,
            hint=f"deploy {found.model}@{found.version} --name {name} starts it again.",
        )

    def _state(self, name: str) -> State:
        state = State(self._folder / name)
        state.create()
        return state

    def _known(self, name: str) -> State:
        state = State(self._folder / name)
        if re.fullmatch(r"[a-z0-9-]+", name) and state.spec():
            return state
        names = [deployment.name for deployment in self.all()]
        known = f"Deployments: {', '.join(names)}." if names else "deploy MODEL@VERSION starts one."
        hint = did_you_mean(name, names, known)
        raise UnknownReference("unknown-deployment", f"There is no deployment {name}.", hint=hint)

    def _target(self, version: ModelVersion, settings: Mapping[str, Any]) -> Target:
        return Target(
            model=version.model,
            version=str(version.version),
            digest=version.digest,
            source=str(self._models.location(version)),
            suffix=Path(version.path).suffix,
            # Below the git directory: a clone cannot bring a prepared model along, as it could in a cache folder.
            ready=str(self._places.state / "models" / version.digest / "ready"),
            trusted=listed(settings, "trusted"),
            pickle=settings.get("allow_pickle") is True,
            hosts=listed(settings, "hosts"),
        )

    def _version_of(self, entry: Release) -> ModelVersion:
        """The registered version with the digest of a release, under its own number if it still has it."""
        named = [found for found in self._models.get(entry.model).versions if found.digest == entry.digest]
        same = (found for found in named if str(found.version) == entry.version)
        return next(same, None) or self._models.resolve(f"{entry.model}@{entry.digest}")

    def _require_port(self, state: State, port: int) -> None:
        spec = state.spec()
        if port and spec and spec.port != port:
            raise UsageError(
                "port-fixed",
                f"{state.name} is served on port {spec.port}; its clients know that one.",
                hint=f"undeploy {state.name} first, or leave --port out.",
            )

    def _switch(self, state: State, target: Target, port: int) -> None:
        """Let the supervisor serve `target`; start one when none lives."""
        fresh = state.spec() is None
        served = False
        try:
            if not state.is_alive():
                self._start(state, port)
            reply = ask(state.socket, Command("switch", target), SWITCH_S)
            served = reply.failure is None
        finally:
            words = "" if served else state.log_tail()
            if fresh and not served:
                self._stop(state)
                shutil.rmtree(state.folder, ignore_errors=True)
        if reply.failure:
            raise _as_error(reply.failure, words)

    def _start(self, state: State, port: int) -> None:
        spec = state.spec()
        chosen = port or (spec.port if spec else 0)
        done = subprocess.run(
            [sys.executable, "-m", "jupyter_mlops.serving.supervisor", str(state.folder), str(chosen)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=START_S,
            cwd=self._places.state,
            check=False,
        )
        if done.returncode == 0:
            return
        said = done.stdout.decode(errors="replace")
        if '"port-in-use"' in said:
            raise UsageError(
                "port-in-use",
                f"Port {chosen} is in use.",
                context="Another program listens there.",
                hint=f"Stop it, or: undeploy {state.name}, then deploy with another --port."
                if spec
                else "Leave --port out for a free one.",
            )
        raise EnvironmentFault(
            "supervisor-failed",
            "The server process could not be started.",
            context=(said or done.stderr.decode(errors="replace")).strip().rpartition("\n")[2][-500:],
            hint="deployments shows what is running.",
        )

    def _stop(self, state: State) -> None:
        """Ask the supervisor to end; a deaf one is killed: the lock proves that the pid is still its own."""
        if not state.is_alive():
            return
        pid = None
        try:
            reply = ask(state.socket, Command("stop"), STOP_S)
            pid = reply.status.pid if reply.status else None
        except EnvironmentFault:
            pid = state.owner()
        deadline = time.monotonic() + STOP_S
        while state.is_alive() and time.monotonic() < deadline:
            time.sleep(0.02)
        if pid and state.is_alive():
            os.kill(pid, signal.SIGKILL)

    def _observe(self, state: State) -> Deployment:
        spec = state.spec()
        assert spec  # noqa: S101 (callers look only at deployments that have one)
        status, error = self._status(state)
        word = "starting" if state.is_starting() else _word(status)
        return Deployment(
            name=state.name,
            model=spec.target.model,
            version=spec.target.version,
            digest=spec.target.digest,
            port=spec.port,
            state=word,
            history=tuple(reversed(state.history())),
            error=error,
            pid=status.pid if status else None,
        )

    def _status(self, state: State) -> tuple[Status | None, str]:
        if state.is_starting():
            return None, ""
        if not state.is_alive():
            return None, "Its server process is gone; deploy or rollback starts it again."
        try:
            status = ask(state.socket, Command("status"), STATUS_S).status
        except EnvironmentFault as error:
            return None, error.message
        return status, status.error if status else ""


def _word(status: Status | None) -> str:
    if status is None:
        return "failed"
    if status.ready:
        return "healthy"
    return "failed" if status.error else "starting"


def _as_error(failure: ErrorDocument, log: str) -> MlopsError:
    """The error that another process sent, with the end of the server's log when it has no context of its own."""
    kind = UsageError if failure.exit_code == UsageError.exit_code else EnvironmentFault
    words = failure.error
    return kind(
        words["reference"],
        words["message"],
        context=words.get("context") or log[-300:],
        hint=words.get("hint") or "deployments shows what is served.",
    )
