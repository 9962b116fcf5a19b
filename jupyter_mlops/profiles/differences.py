"""The exact difference of two tables: columns, rows and cells.

Equality of cells, here and everywhere in this package: null equals null, NaN equals NaN, 0.0 equals -0.0,
and null never equals NaN. An empty field of a CSV file is null.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.profiles.changes import Changes, Origins, Tally
from jupyter_mlops.profiles.comparable import comparable
from jupyter_mlops.profiles.comparing import IN_MEMORY_BYTES, Comparison
from jupyter_mlops.profiles.matching import RepeatedKey
from jupyter_mlops.profiles.parts import Part, Side, parts, sides, table_of
from jupyter_mlops.profiles.rows import CellChange, row_name
from jupyter_mlops.profiles.tables import spelled, translated, unknown_column
from jupyter_mlops.records import Progress, silent

if TYPE_CHECKING:
    import polars as pl


@attrs.frozen
class SchemaChange:
    """A column whose type changed; None stands for an absent column."""

    column: str
    before: str | None
    after: str | None


@attrs.frozen
class TableDifference:
    """How the rows of two tables differ.

    Attributes
    ----------
    schema
        Columns that came, went or changed type.
    rows_added, rows_removed, rows_modified
        Counts; without a key no row is ever modified: its old content is removed, its new one added.
    cells
        The first changed cells, in the order of the rows before.
    columns
        Column to the number of its changed cells; only columns in both tables, only changed ones.
    """

    schema: tuple[SchemaChange, ...]
    rows_added: int
    rows_removed: int
    rows_modified: int
    cells: tuple[CellChange, ...] = ()
    columns: dict[str, int] = attrs.field(factory=dict)


@attrs.frozen
class Table:
    """The files of one table.

    Attributes
    ----------
    paths
        Where they are read; an object in the cache will do.
    names
        Their names in the dataset, which give the formats.
    digests
        Of their bytes, so that what both tables hold need not be compared; empty when unknown.
    """

    paths: Sequence[Path]
    names: Sequence[str]
    digests: Sequence[str] = ()

    def parts(self) -> list[Part]:
        """Those of the files that are tables."""
        return parts(self.paths, self.names, self.digests)


@attrs.frozen
class Compared:
    """What differs; the changed rows are in the folder that `compare` was given.

    Attributes
    ----------
    key
        The columns that name a row.
    names
        The columns that both tables have, without the key.
    origins
        See `Changes`.
    """

    schema: tuple[SchemaChange, ...]
    key: tuple[str, ...]
    names: tuple[str, ...]
    tally: Tally
    origins: Origins

    def changes(self, folder: Path) -> Changes:
        """The changed rows, read from where they were written."""
        return Changes(folder, self.key, self.names, self.tally.chunks, self.origins)


def compare(  # noqa: PLR0913 - what is compared, where to, and how
    before: Table,
    after: Table,
    key: Sequence[str],
    folder: Path,
    progress: Progress = silent,
    *,
    in_memory_bytes: int = IN_MEMORY_BYTES,
) -> Compared | None:
    """The exact difference of two tables, its changed rows written into `folder`; None when either is no table.

    Parameters
    ----------
    key
        Columns that name a row. Without it rows are compared as a multiset of their contents, over the
        columns that both tables have.
    folder
        An empty folder.
    progress
        Hears of large tables.
    in_memory_bytes
        Larger tables are compared through files in `folder`.

    Raises
    ------
    UsageError
        ``unknown-column``, ``key-not-unique``.
    EnvironmentFault
        ``unreadable-table``.
    """
    with translated():
        files = before.parts(), after.parts()
        old, new = (table_of(each) for each in files)
        if old is None or new is None:
            return None
        types = old.collect_schema(), new.collect_schema()
        _require_columns(key, *types)
        both = sides(*files, (old, new))
        given = Comparison(both, comparable(old, new), tuple(dict.fromkeys(key)), progress)
        origins: Origins = ((), ()) if key else (both[0].origins(), both[1].origins())
        changes = Changes(folder, given.key, given.values, (), origins)
        try:
            tally = changes.write(given, given.chunks(folder, in_memory_bytes))
        except RepeatedKey as repeated:
            raise _not_unique(given.key, repeated, both[repeated.side]) from repeated
        return Compared(_changed_columns(*types), given.key, given.values, tally, origins)


def compare_tables(  # noqa: PLR0913 - two tables, each files and their names
    before: Sequence[Path],
    after: Sequence[Path],
    names_before: Sequence[str],
    names_after: Sequence[str],
    key: tuple[str, ...] = (),
    limit: int = 20,
) -> TableDifference | None:
    """The exact difference of two tables, with the first `limit` changed cells; see `compare`."""
    with tempfile.TemporaryDirectory(prefix="mlops-diff-") as folder:
        found = compare(Table(before, names_before), Table(after, names_after), key, Path(folder))
        if found is None:
            return None
        rows = found.tally.rows
        cells = found.changes(Path(folder)).cells(limit)
        return TableDifference(
            found.schema, rows["added"], rows["removed"], rows["modified"], cells, found.tally.columns
        )


def _require_columns(key: Sequence[str], *schemas: Mapping[str, pl.DataType]) -> None:
    for schema in schemas:
        for name in key:
            if name not in schema:
                raise unknown_column(name, schema, " in both versions")


def _changed_columns(old: Mapping[str, pl.DataType], new: Mapping[str, pl.DataType]) -> tuple[SchemaChange, ...]:
    names = [*old, *(name for name in new if name not in old)]
    pairs = ((name, old.get(name), new.get(name)) for name in names)
    return tuple(
        SchemaChange(name, None if before is None else spelled(before), None if after is None else spelled(after))
        for name, before, after in pairs
        if before != after
    )


def _not_unique(key: tuple[str, ...], repeated: RepeatedKey, side: Side) -> UsageError:
    part, row = side.locate(repeated.row)
    values = part.table.select(key).slice(row, 1).collect().row(0)
    return UsageError(
        "key-not-unique",
        f"{', '.join(key)} does not name one row: it repeats.",
        context=f"{row_name(key, values)} occurs {repeated.times} times {('before', 'after')[repeated.side]}.",
        hint="Add a column to --key, or leave it out to compare rows by content.",
    )
