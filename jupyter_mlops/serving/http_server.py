"""granian, told to serve on a listening socket that somebody else owns."""

from __future__ import annotations

from granian._granian import SocketHolder
from granian.server.embed import Server
from starlette.applications import Starlette

BACKLOG = 1024


class SocketServer(Server):  # type: ignore[misc]
    """A granian server inside the running event loop.

    Parameters
    ----------
    application
        What answers.
    descriptor
        Of a TCP socket that listens already; it stays open when this server ends, so that
        connections wait in its queue until the next server takes over.
    """

    def __init__(self, application: Starlette, descriptor: int) -> None:
        super().__init__(application, interface="asginl", http="1", websockets=False, log_enabled=False)
        self._descriptor = descriptor

    def _init_shared_socket(self) -> None:
        self._ssp = None
        self._shd = SocketHolder(self._descriptor, False, BACKLOG)
        self._sfd = self._shd.get_fd()
