"""Work on many files: one by one where they are small, several at once where they are large or the disk is slow.

Python runs one thread at a time. With small files nearly all time goes into calls of some microseconds, and after each
of them threads wait for each other: reading 10,000 files of 10 KiB takes four threads twice the time of one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

import attrs

T = TypeVar("T")
R = TypeVar("R")
THREADS = min(8, (os.cpu_count() or 1) + 2)
MOST_FILES = 256
MOST_BYTES = 8 << 20
SMALL_BYTES = 32 << 10
"""Above this, md5 lets other threads run for longer than they need to take turns."""
SLOW = 4
GRACE_S = 0.05
"""A disk is slow when a batch takes so many times its processor time, and so much besides."""


@attrs.frozen
class Batch(Generic[T]):
    """Some files, and what they hold together, in bytes."""

    items: list[T]
    bytes: int

    @property
    def is_small(self) -> bool:
        """Whether its files are small, on the whole."""
        return self.bytes <= SMALL_BYTES * len(self.items)


def batches(sized: Iterable[tuple[T, int]]) -> Iterator[Batch[T]]:
    """Items in batches of few files and few bytes; a very large one stands alone.

    Parameters
    ----------
    sized
        Each item with its size in bytes.
    """
    items: list[T] = []
    held = 0
    for item, size in sized:
        if items and size >= MOST_BYTES:
            yield Batch(items, held)
            items, held = [], 0
        items.append(item)
        held += size
        if len(items) == MOST_FILES or held >= MOST_BYTES:
            yield Batch(items, held)
            items, held = [], 0
    if items:
        yield Batch(items, held)


def worked(work: Callable[[list[T]], R], found: Iterable[Batch[T]]) -> Iterator[R]:
    """What `work` makes of the items of each batch, in no particular order of batches."""
    large: list[Batch[T]] = []
    small: list[Batch[T]] = []
    for batch in found:
        (small if batch.is_small else large).append(batch)
    waiting = iter(small)
    for batch in waiting:
        start, own = time.perf_counter(), time.thread_time()
        yield work(batch.items)
        if time.perf_counter() - start > SLOW * (time.thread_time() - own) + GRACE_S:
            break
    yield from _side_by_side(work, [*large, *waiting])


def _side_by_side(work: Callable[[list[T]], R], found: list[Batch[T]]) -> Iterator[R]:
    if len(found) < 2:
        yield from (work(batch.items) for batch in found)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(work, (batch.items for batch in found))
