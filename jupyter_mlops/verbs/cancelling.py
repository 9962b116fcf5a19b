"""Pipelines: a run under way, stopped by whoever may run."""

from __future__ import annotations

import os
import signal
import socket
import time
from typing import TYPE_CHECKING

import attrs

from jupyter_mlops.errors import EnvironmentFault, UnknownReference, UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.verbs.declaration import Call, Group, verb

if TYPE_CHECKING:
    from jupyter_mlops.pipelines.records.live import LiveRun

PATIENCE_S = 15.0
POLL_S = 0.05


@attrs.frozen
class CancelledRun:
    """The run that was asked to stop, and whether it did within a few seconds."""

    run: str
    ended: bool


@verb(Group.PIPELINES, Action.RUN)
def cancel(call: Call, run: str = "", *, dry_run: bool = False) -> CancelledRun:
    """Stop a run that is under way on this machine; finished stages are kept, the rest gets its old outputs back.

    Parameters
    ----------
    run
        Its id, or the start of it; may be left out when there is only one.
    dry_run
        Say which run it would be; stop nothing.
    """
    from jupyter_mlops.pipelines.records import live

    chosen = _chosen(call.project.runs.running(), run)
    if dry_run:
        return CancelledRun(chosen.run, ended=False)
    if not chosen.stoppable:
        message = f"{chosen.run} runs in a thread of another program, which a signal would end."
        raise UsageError("not-stoppable", message, hint=f"Stop it where it was started: {chosen.author}.")
    try:
        os.kill(chosen.pid, signal.SIGTERM)
    except PermissionError as error:
        message = f"{chosen.run} was started by another user of this machine."
        raise EnvironmentFault("no-permission", message, hint=f"Ask {chosen.author}.") from error
    except ProcessLookupError:
        return CancelledRun(chosen.run, ended=True)
    deadline = time.monotonic() + PATIENCE_S
    while any(one.run == chosen.run for one in live.alive(call.project.places)):
        if time.monotonic() > deadline:
            return CancelledRun(chosen.run, ended=False)
        time.sleep(POLL_S)
    return CancelledRun(chosen.run, ended=True)


def _chosen(running: tuple[LiveRun, ...], name: str) -> LiveRun:
    found = [run for run in running if run.run.startswith(name) and run.host == socket.gethostname()]
    if len(found) == 1:
        return found[0]
    if not found:
        elsewhere = next((run.host for run in running if run.run.startswith(name)), "")
        hint = f"It runs on {elsewhere}: stop it there." if elsewhere else "runs lists those under way."
        raise UnknownReference("unknown-run", f"No run {name} is under way here.".replace("  ", " "), hint=hint)
    raise UsageError("several-runs", f"{len(found)} runs are under way.", hint=f"cancel {found[0].run}")
