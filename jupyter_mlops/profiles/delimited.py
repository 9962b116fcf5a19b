"""The types of the columns of a text file: the whole column decides, but only what looks like dates is tried as such.

polars tries every text of every row as a date when it is asked for dates and for the whole column, which takes
twenty times longer than all the rest.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

GUESS_ROWS = 10_000
KEPT = 64


def scan_delimited(path: Path, separator: str) -> pl.LazyFrame:
    """The rows of a CSV or TSV file, not read yet.

    A column whose first 10,000 rows are all empty is never a date.
    """
    import polars as pl

    status = path.stat()
    types = _types(path, separator, status.st_mtime_ns, status.st_size)
    return pl.scan_csv(path, separator=separator, schema=types, glob=False)


@lru_cache(KEPT)
def _types(path: Path, separator: str, _modified_ns: int, _bytes: int) -> pl.Schema:
    """The type of each column; kept as long as the file does not change."""
    import polars as pl

    # The whole column decides on its type: a guess from the first rows breaks on a late "n/a".
    whole = pl.scan_csv(path, separator=separator, infer_schema_length=None, glob=False).collect_schema()
    first = pl.scan_csv(path, separator=separator, infer_schema_length=GUESS_ROWS, try_parse_dates=True, glob=False)
    guessed = first.collect_schema()
    dates = {name: guessed[name] for name, kind in whole.items() if kind == pl.String and guessed[name].is_temporal()}
    sure = {name: kind for name, kind in dates.items() if _is_all(path, separator, name, kind)}
    return pl.Schema({**whole, **sure})


def _is_all(path: Path, separator: str, name: str, kind: pl.DataType) -> bool:
    """Whether every cell of the column that is not empty is of this kind."""
    import polars as pl

    types = {name: kind}
    table = pl.scan_csv(path, separator=separator, infer_schema_length=0, schema_overrides=types, glob=False)
    try:
        # A cell that is of another kind is an error here, never null.
        table.select(pl.col(name).null_count()).collect(engine="streaming")
    except pl.exceptions.PolarsError:
        return False
    return True
