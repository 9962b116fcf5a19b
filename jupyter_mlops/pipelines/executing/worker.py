"""The child process that executes stages: ``python -m jupyter_mlops.pipelines.executing.worker PARENT_PID``.

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
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.pipelines.executing.prestarted import Kernels, kill_group
from jupyter_mlops.pipelines.executing.pump import Pump
from jupyter_mlops.trust.secrets import Scrubber

if TYPE_CHECKING:
    from jupyter_mlops.pipelines.capturing.capture import Capture
    from jupyter_mlops.pipelines.executing.engine import Watch
    from jupyter_mlops.pipelines.executing.secrecy import Secrecy

PR_SET_PDEATHSIG = 1
INSIDE = "JUPYTER_MLOPS_RUN"

Message = dict[str, Any]


class Worker:
    """Executes tasks one after the other.

    Parameters
    ----------
    channel
        Where messages go.
    """

    def __init__(self, channel: IO[str]) -> None:
        self._channel = channel
        self._tasks: IO[str] = sys.stdin
        self._scrubber = Scrubber()
        self._pump = Pump(2, self._scrubber)
        self._kernels = Kernels(self._pump.inlet)
        self._command: subprocess.Popen[bytes] | None = None
        self._watch: Any = None

    def serve(self, tasks: IO[str]) -> None:
        """Execute each task until the parent closes the line."""
        kinds: dict[str, Callable[[Message], None]] = {
            "notebook": self._notebook,
            "shell": self._shell,
            "start": self._start,
        }
        self._tasks = tasks
        for line in tasks:
            task: Message = json.loads(line)
            try:
                with _logged(task.get("log")):
                    kinds[task["kind"]](task)
            except Exception as error:  # noqa: BLE001  # whatever goes wrong in a stage is the stage's failure
                self._say(kind="failed", error=f"{type(error).__name__}: {error}".splitlines()[0])

    def stop(self, *_: object) -> None:
        """End everything this process started, then the process; a notebook is kept as far as it got."""
        self._kernels.kill()
        if self._watch:
            with contextlib.suppress(Exception):
                self._watch.keep()
        if self._command and self._command.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._command.pid, signal.SIGKILL)
        os._exit(128 + signal.SIGTERM)

    def close(self) -> None:
        """End kernels that were started for nothing."""
        self._kernels.kill()
        self._pump.close()

    def _say(self, **message: Any) -> None:
        self._channel.write(json.dumps(self._scrubber.document(message)) + "\n")
        self._channel.flush()

    def _start(self, kernel: Message) -> None:
        """Get ready for a notebook that will come; a kernel that does not start is its notebook's failure."""
        with contextlib.suppress(Exception):
            self._kernels.start(kernel["kernel"], kernel["folder"], kernel["preload"])
        _papermill()

    def _notebook(self, task: Message) -> None:
        kernel = self._kernels.take(task["kernel"], task["folder"])
        leader = getattr(kernel.provisioner, "process", None)
        execute = _papermill()
        if following := task.get("next"):
            self._kernels.start(following["kernel"], following["folder"], following["preload"])
        from papermill.exceptions import PapermillExecutionError

        from jupyter_mlops.pipelines.executing.engine import Watch
        from jupyter_mlops.pipelines.records.environment import Observatory

        def cell(done: int, total: int) -> None:
            self._say(kind="cell", done=done, total=total)

        secrecy = self._secrecy(task)
        observatory = Observatory(Path(task["environments"]), Path.cwd())
        self._watch = watch = Watch(cell, task["source"], task["target"], secrecy, observatory, report=self._report)
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
            self._say(kind="failed", in_cell=True, is_pruned=watch.is_pruned, error=_in_words(error))
        else:
            if secrecy and (leak := secrecy.leaks(task["outs"])):
                self._say(kind="failed", error=f"it wrote a secret into {leak}, so nothing was recorded")
                return
            self._say(
                kind="done",
                packages=watch.packages,
                environment=watch.environment,
                captured=capture and capture.message(),
            )
        finally:
            self._watch = None
            if leader:
                kill_group(leader.pid)

    def _secrecy(self, task: Message) -> Secrecy | None:
        """What hands secrets to the notebook of `task`, when it asks for any."""
        from jupyter_mlops.pipelines.executing.secrecy import Secrecy

        names = task["secrets"]
        return Secrecy(names, Path.cwd(), self._scrubber) if names else None

    def _report(self, report: Mapping[str, Any]) -> bool:
        """Pass on what a notebook reports, and wait for word whether it is to go on; the kernel does not wait."""
        self._say(kind="report", **report)
        answer = self._tasks.readline()
        return bool(answer) and bool(json.loads(answer)["go_on"])

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


@contextlib.contextmanager
def _logged(path: str | None) -> Iterator[None]:
    """What is printed meanwhile, also by whatever is started, goes to the file `path`."""
    if not path:
        yield
        return
    before = os.dup(2)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.dup2(log, 1)
        os.dup2(log, 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(before, 1)
        os.dup2(before, 2)
        os.close(before)
        os.close(log)


def _capture(task: Message, watch: Watch) -> Capture | None:
    """Who hears what the notebook reads and writes; None when the task does not ask."""
    if not task.get("capture"):
        return None
    from jupyter_mlops.pipelines.capturing.capture import REPORT, Capture

    capture = Capture(Path.cwd(), (task["source"], task["target"]))
    watch.agent, watch.question, watch.answer = capture.agent, REPORT, capture.hear
    return capture


def _papermill() -> Callable[..., Any]:
    """Papermill's API with our engine, without the grammar that costs most of its import."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # None makes the import fail, which jsonschema expects
    from papermill.engines import papermill_engines
    from papermill.execute import execute_notebook

    from jupyter_mlops.pipelines.executing.engine import MlopsEngine

    papermill_engines.register("mlops", MlopsEngine)
    return execute_notebook  # type: ignore[no-any-return]  # papermill has no types


def _read(files: Sequence[str]) -> dict[str, Any]:
    """The parameters in `files`, read as the plain command reads them."""
    from papermill.iorw import read_yaml_file

    return {name: value for path in files for name, value in (read_yaml_file(path) or {}).items()}


def _in_words(error: Exception) -> str:
    if type(error).__name__ == "DeadKernelError":
        return "the kernel died"
    if isinstance(error, MlopsError):
        return error.message
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
