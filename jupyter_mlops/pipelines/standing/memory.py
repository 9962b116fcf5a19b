"""How each stage last ended here: local, so that a failure shows until something changes."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path

import attrs

from jupyter_mlops.pipelines.stages.specs import StageSpec
from jupyter_mlops.pipelines.standing.staleness import Situation
from jupyter_mlops.records import Places, canonical_json, write_atomically


@attrs.frozen
class Ending:
    """How a stage last ended.

    Attributes
    ----------
    run, seconds
        Which run, and how long the stage took.
    error
        Empty when it succeeded.
    fingerprint
        What it ran with; when that changes, a failure is forgotten.
    """

    run: str
    seconds: float
    fingerprint: str
    error: str = ""


class Memory:
    """The last ending of each stage.

    Parameters
    ----------
    places
        Where durable local state lives.
    """

    def __init__(self, places: Places) -> None:
        self._lock = threading.Lock()
        self._path: Path = places.state / f"stages-{places.mark}.json"

    def endings(self) -> Mapping[str, Ending]:
        """By stage; empty when nothing ran in this work tree."""
        try:
            document = json.loads(self._path.read_bytes())
            return {name: Ending(**fields) for name, fields in document.items()}
        except (FileNotFoundError, ValueError, TypeError):
            return {}

    def remember(self, name: str, ending: Ending) -> None:
        """Replace what is known of a stage; runs take turns, so no other process writes now."""
        with self._lock:
            known = {**self.endings(), name: ending}
            document = {stage: attrs.asdict(one) for stage, one in known.items()}
            write_atomically(self._path, json.dumps(document).encode())


def fingerprint(stage: StageSpec, now: Situation) -> str:
    """A digest of the command, inputs and parameters of `stage`."""
    deps = {path: pin.md5 if pin else None for path, pin in now.deps.items()}
    return hashlib.sha256(canonical_json([stage.command, deps, now.params])).hexdigest()
