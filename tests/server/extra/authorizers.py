"""An authorizer that denies everything, and notes what it was asked."""

from __future__ import annotations

import os
from pathlib import Path

from jupyter_server.auth import Authorizer


class DenyEverything(Authorizer):
    """Nobody may do anything."""

    def is_authorized(self, handler, user, action: str, resource: str) -> bool:  # noqa: ARG002 (Jupyter's signature)
        if resource == "mlops":
            with Path(os.environ["ASKED"]).open("a") as asked:
                asked.write(f"{handler.request.method} {handler.request.path} {action}\n")
        return False
