"""Each test may ask for a real server."""

from __future__ import annotations

from live_server import mortal, server, standing

__all__ = ["mortal", "server", "standing"]
