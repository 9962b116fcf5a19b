"""The process that answers requests. It takes orders as JSON lines on stdin and ends with its supervisor."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.registry.formats import ready
from jupyter_mlops.registry.runtimes import load, unloadable
from jupyter_mlops.serving.application import Holder, Served, application
from jupyter_mlops.serving.http_server import SocketServer
from jupyter_mlops.serving.spec import Target


class Order(msgspec.Struct):
    """Serve this from now on."""

    target: Target


def main() -> None:
    """``python -m jupyter_mlops.serving.worker DESCRIPTOR NAME``."""
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    asyncio.run(_serve(int(sys.argv[1]), Holder(sys.argv[2]), replies.write))


async def _serve(descriptor: int, holder: Holder, reply: Callable[[bytes], object]) -> None:
    server = SocketServer(application(holder), descriptor)
    serving = asyncio.create_task(server.serve())
    await _obey(holder, reply)
    server.end()
    await serving


async def _obey(holder: Holder, reply: Callable[[bytes], object]) -> None:
    """Carry out orders one by one until stdin is closed: by the supervisor, or by its death."""
    orders = asyncio.StreamReader(limit=2**20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        order = msgspec.json.decode(line, type=Order)
        try:
            holder.current = await asyncio.to_thread(_loaded, order.target)
            answer: object = {"loaded": order.target.version}
        except MlopsError as error:
            answer = error.as_json()
        reply(msgspec.json.encode(answer) + b"\n")


def _loaded(target: Target) -> Served:
    folder = Path(target.ready)
    signature = ready(folder, target.trust)
    if signature is None:
        raise unloadable(folder, "It was not made ready, or has changed since.")
    return Served(target.version, signature, load(folder, signature, target.trusted), target.hosts)


if __name__ == "__main__":
    main()
