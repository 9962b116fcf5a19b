"""What a coordinator and the machine that runs a stage for it say to each other."""

from __future__ import annotations

from typing import Any

import attrs
import msgspec

from jupyter_mlops.pipelines.stages.lock import Pin
from jupyter_mlops.records import StageRecord


@attrs.frozen
class Order:
    """A stage to be run elsewhere.

    Attributes
    ----------
    run, stage
        Which run, and the name of the stage.
    repository, commit, folder
        What to clone and check out, and where the project is in it.
    remote
        The DVC remote through which data goes.
    deps
        What the stage reads, as the coordinator knows it.
    parts
        What of it DVC keeps: to be fetched first.
    fingerprint
        Of the command, inputs and parameters with which the stage was judged.
    reason
        Why it runs.
    is_forced
        It runs even when the remote knows what it would make.
    preload
        As in ``[kernels]`` of ``mlops.toml``.
    """

    run: str
    stage: str
    repository: str
    commit: str
    folder: str
    remote: str
    deps: dict[str, Pin]
    parts: dict[str, Pin]
    fingerprint: str
    reason: str
    is_forced: bool = False
    preload: tuple[str, ...] = ()

    def encoded(self) -> bytes:
        """As it travels."""
        return msgspec.json.encode(self)


@attrs.frozen
class Done:
    """What came of an order.

    Attributes
    ----------
    record
        What became of the stage.
    outs
        What it made; empty when it failed.
    packages
        What was installed where it ran.
    log
        The end of what it printed.
    notebook
        The executed notebook of a stage that failed, with the error in it.
    environment
        What was installed where it ran, in full, as its record names it by digest.
    """

    record: StageRecord
    outs: dict[str, Pin] = attrs.field(factory=dict)
    packages: dict[str, str] = attrs.field(factory=dict)
    log: str = ""
    notebook: bytes = b""
    environment: bytes = b""

    def encoded(self) -> bytes:
        """As it travels."""
        return msgspec.json.encode(self)


def decoded(data: bytes, kind: Any) -> Any:
    """An `Order` or a `Done` that arrived.

    Raises
    ------
    msgspec.DecodeError
        It is none: the other side has another version of us.
    """
    return msgspec.json.decode(data, type=kind)
