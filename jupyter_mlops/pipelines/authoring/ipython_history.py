"""What IPython kernels executed: an adapter to the history that they keep of every session."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

LOOKED_AT = 200
PATIENCE_S = 2.0


def history_file() -> Path:
    """Where kernels of the usual profile keep it."""
    home = os.environ.get("IPYTHONDIR") or Path.home() / ".ipython"
    return Path(home) / "profile_default" / "history.sqlite"


def session_that_ran(sources: Sequence[str]) -> dt.datetime | None:
    """When the newest kernel started that executed exactly `sources` and nothing else; None when none did.

    Parameters
    ----------
    sources
        What was executed as 1, 2, …, in order.
    """
    wanted = [(number, source.rstrip("\n")) for number, source in enumerate(sources, 1)]
    with contextlib.suppress(sqlite3.Error), contextlib.closing(_opened()) as history:
        newest = "SELECT session, start FROM sessions ORDER BY session DESC LIMIT ?"
        for session, start in history.execute(newest, (LOOKED_AT,)).fetchall():
            lines = "SELECT line, source_raw FROM history WHERE session = ? ORDER BY line LIMIT ?"
            if history.execute(lines, (session, len(wanted) + 1)).fetchall() == wanted:
                return dt.datetime.fromisoformat(start).astimezone(dt.UTC)
    return None


def _opened() -> sqlite3.Connection:
    return sqlite3.connect(f"{history_file().as_uri()}?mode=ro", uri=True, timeout=PATIENCE_S)
