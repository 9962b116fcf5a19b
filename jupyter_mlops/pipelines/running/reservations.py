"""What a stage reads and writes while it runs, said in DVC's own ``rwlock``: plain ``dvc`` keeps off, and so do we."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.pipelines.records import live
from jupyter_mlops.pipelines.stages.specs import StageSpec
from jupyter_mlops.pipelines.standing.pipeline import Pipeline
from jupyter_mlops.records import write_atomically
from jupyter_mlops.versioning.names import overlaps

ASK_AGAIN_S = 0.1
Claims = dict[str, dict[str, Any]]


@attrs.frozen
class Claim:
    """Who reads and writes what; paths are absolute."""

    owner: Mapping[str, Any]
    reads: tuple[str, ...]
    writes: tuple[str, ...]


@contextlib.contextmanager
def claimed(pipeline: Pipeline, stage: StageSpec, label: str) -> Iterator[None]:
    """Hold the inputs and outputs of `stage`; waits for whoever holds them otherwise.

    Parameters
    ----------
    label
        Under which plain ``dvc`` shows who is at work.
    """
    root = pipeline.places.root
    folder = root / ".dvc" / "tmp"
    if not (root / ".dvc").is_dir():
        yield
        return
    inside = [dep for dep in stage.deps if "://" not in dep]
    claim = Claim(
        {"pid": os.getpid(), "cmd": f"mlops {label} {stage.name}"},
        tuple(str(root / path) for path in inside),
        tuple(str(root / out.path) for out in stage.outs),
    )
    try:
        _wait_for(pipeline, folder, claim)
    except PermissionError:  # what cannot be written, plain dvc cannot write either
        yield
        return
    try:
        yield
    finally:
        with pipeline.data.claims_lock(folder):
            _store(folder, without(_load(folder), claim))


def _wait_for(pipeline: Pipeline, folder: Path, claim: Claim) -> None:
    while True:
        with pipeline.data.claims_lock(folder):
            claims = _load(folder)
            if not any(_is_alive(owner) for owner in blockers(claims, claim)):
                _store(folder, with_(claims, claim))
                return
        time.sleep(ASK_AGAIN_S)


def blockers(claims: Claims, claim: Claim) -> Iterator[Mapping[str, Any]]:
    """The owners that `claim` has to wait for: writers of anything in it, readers of what it writes."""
    wanted = (*claim.reads, *claim.writes)
    for path, owner in claims.get("write", {}).items():
        if any(overlaps(path, mine) for mine in wanted):
            yield owner
    for path, owners in claims.get("read", {}).items():
        if any(overlaps(path, mine) for mine in claim.writes):
            yield from owners


def with_(claims: Claims, claim: Claim) -> Claims:
    """`claims`, and `claim`."""
    read = {path: list(owners) for path, owners in claims.get("read", {}).items()}
    for path in claim.reads:
        read.setdefault(path, []).append(dict(claim.owner))
    return {"read": read, "write": {**claims.get("write", {}), **{path: dict(claim.owner) for path in claim.writes}}}


def without(claims: Claims, claim: Claim) -> Claims:
    """`claims`, but `claim`."""
    left = {
        path: [owner for owner in owners if owner != claim.owner] for path, owners in claims.get("read", {}).items()
    }
    write = {path: owner for path, owner in claims.get("write", {}).items() if owner != claim.owner}
    return {"read": {path: owners for path, owners in left.items() if owners}, "write": write}


def _is_alive(owner: Mapping[str, Any]) -> bool:
    """Whether the process of `owner` still runs."""
    pid = owner.get("pid")
    return isinstance(pid, int) and bool(live.born(pid))


def _load(folder: Path) -> Claims:
    try:
        found = json.loads((folder / "rwlock").read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError:
        return {}  # cut off by a kill: whoever wrote it is gone
    if not isinstance(found, dict):
        raise EnvironmentFault("dvc-busy", "DVC's rwlock cannot be read.", context=str(folder / "rwlock"))
    return found


def _store(folder: Path, claims: Claims) -> None:
    write_atomically(folder / "rwlock", json.dumps(claims).encode())
