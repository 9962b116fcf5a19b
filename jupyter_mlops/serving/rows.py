"""Rows to predict, from a table file or JSON, cut down to the columns that the model takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_mlops.errors import UsageError, nearest

if TYPE_CHECKING:
    import polars as pl

MOST_ROWS = 10_000


def read_json(text: str, names: Sequence[str]) -> Mapping[str, list[Any]]:
    """Columns from ``[{"age": 42}, ...]``, or one row without the brackets.

    Raises
    ------
    UsageError
        ``bad-rows``, ``missing-columns``.
    """
    hint = """--rows '[{"age": 42}]'"""
    try:
        found = msgspec.json.decode(text, type=list[dict[str, Any]] | dict[str, Any])
    except msgspec.DecodeError as error:
        raise UsageError("bad-rows", "--rows holds no rows.", context=str(error), hint=hint) from error
    rows = [found] if isinstance(found, dict) else found
    if not 1 <= len(rows) <= MOST_ROWS:
        raise UsageError("bad-rows", f"--rows holds {len(rows)} rows.", hint=f"From 1 to {MOST_ROWS}.")
    for row in rows:
        require_columns(row, names)
    return {name: [row[name] for row in rows] for name in names}


def read_table(path: Path, names: Sequence[str], limit: int) -> Mapping[str, list[Any]]:
    """The first `limit` rows of a csv, parquet or json-lines file.

    Raises
    ------
    UsageError
        ``no-rows``, ``unreadable-table``, ``missing-columns``.
    """
    import polars as pl

    if not path.is_file():
        raise UsageError("no-rows", f"There is no file {path.name}.", hint="A csv, parquet or json-lines file.")
    try:
        lazy = _scan(path)
        require_columns(lazy.collect_schema().names(), names)
        table = lazy.select(names).head(limit).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        hint = "predict takes csv, parquet and json-lines."
        raise UsageError(
            "unreadable-table", f"{path.name} is no table.", context=str(error)[:300], hint=hint
        ) from error
    if table.height == 0:
        raise UsageError("no-rows", f"{path.name} has no rows.")
    return table.to_dict(as_series=False)


def require_columns(given: Sequence[str] | Mapping[str, Any], names: Sequence[str]) -> None:
    """Raise ``missing-columns``, naming them, unless all `names` are given."""
    missing = [name for name in names if name not in given]
    if not missing:
        return
    near = nearest(missing[0], given)
    raise UsageError(
        "missing-columns",
        f"The rows lack columns that the model takes: {', '.join(missing)}.",
        context=f"The model takes {', '.join(names)}.",
        hint=f"Is {near} what the model calls {missing[0]}?" if near else "",
    )


def _scan(path: Path) -> pl.LazyFrame:
    """The table at `path` by its content: an object of the cache has no suffix."""
    import polars as pl

    with path.open("rb") as handle:
        head = handle.read(64).lstrip()
    if head.startswith(b"PAR1"):
        return pl.scan_parquet(path)
    return pl.scan_ndjson(path) if head.startswith(b"{") else pl.scan_csv(path)
