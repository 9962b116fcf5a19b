"""Talk to one kernel: ready as soon as it answers, ended without idle waiting."""

from __future__ import annotations

import asyncio
import contextlib
import time
from queue import Empty
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient

ASK_AGAIN_S = 1.0
ECHO_S = 0.2
SHUTDOWN_S = 5.0
POLL_S = 0.005
STOP = "(lambda loop: loop.add_callback(loop.stop))(__import__('IPython').get_ipython().kernel.io_loop)"


class ReadyClient(AsyncKernelClient):
    """A client that is ready once it hears the kernel on both channels.

    Its base waits after that for 0.2 s of silence. The messages it would throw away belong to
    no cell, and are passed over as such.
    """

    async def wait_for_ready(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  # jupyter_client names it
        """Ask the kernel who it is until the answer, and word of the answer, are heard.

        Parameters
        ----------
        timeout
            How long to wait, in seconds; None for ever.

        Raises
        ------
        RuntimeError
            The kernel died, or did not answer in time.
        """
        deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
        while not await self._answers():
            if not await self.is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if time.monotonic() > deadline:
                raise RuntimeError(f"Kernel didn't respond in {timeout:.0f} seconds")

    async def _answers(self) -> bool:
        self.kernel_info()
        with contextlib.suppress(Empty):
            reply = await self.get_shell_msg(timeout=ASK_AGAIN_S)
            if reply["msg_type"] == "kernel_info_reply":
                self._handle_kernel_info_reply(reply)
                while (await self.get_iopub_msg(timeout=ECHO_S))["parent_header"].get(
                    "msg_type"
                ) != "kernel_info_request":
                    continue
                return True
        return False


def is_ipython(manager: Any) -> bool:
    """Whether the kernel of `manager` is IPython's."""
    return any(word.startswith("ipykernel") for word in manager.kernel_spec.argv)


async def end(manager: Any, client: Any, *, at_once: bool = False) -> None:
    """Ask a kernel to end, so that it flushes its files, and wait in short steps; then kill it.

    Asked on its control channel, IPython's kernel hangs every now and then: the thread of that channel writes to one
    that is closed already. So it is asked by code.

    Parameters
    ----------
    manager, client
        As jupyter_client has them; `client` may be None.
    at_once
        Kill it without asking.
    """
    if manager.has_kernel and not at_once:
        if client is not None and is_ipython(manager):
            client.execute(STOP, silent=True, store_history=False)
        else:
            await manager.request_shutdown()
        deadline = time.monotonic() + SHUTDOWN_S
        while time.monotonic() < deadline and await manager.is_alive():  # noqa: ASYNC110  # no event tells that it ended
            await asyncio.sleep(POLL_S)
    await manager.shutdown_kernel(now=True)
    if client is not None:
        client.stop_channels()
