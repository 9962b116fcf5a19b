"""The rows that differ between two tables, in memory when both are small, else through heaps on disk.

Out of core, each table is read twice: once for the digests of its rows, which are matched heap by heap, and once
for the rows that differ. Memory holds a few batches, one heap, and some 20 bytes a changed row.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from jupyter_mlops.profiles.comparable import Comparable
from jupyter_mlops.profiles.matching import KEY, NEW, OLD, matched, ordered, records
from jupyter_mlops.profiles.parts import Part, Side
from jupyter_mlops.profiles.spool import Spool
from jupyter_mlops.records import Progress, Step, silent

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

IN_MEMORY_BYTES = 256 * 10**6
HEAP_BYTES = 100 * 10**6
CHUNK_CELLS = 2_000_000
MOST_HEAPS = 512
PIECE_ROWS = 2**17
"""Digests are computed so many rows at a time: what lies between fits the caches."""
SIDES = ("before", "after")
SLOT, HEAP = "\0slot", "\0heap"


@attrs.frozen
class Chunk:
    """Some of the rows that differ, old beside new; all null where a side has none.

    Attributes
    ----------
    rows
        `OLD` and `NEW`, the numbers of the rows.
    """

    rows: pl.DataFrame
    before: pl.DataFrame
    after: pl.DataFrame


@attrs.frozen
class Comparison:
    """Two tables and how their rows are compared; `progress` hears of large ones."""

    sides: tuple[Side, Side]
    shared: Comparable
    key: tuple[str, ...]
    progress: Progress = silent

    @property
    def values(self) -> tuple[str, ...]:
        """The shared columns beside the key."""
        return tuple(name for name in self.shared.names if name not in self.key)

    @property
    def chunk_rows(self) -> int:
        """So many changed rows are looked at together."""
        columns = sum(len(side.schema) for side in self.sides)
        return max(1000, min(65_536, CHUNK_CELLS // max(columns, 1)))

    def chunks(self, scratch: Path, in_memory_bytes: int = IN_MEMORY_BYTES) -> Iterator[Chunk]:
        """All rows that differ, in the order of the rows before; what was added comes last.

        Parameters
        ----------
        scratch
            A folder for what does not fit into `in_memory_bytes`.

        Raises
        ------
        RepeatedKey
            A key names several rows.
        """
        weight = sum(part.weight for side in self.sides for part in side.own)
        if weight <= in_memory_bytes:
            return _in_memory(self)
        return _out_of_core(self, scratch, min(MOST_HEAPS, max(2, weight // HEAP_BYTES)))

    def records(self, number: int, frame: pl.DataFrame, part: Part, first_row: int) -> pl.DataFrame:
        """The digests of some rows of one side."""
        forms = (self.shared.before, self.shared.after)[number]
        values = () if part.is_shared and self.key else self.values
        rows = range(first_row, first_row + frame.height)
        return records(frame.select([forms[name] for name in (*self.key, *values)]), self.key, values, rows)

    def digested(self, number: int) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The own rows of a side, and the digests of all that must be read."""
        import polars as pl

        side, rows = self.sides[number], 0
        own = [side_frame(side)]
        found = [self.records(number, own[0], Part(Path(), ""), 0)]
        for part in self.read(side):
            frame = part.whole(side.schema, self.key if part.is_shared else tuple(side.schema))
            for piece in frame.iter_slices(PIECE_ROWS):
                found.append(self.records(number, piece, part, rows))
                rows += piece.height
            own += [] if part.is_shared else [frame]
        return pl.concat(own), pl.concat(found)

    def read(self, side: Side) -> tuple[Part, ...]:
        """The parts that must be read: of what both tables hold only the key matters, which must not repeat."""
        return side.parts if self.key else side.own


def _in_memory(given: Comparison) -> Iterator[Chunk]:
    import polars as pl

    # polars uses all cores to read, but one to hash: two sides at once keep a second one busy.
    with ThreadPoolExecutor(2) as pool:
        (old, before), (new, after) = pool.map(given.digested, (0, 1))
    pairs = ordered(matched(before, after, keyed=bool(given.key)))
    for start in range(0, pairs.height, given.chunk_rows):
        rows = pairs.slice(start, given.chunk_rows)
        sides = (frame.select(pl.all().gather(rows[name])) for frame, name in ((old, OLD), (new, NEW)))
        yield Chunk(rows, *sides)


def side_frame(side: Side) -> pl.DataFrame:
    """No row, all columns."""
    import polars as pl

    return pl.DataFrame(schema=side.schema)


