"""Sparse integer histograms over order-preserving 64-bit keys, and exact sums: what makes a profile mergeable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]
    Counts = NDArray[np.int64]
    Reals = NDArray[np.float64]

MAX_PREFIXES = 4096
SKETCH_SIZE = 1024
SCALE_BITS = 1074
"""Every float64 times 2**1074 is an integer, so sums can be kept as integers."""
LIMB_BITS = 18
"""Products of two limbs, summed over one batch of 2**16 rows, stay below 2**53: exact in float64."""


@attrs.frozen
class Bins:
    """How many values share each key prefix.

    The level is the smallest at which at most `MAX_PREFIXES` prefixes remain. It depends only on the set of
    all keys seen, therefore merging is exact in any order and any partition.

    Attributes
    ----------
    level
        Low bits dropped of each key, 0 to 64.
    prefixes, counts
        Little-endian uint64, ascending, and int64: bytes, so that equal bins are equal bytes.
    """

    level: int = 0
    prefixes: bytes = b""
    counts: bytes = b""

    @classmethod
    def of(cls, keys: Keys) -> Bins:
        """Count `keys` (any order, repeats allowed)."""
        import numpy as np

        unique, counts = np.unique(keys, return_counts=True)
        return cls._coarsened(0, unique, counts.astype(np.int64))

    @classmethod
    def weighted(cls, keys: Keys, counts: Counts) -> Bins:
        """Bins of different `keys`, each with its count."""
        import numpy as np

        order = np.argsort(keys)
        return cls._coarsened(0, *_grouped(keys[order], counts[order]))

    @classmethod
    def _coarsened(cls, level: int, prefixes: Keys, counts: Counts) -> Bins:
        """Drop as few low bits as leave at most `MAX_PREFIXES`; `prefixes` ascending and unique."""
        import numpy as np

        if len(prefixes) > MAX_PREFIXES:
            # Two neighbours fall together only once their highest differing bit is dropped.
            gaps = prefixes[1:] ^ prefixes[:-1]
            bits = int(np.partition(gaps, -MAX_PREFIXES)[-MAX_PREFIXES]).bit_length()
            level += bits
            prefixes, counts = _grouped(prefixes >> np.uint64(bits), counts)
        return cls(level, prefixes.astype("<u8").tobytes(), counts.astype("<i8").tobytes())

    def arrays(self, level: int | None = None) -> tuple[Keys, Counts]:
        """Prefixes and counts, at a coarser `level` when given."""
        import numpy as np

        prefixes = np.frombuffer(self.prefixes, dtype="<u8").astype(np.uint64)
        counts = np.frombuffer(self.counts, dtype="<i8").astype(np.int64)
        drop = 0 if level is None else level - self.level
        return _grouped(prefixes >> np.uint64(drop), counts) if drop else (prefixes, counts)

    def merged(self, other: Bins) -> Bins:
        """The bins of both, as if all values had been counted together."""
        import numpy as np

        level = max(self.level, other.level)
        pairs = [self.arrays(level), other.arrays(level)]
        keys, counts = (np.concatenate(part) for part in zip(*pairs, strict=True))
        order = np.argsort(keys, kind="stable")
        prefixes, counts = _grouped(keys[order], counts[order])
        return self._coarsened(level, prefixes, counts)

    def __len__(self) -> int:
        return len(self.counts) // 8


def _grouped(prefixes: Keys, counts: Counts) -> tuple[Keys, Counts]:
    """Sum the counts of equal neighbours; `prefixes` ascending."""
    import numpy as np

    if not len(prefixes):
        return prefixes, counts
    starts = np.flatnonzero(np.concatenate([[True], prefixes[1:] != prefixes[:-1]]))
    return prefixes[starts], np.add.reduceat(counts, starts)


def keys_of(values: Reals) -> Keys:
    """Order-preserving keys of finite float64 values; 0.0 and -0.0 share one."""
    import numpy as np

    bits = (values + 0.0).view(np.int64)
    mask = (bits >> np.int64(63)) | np.int64(-(2**63))
    return (bits ^ mask).view(np.uint64)


def values_of(keys: Keys) -> Reals:
    """The inverse of `keys_of`."""
    import numpy as np

    bits = keys.view(np.int64)
    mask = (~bits >> np.int64(63)) | np.int64(-(2**63))
    return (bits ^ mask).view(np.float64)


def middles(prefixes: Keys, level: int, least: float, greatest: float) -> Reals:
    """The value in the middle of each prefix, within [`least`, `greatest`]; exact at level 0."""
    import numpy as np

    ends = keys_of(np.array([least, greatest], dtype=np.float64))
    first = prefixes << np.uint64(level)
    last = first | np.uint64((1 << level) - 1)
    low, high = (values_of(np.clip(keys, ends[0], ends[1])) for keys in (first, last))
    return np.asarray(low / 2 + high / 2)


def exact_sums(values: NDArray[np.generic]) -> tuple[int, int]:
    """``sum(x) * 2**1074`` and ``sum(x**2) * 2**2148`` as integers, hence equal for every partition.

    Parameters
    ----------
    values
        Finite float64, int64 or uint64, shape (n,), n ≤ 65536.
    """
    import numpy as np

    if values.dtype.kind in "iu":
        total, squares = _integer_sums(values)
        return total << SCALE_BITS, squares << 2 * SCALE_BITS
    bits = np.ascontiguousarray(values, dtype=np.float64).view(np.int64)
    exponents = (bits >> np.int64(52)) & np.int64(0x7FF)
    mantissas = (bits & np.int64(2**52 - 1)) | np.where(exponents > 0, np.int64(2**52), np.int64(0))
    shifts = np.maximum(exponents - 1, 0)
    lowest = int(shifts.min()) if len(shifts) else 0
    return _float_sums(shifts - lowest, mantissas, np.where(bits < 0, -1.0, 1.0), lowest)


def _float_sums(shifts: Counts, mantissas: Counts, signs: Reals, lowest: int) -> tuple[int, int]:
    """Sum limb by limb within each exponent; the mantissa of a value counts units of 2**(shift - 1074)."""
    import numpy as np

    mask = np.int64(2**LIMB_BITS - 1)
    limbs = [((mantissas >> np.int64(LIMB_BITS * i)) & mask).astype(np.float64) for i in range(3)]
    total = squares = 0
    for i, limb in enumerate(limbs):
        total += _shifted(np.bincount(shifts, weights=limb * signs), lowest, 1) << LIMB_BITS * i
        for j in range(i, 3):
            twice = 1 if i == j else 2
            sums = np.bincount(shifts, weights=limb * limbs[j])
            squares += twice * _shifted(sums, lowest, 2) << LIMB_BITS * (i + j)
    return total, squares


def _shifted(sums: NDArray[np.generic], lowest: int, power: int) -> int:
    """The integers in `sums`, each shifted by its exponent times `power`."""
    import numpy as np

    return sum(int(sums[i]) << power * (int(i) + lowest) for i in np.flatnonzero(sums))


def _integer_sums(values: NDArray[np.generic]) -> tuple[int, int]:
    """Sum and sum of squares of int64 or uint64, through limbs of 21 bits that cannot overflow."""
    import numpy as np

    low, middle, high = (values & 0x1FFFFF, (values >> 21) & 0x1FFFFF, values >> 42)  # type: ignore[operator]
    limbs = [np.asarray(limb).astype(np.int64) for limb in (low, middle, high)]
    total = sum(int(limb.sum()) << 21 * i for i, limb in enumerate(limbs))
    pairs = ((i, j) for i in range(3) for j in range(3))
    return total, sum(int(np.dot(limbs[i], limbs[j])) << 21 * (i + j) for i, j in pairs)


def smallest_hashes(hashes: Keys) -> bytes:
    """A sketch of the distinct values: the least `SKETCH_SIZE` different 64-bit hashes (Bar-Yossef et al. 2002)."""
    import numpy as np

    # np.unique finds them by a hash table, which is ten times slower here than a vectorised sort.
    ordered = np.sort(hashes)
    first = np.ones(len(ordered), dtype=np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return bytes(ordered[first][:SKETCH_SIZE].astype("<u8").tobytes())


def merged_sketch(one: bytes, two: bytes) -> bytes:
    """The sketch of both together."""
    import numpy as np

    return smallest_hashes(np.frombuffer(one + two, dtype="<u8"))


def distinct(sketch: bytes) -> int:
    """How many different values the sketch stands for: exact below `SKETCH_SIZE`, else ± 3 % (one sigma)."""
    size = len(sketch) // 8
    if size < SKETCH_SIZE:
        return size
    greatest = int.from_bytes(sketch[-8:], "little")
    return round((size - 1) * 2**64 / (greatest + 1))


def mixed(keys: Keys) -> Keys:
    """Keys as evenly spread hashes (the finaliser of splitmix64, Steele et al. 2014); one to one."""
    import numpy as np

    hashes = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))
