"""The way to a supervisor: one JSON line to its socket, one line back.

The socket is a file that only its owner may open, in a folder that only its owner may enter.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.serving.spec import Status, Target

_LONGEST = 100
"""A socket path may have 104 bytes on some systems, 108 on others."""


class Command(msgspec.Struct):
    """What a supervisor is asked: ``status``, ``switch`` or ``stop``."""

    do: str
    target: Target | None = None


class ErrorDocument(msgspec.Struct):
    """An error as a process sends it."""

    error: dict[str, str]
    exit_code: int = 3


class Reply(msgspec.Struct):
    """What a supervisor answers."""

    status: Status | None = None
    failure: ErrorDocument | None = None


class Failed(Exception):
    """An order that could not be carried out; the old model is still served."""

    def __init__(self, document: ErrorDocument) -> None:
        super().__init__(document.error.get("message", ""))
        self.document = document


def failed(reference: str, message: str, context: str = "", hint: str = "") -> Failed:
    """A failure with the fields of the error tree."""
    words = {"reference": reference, "message": message, "context": context, "hint": hint}
    return Failed(ErrorDocument(words))


def ask(path: Path, command: Command, timeout_s: float) -> Reply:
    """Send `command` to the supervisor behind `path`.

    Raises
    ------
    EnvironmentFault
        ``supervisor-silent`` when it does not answer in time.
    """
    try:
        with short_path(path) as near, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            channel.settimeout(timeout_s)
            channel.connect(near)
            channel.sendall(msgspec.json.encode(command) + b"\n")
            with channel.makefile("rb") as stream:
                return msgspec.json.decode(stream.readline(), type=Reply)
    except (OSError, msgspec.DecodeError) as error:
        raise EnvironmentFault(
            "supervisor-silent",
            "The deployment does not answer.",
            context=f"{type(error).__name__}: {error}",
            hint="deployments shows its state; undeploy stops it.",
        ) from error


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A name for `path` that fits into a socket address."""
    if len(str(path).encode()) <= _LONGEST:
        yield str(path)
        return
    with tempfile.TemporaryDirectory(prefix="mlops-") as folder:
        link = Path(folder) / "s"
        link.symlink_to(path.parent, target_is_directory=True)
        yield str(link / path.name)
