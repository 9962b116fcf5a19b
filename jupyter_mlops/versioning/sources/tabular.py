"""Tables written as files: the ending of the name says how."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mlops.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

FORMATS = (".parquet", ".csv", ".jsonl", ".ndjson", ".arrow", ".feather")
DEFAULT = ".parquet"


def require_format(name: str) -> None:
    """Check that the ending of `name` is one that a table can be written as.

    Raises
    ------
    UsageError
        ``unknown-format``.
    """
    if Path(name).suffix.lower() not in FORMATS:
        raise UsageError(
            "unknown-format",
            f"{name} does not say how to write the table.",
            hint=f"End it with one of: {', '.join(FORMATS)}.",
        )


def write(table: pl.LazyFrame, target: Path, suffix: str) -> None:
    """Write `table` to `target` as `suffix` says, piece by piece: it need not fit into memory."""
    if suffix == ".csv":
        table.sink_csv(target)
    elif suffix in {".jsonl", ".ndjson"}:
        table.sink_ndjson(target)
    elif suffix in {".arrow", ".feather"}:
        table.sink_ipc(target)
    else:
        table.sink_parquet(target)
