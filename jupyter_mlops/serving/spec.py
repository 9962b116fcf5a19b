"""What a deployment serves and has served: the files of its state folder."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

import attrs
import msgspec

from jupyter_mlops.records import Instant, alone, write_atomically
from jupyter_mlops.registry.formats import Trust

LOG_TAIL_BYTES = 2000


@attrs.frozen
class Target:
    """A model version to serve, named for ever by its digest.

    Attributes
    ----------
    model, version
        How people call it: ``credit`` and ``v2.0.0``.
    source, suffix
        The file with its bytes, and the format of them.
    ready
        The folder in which it is made ready.
    trusted, pickle, hosts
        What ``mlops.toml`` allowed when it was deployed.
    """

    model: str
    version: str
    digest: str
    source: str
    suffix: str
    ready: str
    trusted: tuple[str, ...] = ()
    pickle: bool = False
    hosts: tuple[str, ...] = ()

    @property
    def trust(self) -> Trust:
        """What may be loaded."""
        return Trust(self.trusted, self.pickle)


@attrs.frozen
class Spec:
    """What is served now, and on which port."""

    deployment: str
    port: int
    target: Target


@attrs.frozen
class Release:
    """One line of the history.

    Attributes
    ----------
    before
        The place in the history (0 is the oldest) that a rollback from here returns to; None at the start.
    """

    model: str
    version: str
    digest: str
    since: Instant
    author: str
    reason: str
    before: int | None = None


@attrs.frozen
class Status:
    """What a living supervisor says of itself."""

    pid: int
    port: int
    ready: bool
    version: str = ""
    worker_pid: int | None = None
    restarts: int = 0
    error: str = ""


class State:
    """The folder of one deployment.

    Parameters
    ----------
    folder
        ``deployments/<name>`` in the durable local state.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        self.log = folder / "server.log"
        self.socket = folder / "control.sock"
        self._alive = folder / "alive.lock"

    def create(self) -> None:
        """Make the folder, for its owner alone."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)

    def spec(self) -> Spec | None:
        """What is (or, after a crash, was) served; None before the first release."""
        try:
            return msgspec.json.decode((self.folder / "spec.json").read_bytes(), type=Spec)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def write_spec(self, spec: Spec) -> None:
        """Replace the spec as a whole."""
        write_atomically(self.folder / "spec.json", msgspec.json.encode(spec), mode=0o600)

    def history(self) -> tuple[Release, ...]:
        """All releases, oldest first; a line torn by a crash is not one."""
        try:
            lines = (self.folder / "history.jsonl").read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return ()
        return tuple(msgspec.json.decode(line, type=Release) for line in lines if line.endswith(b"\n"))

    def append(self, release: Release) -> None:
        """Add a release; a torn last line is replaced."""
        lines = [msgspec.json.encode(known) + b"\n" for known in (*self.history(), release)]
        write_atomically(self.folder / "history.jsonl", b"".join(lines), mode=0o600)

    def is_alive(self) -> bool:
        """Whether a supervisor runs: it holds a lock that dies with it, so no pid can deceive."""
        try:
            with self._alive.open() as handle:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def is_starting(self) -> bool:
        """Whether a supervisor lives that takes no orders yet."""
        return not self.socket.exists() and self.is_alive()

    def claim(self) -> int:
        """Hold the lock of the supervisor until this process ends; returns its descriptor.

        Raises
        ------
        BlockingIOError
            When another supervisor holds it.
        """
        descriptor = os.open(self._alive, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._take(descriptor)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        return descriptor

    @staticmethod
    def _take(descriptor: int) -> None:
        """Try for a second: whoever asks `is_alive` holds the lock for a moment too."""
        deadline = time.monotonic() + 1
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def owner(self) -> int | None:
        """The pid of whoever holds the lock; to be trusted only while `is_alive`."""
        text = self._alive.read_text() if self._alive.exists() else ""
        return int(text) if text else None

    def alone(self) -> AbstractContextManager[None]:
        """Deploys, rollbacks and undeploys of one deployment take turns."""
        return alone(self.folder.with_name(f".{self.name}.lock"))

    def log_tail(self) -> str:
        """The end of the server's log."""
        try:
            return self.log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip()
        except FileNotFoundError:
            return ""


def release(target: Target, since: datetime, author: str, reason: str, before: int | None) -> Release:
    """The history line of a target."""
    return Release(target.model, target.version, target.digest, since, author, reason, before)
