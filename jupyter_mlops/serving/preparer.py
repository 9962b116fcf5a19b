"""The supervisor's end of the preparing process: start it, give it a model, end it when it is idle."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress

import msgspec

from jupyter_mlops.serving.control import ErrorDocument, Failed, failed
from jupyter_mlops.serving.preparation import READY
from jupyter_mlops.serving.spec import Target

PREPARATION_S = 300.0
IDLE_S = 60.0
"""Whoever deploys once often deploys again; after that the memory is worth more than the second saved."""


class Preparer:
    """Makes models ready, one after the other, in a process of its own."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._ending: asyncio.TimerHandle | None = None

    async def make_ready(self, target: Target) -> None:
        """Make `target` ready to be loaded.

        Raises
        ------
        Failed
            The file is no model, or was not read in time.
        """
        if self._ending:
            self._ending.cancel()
        try:
            said = await asyncio.wait_for(self._ask(target), PREPARATION_S)
        except TimeoutError as error:
            self.end()
            raise failed("model-unloadable", f"The model was not read within {PREPARATION_S:.0f} s.") from error
        self._ending = asyncio.get_running_loop().call_later(IDLE_S, self.end)
        if said.strip() != READY:
            raise Failed(_error(said))

    def end(self) -> None:
        """End the process with the child that reads, if any."""
        if self._ending:
            self._ending.cancel()
        if self._process and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process = self._ending = None

    async def _ask(self, target: Target) -> bytes:
        process = self._process = await self._living()
        assert process.stdin  # noqa: S101 (both are pipes)
        assert process.stdout  # noqa: S101
        with suppress(ConnectionError):
            process.stdin.write(msgspec.json.encode(target) + b"\n")
            await process.stdin.drain()
        return await process.stdout.readline()

    async def _living(self) -> asyncio.subprocess.Process:
        if self._process and self._process.returncode is None:
            return self._process
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "jupyter_mlops.serving.preparation"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )


def _error(said: bytes) -> ErrorDocument:
    try:
        return msgspec.json.decode(said, type=ErrorDocument)
    except msgspec.DecodeError:
        return failed("model-unloadable", "The process that reads models ended.").document
