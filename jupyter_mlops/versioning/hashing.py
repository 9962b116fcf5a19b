"""Files read once: hashed, and copied on the way; a large one by two threads, since md5 takes most of the time."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from jupyter_mlops.errors import UsageError
from jupyter_mlops.versioning.content import MD5
from jupyter_mlops.versioning.stat_index import signature

CHUNK_BYTES = 1 << 20
BUFFERS = 4
OBJECT_MODE = 0o444
Update = Callable[[memoryview], object]


def md5_of(path: str | Path, algorithm: str = MD5) -> tuple[str, os.stat_result]:
    """The digest of a file and the stat of what was read.

    Raises
    ------
    UsageError
        ``changed-while-committing``.
    """
    with opened(path) as handle:
        before = os.fstat(handle)
        if algorithm != MD5:
            md5 = _hashed_as_dvc_2(handle)
        elif before.st_size <= CHUNK_BYTES:
            md5 = hashlib.md5(read_all(handle, before.st_size), usedforsecurity=False).hexdigest()
        else:
            md5, _ = hashed(handle)
        require_same(path, before, os.fstat(handle))
    return md5, before


def md5_of_file(path: Path) -> str:
    """The md5 of a file, in hexadecimal, as DVC names contents."""
    with path.open("rb", buffering=0) as handle:
        return hashed(handle.fileno())[0]


def hashed(source: int, target: int | None = None) -> tuple[str, int]:
    """Md5 and size of what `source` holds from where it stands, copied to `target` on the way."""
    digest = hashlib.md5(usedforsecurity=False)
    if os.fstat(source).st_size <= BUFFERS * CHUNK_BYTES:
        size = _by_one(source, target, digest.update)
    else:
        size = _by_two(source, target, digest.update)
    return digest.hexdigest(), size


def read_all(handle: int, size: int) -> bytes:
    """What a file of `size` bytes holds; when it grows meanwhile, its stat will tell."""
    data = os.read(handle, size + 1)
    if len(data) != size:
        data += b"".join(iter(lambda: os.read(handle, size + 1), b""))
    return data


def _by_one(source: int, target: int | None, update: Update) -> int:
    """Read all of `source`, update the digest, write to `target`; returns the bytes."""
    buffer, size = bytearray(CHUNK_BYTES), 0
    while count := os.readv(source, [buffer]):
        piece = memoryview(buffer)[:count]
        update(piece)
        if target is not None:
            write_all(target, piece)
        size += count
    return size


def _by_two(source: int, target: int | None, update: Update) -> int:
    """As `_by_one`, while another thread updates the digest: it and the disk let other threads run."""
    from queue import SimpleQueue
    from threading import Thread

    free: SimpleQueue[bytearray] = SimpleQueue()
    full: SimpleQueue[tuple[bytearray, memoryview] | None] = SimpleQueue()
    for _ in range(BUFFERS):
        free.put(bytearray(CHUNK_BYTES))

    def hash_all() -> None:
        while read := full.get():
            update(read[1])
            free.put(read[0])

    hashing, size = Thread(target=hash_all), 0
    hashing.start()
    try:
        while count := os.readv(source, [buffer := free.get()]):
            piece = memoryview(buffer)[:count]
            full.put((buffer, piece))
            if target is not None:
                write_all(target, piece)
            size += count
    finally:
        full.put(None)
        hashing.join()
    return size


def _hashed_as_dvc_2(source: int) -> str:
    """Md5 as DVC 2 counted it: the line ends of a text file are taken as Unix ones."""
    digest, is_text = hashlib.md5(usedforsecurity=False), None
    while chunk := os.read(source, CHUNK_BYTES):
        if is_text is None:
            is_text = _is_text(chunk[:512])
        digest.update(chunk.replace(b"\r\n", b"\n") if is_text else chunk)
    return digest.hexdigest()


def _is_text(block: bytes) -> bool:
    """DVC's own rule: no zero byte, and at most 30 % that are no printable ASCII."""
    printable = bytes(range(32, 127)) + b"\n\r\t\f\b"
    odd = block.translate(None, printable)
    return b"\0" not in block and len(odd) <= 0.30 * len(block)


def write_all(target: int, data: bytes | memoryview) -> None:
    """Write all of `data`."""
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]


def seal(handle: int, size: int, partial: str | Path) -> None:
    """Check that all was written, and let nobody write more."""
    status = require_written(handle, size, partial)
    if stat.S_IMODE(status.st_mode) != OBJECT_MODE:
        os.fchmod(handle, OBJECT_MODE)


def require_written(handle: int, size: int, path: str | Path) -> os.stat_result:
    """Check that the file has `size` bytes.

    Raises
    ------
    OSError
        ``ENOSPC``.
    """
    status = os.fstat(handle)
    if status.st_size != size:
        raise OSError(errno.ENOSPC, f"only {status.st_size} of {size} bytes were written", str(path))
    return status


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[int]:
    """A handle to read the file at `path`.

    Raises
    ------
    UsageError
        ``changed-while-committing`` when it is gone.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise changed(Path(path)) from error
    try:
        yield handle
    finally:
        os.close(handle)


def require_same(path: str | Path, before: os.stat_result, after: os.stat_result) -> None:
    """Refuse what did not hold still between two looks."""
    if signature(before) != signature(after):
        raise changed(Path(path))


def changed(path: Path) -> UsageError:
    """The error for a file that did not hold still."""
    return UsageError(
        "changed-while-committing",
        f"{path.name} changed while it was read. Nothing was saved.",
        context=str(path),
        hint="Wait until whatever writes it has finished, then repeat.",
    )
