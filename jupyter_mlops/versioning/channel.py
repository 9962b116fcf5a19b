"""The line from the process that moves objects to whoever asked."""

from __future__ import annotations

import json
import os
import threading
import time
from typing import Any

import attrs

from jupyter_mlops.records import Step

REPORT_S = 0.1


class Channel:
    """The line to whoever asked; steps that follow each other too fast are left out."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)  # what DVC prints is no answer
        self._turn = threading.Lock()
        self._said: tuple[str, float] = ("", 0.0)

    def __call__(self, step: Step) -> None:
        """Tell how far it is."""
        with self._turn:
            what, moment = self._said
            ended = step.total is not None and step.done >= step.total
            if step.what == what and not ended and time.monotonic() - moment < REPORT_S:
                return
            self._said = (step.what, time.monotonic())
            self._write("step", attrs.asdict(step))

    def end(self, name: str, value: dict[str, Any]) -> None:
        """Tell the outcome."""
        with self._turn:
            self._write(name, value)

    def _write(self, name: str, value: dict[str, Any]) -> None:
        self._out.write(json.dumps({name: value}) + "\n")
        self._out.flush()
