"""The mergeable profile of a table: equal for every order and every partition of its rows.

Profile once, compare for ever: numbers as sparse bins (see `bins`), exact moments, exact counts of
categories while there are at most 4096 of them, and beyond that counts by hash prefix.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import msgspec

from jupyter_mlops.errors import UsageError
from jupyter_mlops.profiles import tables
from jupyter_mlops.profiles.bins import (
    SCALE_BITS,
    Bins,
    distinct,
    exact_sums,
    keys_of,
    merged_sketch,
    middles,
    mixed,
    smallest_hashes,
)
from jupyter_mlops.records import Progress, Step, silent

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from jupyter_mlops.profiles.tables import Cells

FORMAT = 1
THREADS_MAX = 8
TEXTS = frozenset({"text", "boolean"})
NUMBERS = frozenset({"number", "integer"})
IDENTIFIER_MIN_ROWS = 20
IDENTIFIER_DISTINCT_RATIO = 0.9
"""The sketch of distinct values is good to 3 % (one sigma): three of these below 1."""
IDENTIFIER_DENSE_RATIO = 1.1


@attrs.frozen
class Column:
    """The profile of one column.

    Attributes
    ----------
    kind
        As `tables.Cells` has it: ``number``, ``integer``, ``instant``, ``text``, ``boolean``, ``empty``, ``other``.
    rows, nulls, nans, below, above
        Counts: of all cells, nulls, NaN, minus and plus infinity.
    total, squares
        Exact ``sum(x) * 2**1074`` and ``sum(x**2) * 2**2148`` over finite numbers, as hexadecimal integers.
    minimum, maximum
        Of the finite numbers.
    bins
        Finite numbers by their order-preserving key (microseconds for instants); texts by hash.
    categories
        Exact counts of texts; empty when there are more than 4096 different ones.
    sketch
        The least hashes of texts and whole numbers, from which the number of distinct values is told.
    """

    kind: str
    rows: int = 0
    nulls: int = 0
    nans: int = 0
    below: int = 0
    above: int = 0
    total: str = "0x0"
    squares: str = "0x0"
    minimum: int | float | None = None
    maximum: int | float | None = None
    bins: Bins = attrs.field(factory=Bins)
    categories: dict[str, int] = attrs.field(factory=dict)
    sketch: bytes = b""

    def merged(self, other: Column) -> Column:
        """The profile of both parts; a column that was ``empty`` takes the kind of the other part."""
        if self.kind == "empty" or other.kind == "empty":
            kind, kept = (other.kind, other) if self.kind == "empty" else (self.kind, self)
            return attrs.evolve(kept, kind=kind, rows=self.rows + other.rows, nulls=self.nulls + other.nulls)
        if self.kind != other.kind:
            return self._widened(other.kind).merged(other._widened(self.kind))
        bins = self.bins.merged(other.bins)
        return Column(
            kind=self.kind,
            rows=self.rows + other.rows,
            nulls=self.nulls + other.nulls,
            nans=self.nans + other.nans,
            below=self.below + other.below,
            above=self.above + other.above,
            total=hex(int(self.total, 16) + int(other.total, 16)),
            squares=hex(int(self.squares, 16) + int(other.squares, 16)),
            minimum=_extreme(min, self.minimum, other.minimum),
            maximum=_extreme(max, self.maximum, other.maximum),
            bins=bins,
            categories={} if bins.level else _added(self.categories, other.categories),
            sketch=merged_sketch(self.sketch, other.sketch),
        )

    def _widened(self, other: str) -> Column:
        """The kind that holds both: integers become numbers, anything else is only counted."""
        if {self.kind, other} == NUMBERS:
            extremes = [None if value is None else float(value) for value in (self.minimum, self.maximum)]
            return attrs.evolve(self, kind="number", minimum=extremes[0], maximum=extremes[1], sketch=b"")
        return Column("other", self.rows, self.nulls)

    @property
    def finite(self) -> int:
        """How many cells hold a finite number, or a text."""
        return self.rows - self.nulls - self.nans - self.below - self.above

    @property
    def null_ratio(self) -> float:
        """Share of nulls and NaN, 0 to 1."""
        return (self.nulls + self.nans) / self.rows if self.rows else 0.0

    @property
    def distinct(self) -> int | None:
        """How many different values: exact while the bins are, else ± 3 %; None for more reals or instants."""
        if not self.bins.level:
            return len(self.bins)
        return distinct(self.sketch) if self.sketch else None

    @property
    def mean(self) -> float | None:
        """The mean, rounded once; in microseconds for instants."""
        from fractions import Fraction

        exact = Fraction(int(self.total, 16), self.finite << SCALE_BITS) if self._moments else None
        return None if exact is None else float(exact)

    @property
    def std(self) -> float | None:
        """The population standard deviation, without cancellation; in microseconds for instants."""
        from fractions import Fraction

        if not self._moments:
            return None
        count, total, squares = self.finite, int(self.total, 16), int(self.squares, 16)
        variance = Fraction(count * squares - total * total, count * count << 2 * SCALE_BITS)
        return math.sqrt(variance)

    def quantile(self, probability: float) -> float | None:
        """The value below which this share of the finite numbers lies, as fine as the bins are."""
        import numpy as np

        if self.minimum is None or self.maximum is None:
            return None
        prefixes, counts = self.bins.arrays()
        place = int(np.searchsorted(np.cumsum(counts), probability * self.finite))
        values = middles(prefixes, self.bins.level, self.minimum, self.maximum)
        return float(values[min(place, len(values) - 1)])

    @property
    def _moments(self) -> bool:
        return self.finite > 0 and self.minimum is not None

    def is_identifier(self, name: str) -> bool:
        """Whether the column names rows rather than describing them, so that testing it means nothing.

        No nulls, practically no value twice, at least 20 rows, and: a text, or whole numbers that are either
        dense (a running number) or named like ``id``, ``user_id``, ``orderId``, ``uuid``, ``key``.
        """
        if self.kind not in ("text", "integer") or self.nulls or self.rows < IDENTIFIER_MIN_ROWS:
            return False
        if (self.distinct or 0) < (IDENTIFIER_DISTINCT_RATIO if self.bins.level else 1) * self.rows:
            return False
        if self.kind == "text" or named_like_an_identifier(name):
            return True
        return self.maximum - self.minimum + 1 <= IDENTIFIER_DENSE_RATIO * self.rows  # type: ignore[operator]


@attrs.frozen
class Profile:
    """What a table looks like: its rows and each column by name, in the order of the table."""

    rows: int
    columns: dict[str, Column]

    def merged(self, other: Profile) -> Profile:
        """The profile of both parts together, which must have the same columns."""
        pairs = {name: column.merged(other.columns[name]) for name, column in self.columns.items()}
        return Profile(self.rows + other.rows, pairs)

    def encoded(self) -> bytes:
        """The profile as bytes, its format version inside."""
        return msgspec.msgpack.encode((FORMAT, self))

    @classmethod
    def decoded(cls, data: bytes) -> Profile | None:
        """The profile that `encoded` wrote, or None when the bytes are damaged or of another format."""
        try:
            version, raw = msgspec.msgpack.decode(data, type=tuple[int, msgspec.Raw])
            return msgspec.msgpack.decode(raw, type=cls) if version == FORMAT else None
        except (msgspec.DecodeError, ValueError):
            return None


def profile_tables(paths: Sequence[Path], names: Sequence[str], progress: Progress = silent) -> Profile:
    """Profile a table in one pass, in small batches, with bounded memory.

    Parameters
    ----------
    paths, names
        The files, and their names in the dataset, which give the formats.

    Raises
    ------
    UsageError
        ``not-a-table``.
    EnvironmentFault
        ``unreadable-table``.
    """
    batches = tables.record_batches(paths, names)
    if batches is None:
        message = (
            "Nothing to profile: several tables of different columns." if tables.is_table(names) else "Not a table."
        )
        known = ", ".join(sorted(tables.FORMATS))
        raise UsageError("not-a-table", message, context=", ".join(names[:5]), hint=f"Tables are {known}.")
    parts = {name: Column("empty") for name, _ in tables.schema_of(paths, names)}
    return profile_batches(batches, parts, progress)


def profile_batches(
    batches: Iterable[pa.RecordBatch], start: Mapping[str, Column] | None = None, progress: Progress = silent
) -> Profile:
    """Profile record batches of at most 65,536 rows, added to the columns of `start`."""
    columns, rows = dict(start or {}), 0
    # Sorting and summing in numpy release the interpreter's lock, so columns are worked on side by side.
    with ThreadPoolExecutor(min(os.cpu_count() or 1, THREADS_MAX)) as pool:
        for batch in batches:
            names = batch.schema.names
            parts = pool.map(lambda array: profile_cells(tables.cells(array)), batch.columns)
            known = [columns.get(name, Column("empty")) for name in names]
            columns.update(zip(names, pool.map(Column.merged, known, parts), strict=True))
            rows += batch.num_rows
            progress(Step("profile", rows, None, "rows"))
    return Profile(rows, columns)


def profile_cells(cells: Cells) -> Column:
    """The profile of one column of one batch."""
    if cells.nulls == cells.rows and cells.kind != "other":
        return Column("empty", cells.rows, cells.nulls)
    if cells.kind in TEXTS:
        return _of_texts(cells)
    return Column(cells.kind, cells.rows, cells.nulls) if cells.numbers is None else _of_numbers(cells, cells.numbers)


def _of_numbers(cells: Cells, numbers: NDArray[np.generic]) -> Column:
    import numpy as np

    nans = below = above = 0
    if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
        reals = numbers.astype(np.float64)
        nans, below, above = (
            int(n) for n in (np.isnan(reals).sum(), np.isneginf(reals).sum(), np.isposinf(reals).sum())
        )
        numbers = reals[np.isfinite(reals)]
    total, squares = exact_sums(numbers) if len(numbers) else (0, 0)
    keys = keys_of(numbers.astype(np.float64))
    bins = Bins.of(keys)
    return Column(
        kind=cells.kind,
        rows=cells.rows,
        nulls=cells.nulls,
        nans=nans,
        below=below,
        above=above,
        total=hex(total),
        squares=hex(squares),
        minimum=numbers.min().item() + 0 if len(numbers) else None,
        maximum=numbers.max().item() + 0 if len(numbers) else None,
        bins=bins,
        sketch=smallest_hashes(mixed(keys)) if cells.kind == "integer" else b"",
    )


def _of_texts(cells: Cells) -> Column:
    import numpy as np

    hashes = np.array([_hash(text) for text in cells.texts], dtype=np.uint64)
    counts = np.fromiter(cells.texts.values(), dtype=np.int64, count=len(hashes))
    bins = Bins.weighted(hashes, counts)
    return Column(
        kind=cells.kind,
        rows=cells.rows,
        nulls=cells.nulls,
        bins=bins,
        categories={} if bins.level else dict(sorted(cells.texts.items())),
        sketch=smallest_hashes(hashes),
    )


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "little")


def _extreme(choose: Callable[[float, float], float], one: float | None, two: float | None) -> float | None:
    return choose(one, two) if one is not None and two is not None else one if two is None else two


def _added(one: Mapping[str, int], two: Mapping[str, int]) -> dict[str, int]:
    names = sorted({*one, *two})
    return {name: one.get(name, 0) + two.get(name, 0) for name in names}


def named_like_an_identifier(name: str) -> bool:
    """Whether the name of a column says that it names rows."""
    lower = name.lower()
    return lower in ("id", "key", "uuid", "guid", "index") or name.endswith(("_id", "Id", "ID", "_key", "_uuid"))
