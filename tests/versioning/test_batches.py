"""Small files one by one, large ones several at once: whatever the mix, each once."""

from __future__ import annotations

import threading
import time

from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.versioning.batches import MOST_BYTES, MOST_FILES, SMALL_BYTES, batches, worked

SIZES = st.lists(st.one_of(st.integers(0, 100), st.integers(0, 2 * MOST_BYTES)), max_size=600)


@given(SIZES)
def test_each_item_is_in_one_batch_and_no_batch_is_large(sizes):
    found = list(batches(enumerate(sizes)))

    assert [item for batch in found for item in batch.items] == list(range(len(sizes)))
    assert all(len(batch.items) <= MOST_FILES for batch in found)
    assert all(sum(sizes[item] for item in batch.items[:-1]) < MOST_BYTES for batch in found)
    assert [batch.bytes for batch in found] == [sum(sizes[item] for item in batch.items) for batch in found]


@given(SIZES)
def test_the_work_is_done_once_for_each(sizes):
    done = [item for items in worked(list, batches(enumerate(sizes))) for item in items]
    assert sorted(done) == list(range(len(sizes)))


def test_a_very_large_file_stands_alone():
    found = list(batches([("a", 1), ("b", 1 << 40), ("c", 1), ("d", 1)]))
    assert [batch.items for batch in found] == [["a"], ["b"], ["c", "d"]]


def threads_of(size: int, *, seconds: float = 0) -> set[str]:
    def work(_: list[int]) -> str:
        time.sleep(seconds)
        return threading.current_thread().name

    return set(worked(work, batches((item, size) for item in range(4 * MOST_FILES))))


def test_small_files_are_read_by_one_thread():
    assert threads_of(SMALL_BYTES) == {threading.current_thread().name}


def test_large_files_are_read_by_others():
    assert threading.current_thread().name not in threads_of(SMALL_BYTES + 1)


def test_small_files_of_a_slow_disk_are_read_by_others_too():
    assert len(threads_of(10, seconds=0.1)) > 1
