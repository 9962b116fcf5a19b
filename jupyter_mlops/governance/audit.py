"""The audit log: one hash-chained line for each change, in durable local state."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import attrs

from jupyter_mlops.records import Actor, canonical_json, now

GENESIS = "0" * 64


@attrs.frozen
class AuditEntry:
    """One line of the log; `chain` is sha256 over the previous chain and this line."""

    time: str
    actor: str
    face: str
    verb: str
    outcome: str
    details: dict[str, object]
    chain: str


class AuditLog:
    """Append to and verify the log of one project.

    Parameters
    ----------
    folder
        The durable local state of the project.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "audit.jsonl"

    def append(self, actor: Actor, face: str, verb: str, outcome: str, details: dict[str, object]) -> None:
        """Write one line durably; writers take turns, and a torn last line is cut off first."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            previous = self._last_chain(handle.fileno())
            line: dict[str, object] = {
                "time": now().isoformat(timespec="milliseconds"),
                "actor": str(actor),
                "face": face,
                "verb": verb,
                "outcome": outcome,
                "details": details,
            }
            chain = _link(previous, line)
            handle.write(canonical_json({**line, "chain": chain}) + b"\n")
            handle.flush()
            os.fsync(handle.fileno())

    def entries(self) -> Iterator[AuditEntry]:
        """Every whole line, oldest first; one that somebody spoilt has the outcome ``unreadable``."""
        if self.path.exists():
            with self.path.open("rb") as handle:
                for line in handle:
                    if line.endswith(b"\n"):
                        yield _read(line)

    def first_broken(self) -> int | None:
        """The number (from 1) of the first line whose chain does not hold, or None."""
        previous = GENESIS
        for number, entry in enumerate(self.entries(), 1):
            line = attrs.asdict(entry)
            chain = line.pop("chain")
            if chain != _link(previous, line):
                return number
            previous = chain
        return None

    @staticmethod
    def _last_chain(descriptor: int) -> str:
        """The chain of the last whole line; whatever a crash left behind it is cut off."""
        size = os.fstat(descriptor).st_size
        window, tail = 4096, b""
        while len(tail) < size and tail.count(b"\n") < 2:
            tail = os.pread(descriptor, window, max(0, size - window))
            window *= 4
        whole = tail.rfind(b"\n") + 1
        if whole < len(tail):
            os.ftruncate(descriptor, size - (len(tail) - whole))
        lines = tail[:whole].splitlines()
        return _read(lines[-1]).chain if lines else GENESIS


def _read(line: bytes) -> AuditEntry:
    try:
        return AuditEntry(**json.loads(line))
    except (TypeError, ValueError, RecursionError):
        return AuditEntry("", "", "", "", "unreadable", {}, "")


def _link(previous: str, line: dict[str, object]) -> str:
    return hashlib.sha256(previous.encode() + canonical_json(line)).hexdigest()
