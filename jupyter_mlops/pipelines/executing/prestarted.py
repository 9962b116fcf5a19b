"""Kernels that are started before their notebook comes; each is used once."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

NO_HISTORY = "--HistoryManager.hist_file=:memory:"
"""What a stage executes is no line that its user typed."""


class Kernels:
    """The kernels of this process: each is started beforehand and used once.

    Parameters
    ----------
    outlet
        The descriptor that takes what they print beside their notebooks.
    """

    def __init__(self, outlet: int) -> None:
        self._outlet = outlet
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

        from jupyter_mlops.pipelines.executing.clients import is_ipython

        manager = AsyncKernelManager(kernel_name=name, **_transport())
        lines = [NO_HISTORY, *_import_lines(preload)] if is_ipython(manager) else []
        outlets = {"stdout": self._outlet, "stderr": self._outlet}
        run_sync(manager.start_kernel)(cwd=folder, extra_arguments=lines, **outlets)
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
            if process := getattr(manager.provisioner, "process", None):
                kill_group(process.pid)
            manager.cleanup_connection_file()
            manager.cleanup_ipc_files()
            _forget(manager)


def kill_group(leader: int) -> None:
    """End whatever is left of a kernel's processes, servers that it started included."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


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