def _out_of_core(given: Comparison, scratch: Path, heaps: int) -> Iterator[Chunk]:
    import polars as pl

    with Spool(scratch / "old-digests") as old, Spool(scratch / "new-digests") as new:
        for number, spool in enumerate((old, new)):
            _spool_digests(given, number, spool, heaps)
        found = [_matched_heap(given, old.take(heap), new.take(heap)) for heap in range(heaps)]
    pairs = ordered(pl.concat(found, rechunk=True))
    found.clear()
    with Spool(scratch / "old-rows") as old, Spool(scratch / "new-rows") as new:
        for number, (name, spool) in enumerate(((OLD, old), (NEW, new))):
            _spool_rows(given, number, _Places.of(pairs[name]), spool)
        for heap, start in enumerate(range(0, pairs.height, given.chunk_rows)):
            rows = pairs.slice(start, given.chunk_rows)
            before, after = (
                _aligned(spool.take(heap), side, start, rows.height)
                for spool, side in zip((old, new), given.sides, strict=True)
            )
            yield Chunk(rows, before, after)


def _spool_digests(given: Comparison, number: int, spool: Spool, heaps: int) -> None:
    """Set down the digests of a whole side: equal keys meet in one heap."""
    import polars as pl

    rows = 0
    side = given.sides[number]
    for part in given.read(side):
        for frame in part.batches(side.schema):
            found = given.records(number, frame, part, rows)
            rows += frame.height
            given.progress(Step(f"compare rows {SIDES[number]}", rows, unit="rows"))
            named = found.with_columns((pl.col(KEY) % heaps).cast(pl.Int64).alias(HEAP))
            for (heap,), piece in named.partition_by(HEAP, as_dict=True, include_key=False).items():
                spool.add(int(str(heap)), piece)


def _matched_heap(given: Comparison, old: pl.DataFrame | None, new: pl.DataFrame | None) -> pl.DataFrame:
    empty = given.records(0, side_frame(given.sides[0]), Part(Path(), ""), 0)
    return matched(empty if old is None else old, empty if new is None else new, keyed=bool(given.key))


@attrs.frozen
class _Places:
    """Where changed rows of one side go: `rows` ascending, `slots` their places in the order of all."""

    rows: NDArray[np.uint32]
    slots: NDArray[np.uint32]

    @classmethod
    def of(cls, rows: pl.Series) -> _Places:
        import numpy as np

        slots = np.flatnonzero(rows.is_not_null().to_numpy()).astype(np.uint32)
        numbers = rows.drop_nulls().to_numpy()
        if bool((numbers[1:] > numbers[:-1]).all()):
            return cls(numbers, slots)
        order = np.argsort(numbers)
        return cls(numbers[order], slots[order])

    def within(self, first: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The changed rows among `count` from `first`, counted from there, and their slots."""
        import numpy as np

        start, end = np.searchsorted(self.rows, np.array([first, first + count], dtype=np.uint32))
        return self.rows[start:end].astype(np.int64) - first, self.slots[start:end].astype(np.int64)


def _spool_rows(given: Comparison, number: int, places: _Places, spool: Spool) -> None:
    """Set down the changed rows of a side; each heap is a chunk."""
    import polars as pl

    rows = 0
    side = given.sides[number]
    for part in side.own:
        for frame in part.batches(side.schema):
            at, slots = places.within(rows, frame.height)
            rows += frame.height
            given.progress(Step(f"collect changed rows {SIDES[number]}", rows, unit="rows"))
            if not len(at):
                continue
            chosen = frame[at].with_columns(pl.Series(SLOT, slots))
            heaps = chosen.with_columns((pl.col(SLOT) // given.chunk_rows).alias(HEAP))
            for (heap,), piece in heaps.partition_by(HEAP, as_dict=True, include_key=False).items():
                spool.add(int(str(heap)), piece)


def _aligned(found: pl.DataFrame | None, side: Side, start: int, count: int) -> pl.DataFrame:
    """The rows of a chunk, each in its slot; null where this side has none."""
    import polars as pl

    slots = pl.DataFrame({SLOT: pl.int_range(start, start + count, dtype=pl.Int64, eager=True)})
    rows = side_frame(side).with_columns(pl.lit(None, dtype=pl.Int64).alias(SLOT)) if found is None else found
    return slots.join(rows, on=SLOT, how="left", maintain_order="left").drop(SLOT)
