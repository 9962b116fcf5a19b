"""Environments as the worker saw them, under their digest, until the record that names them is written."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from jupyter_mlops.records import Places, write_atomically

DIGEST = re.compile(r"[0-9a-f]{64}")


def folder(places: Places) -> Path:
    """Where they lie: durable, because a record may name one that was seen long ago."""
    return places.state / "environments"


def keep(where: Path, data: bytes) -> str:
    """Keep `data` in the folder `where`; its digest."""
    digest = hashlib.sha256(data).hexdigest()
    if not (where / digest).exists():
        write_atomically(where / digest, data)
    return digest


def read(places: Places, digest: str) -> bytes | None:
    """What lies under `digest`."""
    path = folder(places) / digest
    return path.read_bytes() if DIGEST.fullmatch(digest) and path.is_file() else None
