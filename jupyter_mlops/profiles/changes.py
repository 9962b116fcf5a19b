"""The changed rows of a comparison, kept in a folder of Arrow files so that any page of them is read at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from jupyter_mlops.profiles.comparing import Chunk, Comparison
from jupyter_mlops.profiles.matching import NEW, OLD
from jupyter_mlops.profiles.rows import CellChange, RowChange, row_name, shown

if TYPE_CHECKING:
    import polars as pl

KIND, FLAG, BEFORE, AFTER = "\0kind", "\0changed ", "\0before ", "\0after "
KINDS = ("added", "modified", "removed")
Origins = tuple[tuple[tuple[str, int], ...], tuple[tuple[str, int], ...]]
"""For each side, the name of each file and the number of its first row."""


@attrs.frozen
class Tally:
    """How much changed.

    Attributes
    ----------
    rows
        By kind.
    columns
        Column to changed cells, changed columns only, in the order of the table.
    chunks
        Rows in each file of the folder.
    """

    rows: dict[str, int]
    columns: dict[str, int]
    chunks: tuple[int, ...] = ()


@attrs.frozen
class Changes:
    """The folder, and how to read it.

    Attributes
    ----------
    key
        The columns that name a row.
    names
        The columns that were compared, without the key.
    origins
        Where rows stand that no key names.
    """

    folder: Path
    key: tuple[str, ...]
    names: tuple[str, ...]
    chunks: tuple[int, ...]
    origins: Origins = ((), ())

    def path(self, chunk: int) -> Path:
        """The file of a chunk."""
        return self.folder / f"changes-{chunk:06}.arrow"

    def write(self, given: Comparison, chunks: Iterator[Chunk]) -> Tally:
        """Write down all `chunks`, counting."""
        rows, columns, sizes = Counter(dict.fromkeys(KINDS, 0)), Counter(dict.fromkeys(self.names, 0)), []
        for number, chunk in enumerate(chunks):
            frame = _written(given, chunk)
            counted = frame[KIND].value_counts()
            rows.update(dict(zip(counted[KIND].to_list(), counted["count"].to_list(), strict=True)))
            if self.names:
                flags = frame.select([f"{FLAG}{name}" for name in self.names]).sum().row(0)
                columns.update(dict(zip(self.names, flags, strict=True)))
            sizes.append(frame.height)
            frame.write_ipc(self.path(number), compression="lz4")
        changed = {name: columns[name] for name in self.names if columns[name]}
        return Tally(dict(rows), changed, tuple(sizes))

    def count(self, columns: Sequence[str] = (), kind: str = "") -> int:
        """How many changed rows there are of a kind, or with a change in any of `columns`."""
        if not columns and not kind:
            return sum(self.chunks)
        return sum(int(self._wanted(chunk, columns, kind).sum()) for chunk in range(len(self.chunks)))

    def page(
        self, start: int, limit: int, columns: Sequence[str] = (), kind: str = ""
    ) -> tuple[tuple[RowChange, ...], int | None]:
        """Changed rows from the number `start`, and the number after them; None when none are left."""
        import polars as pl

        found: list[RowChange] = []
        passed = 0
        for chunk, rows in enumerate(self.chunks):
            wanted = self._wanted(chunk, columns, kind) if columns or kind else None
            many = rows if wanted is None else int(wanted.sum())
            if passed + many > start:
                at = pl.int_range(rows, eager=True) if wanted is None else wanted.arg_true()
                chosen = at.slice(max(start - passed, 0), limit + 1 - len(found))
                found += self._rows(pl.read_ipc(self.path(chunk))[chosen])
            if len(found) > limit:
                return tuple(found[:limit]), start + limit
            passed += many
        return tuple(found), None

    def cells(self, limit: int) -> tuple[CellChange, ...]:
        """The first changed cells of modified rows."""
        rows, _ = self.page(0, limit, kind="modified")
        cells = (
            CellChange(row.key, name, before, row.values[name]) for row in rows for name, before in row.before.items()
        )
        return tuple(cell for cell, _ in zip(cells, range(limit), strict=False))

    def likely_key(self) -> str:
        """The column that would pair rows that were removed and added, going by the first of them; or ``""``."""
        import polars as pl

        if self.key or not self.chunks:
            return ""
        frame = pl.concat([pl.read_ipc(self.path(chunk)) for chunk in sorted({0, len(self.chunks) - 1})])
        for name in self.names:
            gone = frame.filter(pl.col(KIND) == "removed")[f"{BEFORE}{name}"]
            come = frame.filter(pl.col(KIND) == "added")[f"{AFTER}{name}"]
            if gone.dtype == come.dtype and not gone.dtype.is_float() and _pairs(gone, come):
                return name
        return ""

    def _wanted(self, chunk: int, columns: Sequence[str], kind: str) -> pl.Series:
        """Which rows of a chunk pass the filter."""
        import polars as pl

        flags = [f"{FLAG}{name}" for name in columns if name in self.names]
        frame = pl.read_ipc(self.path(chunk), columns=[KIND, *flags])
        passes = pl.any_horizontal(flags) if flags else pl.lit(not columns)
        of_kind = pl.col(KIND) == kind if kind else pl.lit(value=True)
        return frame.select((pl.col(KIND).is_not_null() & passes & of_kind).alias(KIND))[KIND]

    def _rows(self, frame: pl.DataFrame) -> Iterator[RowChange]:
        afters = [name.removeprefix(AFTER) for name in frame.columns if name.startswith(AFTER)]
        befores = [name.removeprefix(BEFORE) for name in frame.columns if name.startswith(BEFORE)]
        for row in frame.iter_rows(named=True):
            kind = row[KIND]
            prefix, names = (BEFORE, befores) if kind == "removed" else (AFTER, afters)
            values = {name: shown(row[f"{prefix}{name}"]) for name in names}
            changed = [name for name in self.names if row[f"{FLAG}{name}"]]
            before = {name: shown(row[f"{BEFORE}{name}"]) for name in changed}
            yield RowChange(kind, self._label(row, prefix), values, before)

    def _label(self, row: dict[str, Any], prefix: str) -> str:
        """``17``, ``state=MA, id=17``, or where the row stands."""
        if self.key:
            return row_name(self.key, [row[f"{prefix}{name}"] for name in self.key])
        side = 0 if prefix == BEFORE else 1
        number = row[(OLD, NEW)[side]]
        files = self.origins[side]
        name, first = next(((name, first) for name, first in reversed(files) if number >= first), ("", 0))
        return f"{name} row {number - first + 1}" if len(files) > 1 else f"row {number - first + 1}"


def _written(given: Comparison, chunk: Chunk) -> pl.DataFrame:
    """A chunk as it is kept: of a modified row only the changed cells are kept as they were."""
    import polars as pl

    old, new = chunk.rows[OLD], chunk.rows[NEW]
    removed, added = new.is_null(), old.is_null()
    kind = pl.select(
        pl.when(removed).then(pl.lit("removed")).when(added).then(pl.lit("added")).otherwise(pl.lit("modified"))
    )
    both = ~(removed | added)
    forms = given.shared
    left = chunk.before.select([forms.before[name] for name in given.values])
    right = chunk.after.select([forms.after[name] for name in given.values])
    flags = {name: left[name].ne_missing(right[name]) & both for name in given.values}
    before = {
        name: _kept(chunk.before[name], removed | flags[name] if name in flags else removed)
        for name in chunk.before.columns
    }
    return pl.DataFrame(
        {
            KIND: kind.to_series(),
            OLD: old,
            NEW: new,
            **{f"{FLAG}{name}": flag for name, flag in flags.items()},
            **{f"{BEFORE}{name}": column for name, column in before.items()},
            **{f"{AFTER}{name}": _plain(chunk.after[name]) for name in chunk.after.columns},
        }
    )


def _pairs(gone: pl.Series, come: pl.Series) -> bool:
    """Whether the values name each row once, and mostly on both sides."""
    if gone.dtype.is_nested() or gone.null_count() or come.null_count():
        return False
    unique = gone.n_unique() == len(gone) and come.n_unique() == len(come)
    return unique and 2 * int(gone.is_in(come.implode()).sum()) >= min(len(gone), len(come))


def _kept(column: pl.Series, where: pl.Series) -> pl.Series:
    import polars as pl

    return pl.select(pl.when(where).then(_plain(column)).otherwise(None)).to_series()


def _plain(column: pl.Series) -> pl.Series:
    """Dictionaries become texts: each file must stand alone."""
    import polars as pl

    return column.cast(pl.String) if isinstance(column.dtype, pl.Categorical | pl.Enum) else column
