"""granian, told to serve on a listening socket that somebody else owns."""

from __future__ import annotations

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server
from starlette.types import ASGIApp

BACKLOG = 1024


class SocketServer(Server):
    """A granian server inside the running event loop.

    Parameters
    ----------
    application
        What answers.
    descriptor
        Of a TCP socket that listens already; it stays open when this server ends, so that
        connections wait in its queue until the next server takes over.
    """

    def __init__(self, application: ASGIApp, descriptor: int) -> None:
        super().__init__(
            application, interface=Interfaces.ASGINL, http=HTTPModes.http1, websockets=False, log_enabled=False
        )
        self._descriptor = descriptor

    def _init_shared_socket(self) -> None:
        # granian describes its compiled socket holder incompletely, and offers no public way to bring a socket.
        holder = SocketHolder(self._descriptor, False, BACKLOG)  # type: ignore[call-arg]
        self._ssp = None
        self._shd = holder  # type: ignore[assignment]
        self._sfd = holder.get_fd()

    def end(self) -> None:
        """Finish what was begun, then stop."""
        self.signal_handler_interrupt()  # type: ignore[no-untyped-call]
