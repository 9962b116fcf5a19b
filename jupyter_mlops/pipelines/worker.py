"""The child process that executes stages: ``python -m jupyter_mlops.pipelines.worker PARENT_PID``.

It reads one task a line from stdin and writes one message a line to stdout. It lives as
long as its parent: when that dies, or asks it to stop, it takes every kernel and command
it started with it. papermill is imported once for all stages of a run, and the kernel of
the next stage starts while this one runs.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_mlops.pipelines.capture import Capture
    from jupyter_mlops.pipelines.engine import Watch

PR_SET_PDEATHSIG = 1
INSIDE = "JUPYTER_MLOPS_RUN"

Message = dict[str, Any]


class Kernels:
    """The kernels of this process: each is started beforehand and used once."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], Any] = {}
        self._all: list[Any] = []

    def start(self, name: str, folder: str, preload: Sequence[str] = ()) -> None:
        """Start a kernel in `folder` and go on without waiting for it.

        Parameters
        ----------
        preload
            Modules that it imports while it waits; only IPython's kernel knows how.
        """
        from jupyter_client.manager import AsyncKernelManager
        from jupyter_core.utils import run_sync

        manager = AsyncKernelManager(kernel_name=name, **_transport())
        lines = _import_lines(preload) if _is_ipython(manager) else []
        run_sync(manager.start_kernel)(cwd=folder, extra_arguments=lines)
        self._waiting[name, folder] = manager
        self._all.append(manager)

    def take(self, name: str, folder: str) -> Any:
        """The kernel that waits, or a new one."""
        if (name, folder) not in self._waiting:
            self.start(name, folder)
        return self._waiting.pop((name, folder))

    def kill(self) -> None:
        """End every kernel with its whole process group, at once."""
        for manager in self._all:
            process = getattr(manager.provisioner, "process", None)
            if process is not None and process.poll() is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
            manager.cleanup_connection_file()
            manager.cleanup_ipc_files()
            _forget(manager)


def _is_ipython(manager: Any) -> bool:
    return any(word.startswith("ipykernel") for word in manager.kernel_spec.argv)


def _import_lines(modules: Sequence[str]) -> list[str]:
    """Arguments with which IPython's kernel imports `modules` and binds no name to them."""
    return [f"--IPKernelApp.exec_lines=__import__({module!r}) and None" for module in modules]


def _transport() -> dict[str, str]:
    """Unix sockets in a private folder: no port to collide on, nothing in plain text on the network."""
    if sys.platform == "win32":
        return {}
    return {"transport": "ipc", "ip": str(Path(tempfile.mkdtemp(prefix="mlops-")) / "k")}


def _forget(manager: Any) -> None:
    """Remove the private folder of the sockets."""
    if manager.transport == "ipc":
        shutil.rmtree(Path(manager.ip).parent, ignore_errors=True)


class Worker:
    """Executes tasks one after the other.

    Parameters
    ----------
    channel
        Where messages go.
    """

    def __init__(self, channel: IO[str]) -> None:
        self._channel = channel
        self._kernels = Kernels()
        self._command: subprocess.Popen[bytes] | None = None

    def serve(self, tasks: IO[str]) -> None:
        """Execute each task until the parent closes the line."""
        kinds: dict[str, Callable[[Message], None]] = {
            "notebook": self._notebook,
            "shell": self._shell,
        }
        for line in tasks:
            task: Message = json.loads(line)
            try:
                kinds[task["kind"]](task)
            except Exception as error:  # noqa: BLE001  # whatever goes wrong in a stage is the stage's failure
                self._say(kind="failed", error=f"{type(error).__name__}: {error}".splitlines()[0])

    def stop(self, *_: object) -> None:
        """End everything this process started, then the process."""
        self._kernels.kill()
        if self._command and self._command.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._command.pid, signal.SIGKILL)
        os._exit(128 + signal.SIGTERM)

    def close(self) -> None:
        """End kernels that were started for nothing."""
        self._kernels.kill()

    def _say(self, **message: Any) -> None:
        self._channel.write(json.dumps(message) + "\n")
        self._channel.flush()

    def _notebook(self, task: Message) -> None:
        kernel = self._kernels.take(task["kernel"], task["folder"])
        execute = _papermill()
        if following := task.get("next"):
            self._kernels.start(following["kernel"], following["folder"], following["preload"])
        from papermill.exceptions import PapermillExecutionError

        from jupyter_mlops.pipelines.engine import Watch

        def cell(done: int, total: int) -> None:
            self._say(kind="cell", done=done, total=total)

        watch = Watch(cell, task["source"], task["target"])
        capture = _capture(task, watch)
        try:
            with capture or contextlib.nullcontext():
                execute(
                    task["snapshot"],
                    task["output"],
                    parameters={**_read(task.get("files", ())), **task["parameters"]},
                    engine_name="mlops",
                    kernel_name=task["kernel"],
                    language=task["language"],
                    cwd=task["folder"],
                    progress_bar=False,
                    km=kernel,
                    watch=watch,
                )
        except PapermillExecutionError as error:
            said = f"{error.ename}: {error.evalue}".strip().splitlines()
            self._say(kind="failed", in_cell=True, error=said[0] if said else error.ename)
        except Exception as error:  # noqa: BLE001  # a dead kernel, a disk: the stage failed at this cell
            self._say(kind="failed", in_cell=True, error=_in_words(error))
        else:
            self._say(kind="done", packages=watch.packages, captured=capture and capture.message())

    def _shell(self, task: Message) -> None:
        for line in task["commands"]:
            self._command = subprocess.Popen(  # noqa: S602  # a command of dvc.yaml is a line for the shell
                line,
                shell=True,  # a command of dvc.yaml is a line for the shell
                cwd=task["folder"],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            if code := self._command.wait():
                self._say(kind="failed", error=f"`{line}` ended with exit code {code}")
                return
        self._say(kind="done", packages={})


def _capture(task: Message, watch: Watch) -> Capture | None:
    """Who hears what the notebook reads and writes; None when the task does not ask."""
    if not task.get("capture"):
        return None
    from jupyter_mlops.pipelines.capture import REPORT, Capture

    capture = Capture(Path.cwd(), (task["source"], task["target"]))
    watch.agent, watch.question, watch.answer = capture.agent, REPORT, capture.hear
    return capture


def _papermill() -> Callable[..., Any]:
    """Papermill's API with our engine, without the grammar that costs most of its import."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # None makes the import fail, which jsonschema expects
    from papermill.engines import papermill_engines
    from papermill.execute import execute_notebook

    from jupyter_mlops.pipelines.engine import MlopsEngine

    papermill_engines.register("mlops", MlopsEngine)
    return execute_notebook  # type: ignore[no-any-return]  # papermill has no types


def _read(files: Sequence[str]) -> dict[str, Any]:
    """The parameters in `files`, read as the plain command reads them."""
    from papermill.iorw import read_yaml_file

    return {name: value for path in files for name, value in (read_yaml_file(path) or {}).items()}


def _in_words(error: Exception) -> str:
    if type(error).__name__ == "DeadKernelError":
        return "the kernel died"
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _die_with(parent: int) -> None:
    """Get SIGTERM when the parent dies; end now when it is dead already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)


def main() -> None:
    """Serve the parent named on the command line."""
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker(channel)
    signal.signal(signal.SIGTERM, worker.stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with(int(sys.argv[1]))
    try:
        worker.serve(sys.stdin)
    finally:
        worker.close()


if __name__ == "__main__":
    main()
