"""A verb whose behaviour a test can choose; real servers and jobs find it through PYTHONPATH."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import attrs

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.verbs.declaration import Call, Group, verb


@attrs.frozen
class Napped:
    """How the nap was."""

    actor: str
    here: str
    gate: str | None = None


@verb(Group.WATCH, Action.RUN, anywhere=True)
def nap(call: Call, *, seconds: float = 0, how: str = "", red: str = "", child: str = "") -> Napped:
    """Sleep a while."""
    call.report("nap", 1, 2, "sheep")
    if child:
        started = subprocess.Popen(["sleep", "600"])
        (call.folder / child).write_text(str(started.pid))
    if how == "deaf":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if how == "dies":
        sys.stderr.write("last words\n")
        sys.stderr.flush()
        os._exit(9)
    if how == "fails":
        raise EnvironmentFault("no-sleep", "Too noisy.")
    if how == "surprises":
        raise ZeroDivisionError
    time.sleep(seconds)
    return Napped(str(call.actor), str(Path.cwd()), red or None)
