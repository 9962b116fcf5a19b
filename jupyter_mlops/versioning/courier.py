"""The process that moves objects, seen from whoever asked: started, listened to, and never left behind."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import attrs

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.records import Places, Progress, Step, silent
from jupyter_mlops.trust.addresses import redacted
from jupyter_mlops.versioning import transfer
from jupyter_mlops.versioning.transfer import Answer, Request

GRACE_S = 3.0
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
NOT_INSTALLED = frozenset({"RemoteMissingDepsError", "ImportError", "ModuleNotFoundError"})
EXTRAS = frozenset({"s3", "gs", "azure", "ssh"})
PACKAGE = re.compile(r"dvc[-_\[](\w+)")


@attrs.frozen
class Courier:
    """Carries requests to a process of their own.

    A process, because DVC prints, keeps state for a whole process, and may have to be stopped at any moment.

    Attributes
    ----------
    places
        Where the project is.
    """

    places: Places

    def carry(self, request: Request, progress: Progress = silent) -> Answer:
        """Do `request`; whatever interrupts the caller ends the process, and what had arrived by then stays.

        Raises
        ------
        EnvironmentFault
            ``remote-failed``, ``remote-kind-missing``.
        OSError
            A disk is full.
        """
        with tempfile.TemporaryFile() as complaints, self._process(complaints) as process:
            stdin, stdout = _pipes(process)
            with suppress(BrokenPipeError):
                stdin.write(json.dumps(attrs.asdict(request)).encode() + b"\n")
                stdin.flush()
            for line in stdout:
                message = json.loads(line)
                if "step" in message:
                    progress(Step(**message["step"]))
                elif "answer" in message:
                    return Answer(**{name: _frozen(value) for name, value in message["answer"].items()})
                else:
                    raise _failure(request, message["failed"])
            complaints.seek(0)
            said = complaints.read().decode(errors="replace").strip()
        raise _failure(request, {"kind": "", "message": said[-500:] or "its process ended early"})

    @contextmanager
    def _process(self, complaints: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-P", "-m", transfer.__name__]
        process = subprocess.Popen(
            command,
            cwd=self.places.root,
            env={**os.environ, "DVC_SITE_CACHE_DIR": str(self._site_cache()), "DVC_NO_ANALYTICS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
        )
        try:
            yield process
        finally:
            _end(process)

    def _site_cache(self) -> Path:
        """A private folder: DVC's own default can be written by everybody and holds pickles."""
        folder = self.places.state / "dvc-site"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        return folder


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None  # noqa: S101 (Popen was told to make them)
    assert process.stdout is not None  # noqa: S101
    return process.stdin, process.stdout


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave no process behind, and no pipe."""
    process.terminate()
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in _pipes(process):
        with suppress(BrokenPipeError):
            pipe.close()


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _failure(request: Request, failed: dict[str, Any]) -> Exception:
    message = redacted(failed["message"])
    if failed.get("errno") in FULL:
        return OSError(failed["errno"], message)
    if failed["kind"] in NOT_INSTALLED and (found := PACKAGE.search(message)):
        return EnvironmentFault(
            "remote-kind-missing",
            f"The remote {request.remote} needs packages that are not installed.",
            context=message.partition("\n")[0],
            hint=f'pip install "{"jupyter-mlops" if found[1] in EXTRAS else "dvc"}[{found[1]}]"',
        )
    return EnvironmentFault(
        "remote-failed",
        f"{request.direction} failed. What had arrived by then stays; nothing else was changed.",
        context=message,
        hint="Check the remote's address (dvc remote list) and its credentials, then repeat: it goes on from there.",
    )
