"""Kernels end by themselves, having run what a notebook left for the end, and none is waited for in vain."""

from __future__ import annotations

from pathlib import Path

from jupyter_client.manager import AsyncKernelManager

from jupyter_mlops.pipelines.executing.clients import ReadyClient, end

TIMES = 12


async def started(folder: Path):
    manager = AsyncKernelManager(kernel_name="python3")
    manager.client_factory = ReadyClient
    await manager.start_kernel(cwd=str(folder))
    client = manager.client()
    client.start_channels()
    await client.wait_for_ready(60)
    return manager, client


async def test_a_kernel_ends_by_itself_every_time(tmp_path):
    """Asked on its control channel it hangs about once in ten times: until it is killed, which the code -9 tells."""
    codes = []
    for _ in range(TIMES):
        manager, client = await started(tmp_path)
        process = manager.provisioner.process
        await end(manager, client)
        codes.append(process.returncode)
    assert codes == [0] * TIMES


async def test_what_a_notebook_left_for_the_end_is_done(tmp_path):
    manager, client = await started(tmp_path)
    client.execute("import atexit; atexit.register(lambda: open('bye.txt', 'w').write('bye')) and None")
    await end(manager, client)
    assert (tmp_path / "bye.txt").read_text() == "bye"


async def test_a_kernel_that_nobody_talks_to_ends_too(tmp_path):
    manager, client = await started(tmp_path)
    client.stop_channels()
    process = manager.provisioner.process
    await end(manager, None)
    assert process.returncode is not None
