"""Real kernels: a cell in, its messages out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

WAIT_S = 60


@attrs.frozen
class Kernel:
    """A running kernel in which ``%mlops`` is loaded."""

    client: BlockingKernelClient

    def run(self, code: str, *, live: bool = False) -> list[tuple[str, dict]]:
        """The kind and content of each output of `code`; `live` as a front end would send it."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        message = self.client.session.msg("execute_request", content, metadata={"cellId": "one"} if live else {})
        self.client.shell_channel.send(message)
        outputs = []
        while True:
            reply = self.client.get_iopub_msg(timeout=WAIT_S)
            if reply["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            if reply["msg_type"] == "status" and reply["content"]["execution_state"] == "idle":
                break
            if reply["msg_type"] not in ("status", "execute_input"):
                outputs.append((reply["msg_type"], reply["content"]))
        self.client.get_shell_msg(timeout=WAIT_S)
        return outputs

    def complete(self, code: str) -> list[str]:
        """What may stand at the end of `code`."""
        self.client.complete(code, len(code))
        return self.client.get_shell_msg(timeout=WAIT_S)["content"]["matches"]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("kernel")
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(folder), env={**os.environ, "HOME": str(folder)})
    started = Kernel(client)
    try:
        started.run("%load_ext jupyter_mlops")
        yield started
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture
def inside(kernel: Kernel, project) -> Path:
    """The kernel stands in the folder of a fresh project."""
    kernel.run(f"import os; os.chdir({str(project.root)!r})")
    return project.root
