"""A table as the files it is made of, read whole or in batches, without those that both versions hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from jupyter_mlops.profiles.tables import BATCH_ROWS, is_table, record_batches, scan

if TYPE_CHECKING:
    import polars as pl

BYTES_A_CELL = 8
TEXT_GROWTH = 2
"""Text takes about twice its size once it is parsed."""


@attrs.frozen(slots=False)
class Part:
    """One file of a table.

    Attributes
    ----------
    name
        Within the dataset; it tells the format.
    digest
        Of its bytes; empty when nobody knows it.
    is_shared
        The other version holds a file of the same bytes.
    """

    path: Path
    name: str
    digest: str = ""
    is_shared: bool = False

    @cached_property
    def table(self) -> pl.LazyFrame:
        """The rows, not read yet."""
        found = scan([self.path], [self.name])
        assert found is not None  # noqa: S101 (only files in a table format become parts)
        return found

    def batches(self, schema: pl.Schema) -> Iterator[pl.DataFrame]:
        """The rows in small frames of these types."""
        import polars as pl

        if self.name.lower().endswith(".parquet"):
            # Row group by row group, without buffering ahead.
            for batch in record_batches([self.path], [self.name]) or ():
                yield _typed(pl.DataFrame(batch), schema)
            return
        for frame in self.table.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True):
            yield _typed(frame, schema)

    def whole(self, schema: pl.Schema, columns: Sequence[str]) -> pl.DataFrame:
        """All rows of `columns`."""
        wanted = {name: schema[name] for name in columns}
        return _typed(self.table.select(columns).collect(), wanted)

    @cached_property
    def rows(self) -> int:
        """How many there are; parquet and Arrow files say so without being read."""
        import polars as pl

        return int(self.table.select(pl.len()).collect(engine="streaming").item())

    @property
    def weight(self) -> int:
        """About how many bytes it takes in memory."""
        size = self.path.stat().st_size
        if Path(self.name).suffix.lower() in (".parquet", ".feather", ".arrow"):
            return max(size, self.rows * len(self.table.collect_schema()) * BYTES_A_CELL)
        return size * TEXT_GROWTH


@attrs.frozen
class Side:
    """One of the two tables.

    Attributes
    ----------
    parts
        Those that the other table lacks come first.
    schema
        The types of the whole table.
    """

    parts: tuple[Part, ...]
    schema: pl.Schema

    @property
    def own(self) -> tuple[Part, ...]:
        """The parts that the other table lacks."""
        return tuple(part for part in self.parts if not part.is_shared)

    def origins(self) -> tuple[tuple[str, int], ...]:
        """The name of each part that is compared row by row, and the number of its first row."""
        found, first = [], 0
        for part in self.own:
            found.append((part.name, first))
            # Only where another part follows is it worth counting.
            first += part.rows if len(self.own) > 1 else 0
        return tuple(found)

    def locate(self, row: int) -> tuple[Part, int]:
        """The part that holds `row` of the table, and its number there; both count from 0."""
        for part in self.parts:
            if row < part.rows:
                return part, row
            row -= part.rows
        raise IndexError(row)


def table_of(parts: Sequence[Part]) -> pl.LazyFrame | None:
    """All files as one lazy table, each looked at once; None when they are none or of several shapes."""
    import polars as pl

    if not parts:
        return None
    columns = parts[0].table.collect_schema().names()
    if any(set(part.table.collect_schema().names()) != set(columns) for part in parts[1:]):
        return None
    return pl.concat([part.table.select(columns) for part in parts], how="vertical_relaxed")


def sides(
    before: Sequence[Part], after: Sequence[Part], tables: tuple[pl.LazyFrame, pl.LazyFrame]
) -> tuple[Side, Side]:
    """Both tables, files of the same bytes marked when all columns have the same types.

    With other types around them even the same bytes may read otherwise.
    """
    old, new = tables[0].collect_schema(), tables[1].collect_schema()
    twice = _common(before, after) if dict(old) == dict(new) else Counter()
    return Side(_marked(before, twice), old), Side(_marked(after, twice), new)


def parts(paths: Sequence[Path], names: Sequence[str], digests: Sequence[str]) -> list[Part]:
    """The files that are tables."""
    given = zip(paths, names, digests or [""] * len(paths), strict=True)
    return [Part(path, name, digest) for path, name, digest in given if is_table([name])]


def _common(before: Sequence[Part], after: Sequence[Part]) -> Counter[tuple[str, str]]:
    """How many files of the same bytes and format both hold."""
    counted = [Counter((one.digest, Path(one.name).suffix) for one in side if one.digest) for side in (before, after)]
    return counted[0] & counted[1]


def _marked(side: Sequence[Part], twice: Counter[tuple[str, str]]) -> tuple[Part, ...]:
    left, found = Counter(twice), []
    for part in side:
        identity = (part.digest, Path(part.name).suffix)
        # A new object would look at its file anew.
        found.append(attrs.evolve(part, is_shared=True) if left[identity] > 0 else part)
        left[identity] -= 1
    return tuple(sorted(found, key=lambda part: part.is_shared))


def _typed(frame: pl.DataFrame, schema: pl.Schema | dict[str, pl.DataType]) -> pl.DataFrame:
    """The columns of `schema` in its types; reading batch by batch may give a narrower one."""
    import polars as pl

    casts = [pl.col(name) if frame.schema[name] == kind else pl.col(name).cast(kind) for name, kind in schema.items()]
    return frame.select(casts)
