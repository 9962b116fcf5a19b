"""Rows taken out of a file: the rest stays as it was, byte for byte where the format is text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath

from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.profiles.columnar import cut_arrow, cut_parquet
from jupyter_mlops.profiles.subjects import Subject
from jupyter_mlops.profiles.tables import FORMATS, translated
from jupyter_mlops.profiles.textrows import SEPARATORS, cut_delimited, cut_lines
from jupyter_mlops.profiles.unsearched import doubts

__all__ = ["Subject", "doubts", "without_rows"]


def without_rows(source: Path, name: str, target: Path, subject: Subject) -> int | None:
    """Write `source` without the rows of `subject` to `target`.

    Parameters
    ----------
    name
        In the dataset: it tells the format.

    Returns
    -------
    int | None
        How many rows were left out; None when it is no table, or has no such column. Unless the number is
        positive, `target` is not written.

    Raises
    ------
    EnvironmentFault
        ``unreadable-table``.
    UsageError
        ``ambiguous-column``.
    """
    kind = FORMATS.get(PurePosixPath(name).suffix.lower())
    if kind is None:
        return None
    with _named(name), translated():
        left_out = WRITERS[kind](source, target, subject)
    if not left_out:
        target.unlink(missing_ok=True)
    return left_out


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Errors about the file say which it is."""
    try:
        yield
    except (EnvironmentFault, UsageError) as fault:
        fault.context = f"{name}: {fault.context}" if fault.context else name
        raise


WRITERS: dict[str, Callable[[Path, Path, Subject], int | None]] = {
    **{kind: partial(cut_delimited, separator) for kind, separator in SEPARATORS.items()},
    "ndjson": cut_lines,
    "parquet": cut_parquet,
    "ipc": cut_arrow,
}
