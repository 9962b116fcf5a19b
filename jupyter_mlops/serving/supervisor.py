"""The process behind a deployment: it owns the port, keeps a worker alive and takes orders.

It outlives whoever started it. A new model is read in a process of its own, loaded beside the
old one and put in its place by one assignment in the worker, so no request is lost and a bad
model changes nothing. The listening socket belongs to the supervisor: while a crashed worker
is replaced, connections wait.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.registry.formats import ready
from jupyter_mlops.serving.control import Command, ErrorDocument, Failed, Reply, failed, short_path
from jupyter_mlops.serving.preparer import Preparer
from jupyter_mlops.serving.spec import Spec, State, Status, Target

HOST = "127.0.0.1"
BACKLOG = 1024
LOAD_S = 120.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0


class Worker:
    """One worker process and the line on which it takes orders."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, descriptor: int, name: str) -> Worker:
        """Start a worker that answers on the socket `descriptor`."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "jupyter_mlops.serving.worker", str(descriptor), name),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=(descriptor,),
        )
        return cls(process)

    async def load(self, target: Target) -> None:
        """Let it serve `target`.

        Raises
        ------
        Failed
            It could not, or died on it.
        """
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin  # noqa: S101 (both are pipes)
        assert stdout  # noqa: S101
        try:
            stdin.write(msgspec.json.encode({"target": target}) + b"\n")
            await stdin.drain()
            line = await asyncio.wait_for(stdout.readline(), LOAD_S)
        except (OSError, TimeoutError) as error:
            self.kill()
            raise failed("worker-failed", "The server process did not load the model.", str(error)) from error
        if not line:
            raise failed("worker-failed", "The server process died while it loaded the model.")
        if "error" in (reply := json.loads(line)):
            raise Failed(ErrorDocument(reply["error"]))

    def kill(self) -> None:
        """End it at once."""
        with suppress(ProcessLookupError):
            self.process.kill()


class Supervisor:
    """Keeps one deployment alive.

    Parameters
    ----------
    state
        The folder of the deployment.
    listener
        The public socket, listening.
    """

    def __init__(self, state: State, listener: socket.socket) -> None:
        self._state = state
        self._listener = listener
        spec = state.spec()
        self._target = spec.target if spec else None
        self._worker: Worker | None = None
        self._preparer = Preparer()
        self._loaded = False
        self._restarts = 0
        self._error = ""
        self._order = asyncio.Lock()
        self._stopping = asyncio.Event()

    async def run(self, announce: Callable[[int], None]) -> None:
        """Serve until told to stop; `announce` the port once orders are taken."""
        keeping = asyncio.create_task(self._keep_worker())
        with short_path(self._state.socket) as path:
            control = await asyncio.start_unix_server(self._answer, path)
        self._state.socket.chmod(0o600)
        announce(self._listener.getsockname()[1])
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stopping.set)
        await self._stopping.wait()
        control.close()
        keeping.cancel()
        self._preparer.end()
        await self._end_worker()

    async def _keep_worker(self) -> None:
        """Start a worker, load what is served, wait for its end, and again; slower after each failure."""
        pause_s = FIRST_PAUSE_S
        while True:
            worker = await Worker.start(self._listener.fileno(), self._state.name)
            self._worker = worker
            async with self._order:
                await self._load_again(worker)
            started = asyncio.get_running_loop().time()
            await worker.process.wait()
            self._worker, self._loaded = None, False
            self._restarts += 1
            lived_s = asyncio.get_running_loop().time() - started
            pause_s = FIRST_PAUSE_S if lived_s > LONGEST_PAUSE_S else min(pause_s * 2, LONGEST_PAUSE_S)
            _say(f"worker ended with {worker.process.returncode}; another starts in {pause_s:.1f} s")
            await asyncio.sleep(pause_s)

    async def _load_again(self, worker: Worker) -> None:
        if self._target is None:
            return
        try:
            await self._prepare(self._target)
            await worker.load(self._target)
            self._loaded, self._error = True, ""
        except Failed as failure:
            self._error = str(failure)
            _say(f"cannot serve {self._target.version}: {failure}")

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            command = msgspec.json.decode(await reader.readline(), type=Command)
            reply = await self._obey(command)
            writer.write(msgspec.json.encode(reply) + b"\n")
            await writer.drain()
        except (OSError, msgspec.DecodeError):
            _say(traceback.format_exc())
        finally:
            writer.close()

    async def _obey(self, command: Command) -> Reply:
        try:
            if command.do == "switch" and command.target:
                async with self._order:
                    await self._switch(command.target)
            elif command.do == "stop":
                self._stopping.set()
        except Failed as failure:
            _say(f"refused: {failure}")
            return Reply(failure=failure.document)
        return Reply(status=self._status())

    async def _switch(self, target: Target) -> None:
        await self._prepare(target)
        worker = await self._living_worker()
        await worker.load(target)
        self._target, self._loaded, self._error = target, True, ""
        port = self._listener.getsockname()[1]
        self._state.write_spec(Spec(self._state.name, port, target))
        _say(f"serving {target.model} {target.version} {target.digest}")

    async def _living_worker(self) -> Worker:
        """The worker, waiting a moment for one that is being replaced."""
        for _ in range(100):
            if self._worker and self._worker.process.returncode is None:
                return self._worker
            await asyncio.sleep(0.1)
        raise failed("worker-failed", "The server process does not start.", self._error)

    async def _prepare(self, target: Target) -> None:
        """Make the model ready, unless that was done before."""
        if not ready(Path(target.ready), target.trust):
            await self._preparer.make_ready(target)

    async def _end_worker(self) -> None:
        if worker := self._worker:
            if worker.process.stdin:
                worker.process.stdin.close()
            try:
                await asyncio.wait_for(worker.process.wait(), 5)
            except TimeoutError:
                worker.kill()
                await worker.process.wait()

    def _status(self) -> Status:
        worker = self._worker.process.pid if self._worker else None
        port = self._listener.getsockname()[1]
        version = self._target.version if self._target else ""
        return Status(os.getpid(), port, self._loaded, version, worker, self._restarts, self._error)


def main() -> int:
    """``python -m jupyter_mlops.serving.supervisor FOLDER PORT``: detach, then print the port or an error."""
    state, port = State(Path(sys.argv[1])), int(sys.argv[2])
    heard, told = os.pipe()
    if os.fork():
        os.close(told)
        with os.fdopen(heard, "rb") as pipe:
            said = pipe.read()
        sys.stdout.buffer.write(said)
        return 0 if said and b'"error"' not in said else 1
    os.setsid()
    os.close(heard)
    _serve(state, port, told)
    os._exit(0)


def _serve(state: State, port: int, told: int) -> None:
    try:
        lock = state.claim()
        listener = socket.create_server((HOST, port), backlog=BACKLOG)
    except OSError as error:
        busy = isinstance(error, BlockingIOError)
        reference = "deployment-busy" if busy else "port-in-use"
        os.write(told, msgspec.json.encode(ErrorDocument({"reference": reference, "message": str(error)})))
        return
    _detach(state)
    state.socket.unlink(missing_ok=True)

    def announce(public: int) -> None:
        os.write(told, msgspec.json.encode({"port": public}))
        os.close(told)

    try:
        asyncio.run(_run(state, listener, announce))
    except (MlopsError, OSError):
        _say(traceback.format_exc())
    finally:
        state.socket.unlink(missing_ok=True)
        os.close(lock)


async def _run(state: State, listener: socket.socket, announce: Callable[[int], None]) -> None:
    await Supervisor(state, listener).run(announce)


def _detach(state: State) -> None:
    """Input from nowhere, words to the log: the terminal may close."""
    log = os.open(state.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(null)
    os.close(log)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
