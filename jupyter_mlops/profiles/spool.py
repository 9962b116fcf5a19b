"""Frames set down on disk in numbered heaps, so that what belongs together is looked at together."""

from __future__ import annotations

import io
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import polars as pl

BUFFER_BYTES = 32 * 2**20


class Spool:
    """One file that holds frames by the number of their heap; gone when it is closed.

    Parameters
    ----------
    path
        The file; it must not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("xb+")
        self._waiting: dict[int, list[pl.DataFrame]] = defaultdict(list)
        self._waiting_bytes = 0
        self._pieces: dict[int, list[tuple[int, int]]] = defaultdict(list)

    def add(self, heap: int, frame: pl.DataFrame) -> None:
        """Set `frame` down on a heap."""
        self._waiting[heap].append(frame)
        self._waiting_bytes += int(frame.estimated_size())
        if self._waiting_bytes > BUFFER_BYTES:
            self._flush()

    def take(self, heap: int) -> pl.DataFrame | None:
        """All frames of a heap as one, in the order in which they came; None when there are none."""
        import polars as pl

        frames = []
        for offset, size in self._pieces.pop(heap, ()):
            self._file.seek(offset)
            frames.append(pl.read_ipc(self._file.read(size)))
        frames += self._waiting.pop(heap, [])
        return pl.concat(frames) if frames else None

    def _flush(self) -> None:
        import polars as pl

        end = self._file.seek(0, io.SEEK_END)
        for heap, frames in self._waiting.items():
            buffer = io.BytesIO()
            pl.concat(frames).write_ipc(buffer, compression="lz4")
            size = self._file.write(buffer.getbuffer())
            self._pieces[heap].append((end, size))
            end += size
        self._waiting.clear()
        self._waiting_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)
