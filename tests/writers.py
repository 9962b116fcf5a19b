"""What processes of their own write in tests; they import it by name."""

from __future__ import annotations

from pathlib import Path

from jupyter_mlops.governance.audit import AuditLog
from jupyter_mlops.records import Actor


def fill(folder: Path, count: int) -> None:
    for number in range(count):
        AuditLog(folder).append(Actor("Sara", "sara@example.org"), "cli", "commit", "ok", {"number": number})
