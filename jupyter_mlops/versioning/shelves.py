"""A layout of a remote beside the same layout of the cache, and how objects get from one to the other."""

from __future__ import annotations

import contextlib
import fcntl
import secrets
import shutil
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import attrs
from fsspec.callbacks import Callback

from jupyter_mlops.records import Progress, Step
from jupyter_mlops.versioning.content import MD5
from jupyter_mlops.versioning.store import (
    CHUNK_BYTES,
    FICLONE,
    HEIRS,
    NO_CLONE,
    OBJECT_MODE,
    Store,
    private_folder,
)

if TYPE_CHECKING:
    from dvc_data.hashfile.db import HashFileDB

RENAMING = frozenset({"ssh", "hdfs", "webhdfs", "webdav", "webdavs"})
"""File systems on which a cut upload would leave a part under the name of the whole."""


class Meter:
    """Counts the bytes of many transfers at once.

    Parameters
    ----------
    what
        What is being done.
    total
        Bytes expected, or None.
    """

    def __init__(self, what: str, total: int | None, progress: Progress) -> None:
        self._what = what
        self._total = total
        self._progress = progress
        self._turn = threading.Lock()
        self.bytes = 0

    def add(self, number: float) -> None:
        """So many bytes went through (less than none: a transfer began anew)."""
        with self._turn:
            self.bytes += int(number)
            done = min(self.bytes, self._total) if self._total is not None else self.bytes
        self._progress(Step(self._what, done, self._total, "bytes"))


class Gauge(Callback):  # type: ignore[misc]
    """One transfer, as fsspec tells of it."""

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self.value: float = 0
        self._meter = meter

    def branched(self, *_: str, **__: Any) -> Gauge:
        """The same gauge: an object is one file."""
        return self

    def relative_update(self, inc: float = 1) -> None:
        """So many bytes more."""
        self.absolute_update(self.value + inc)

    def absolute_update(self, value: float) -> None:
        """So many bytes in all."""
        self._meter.add(value - self.value)
        self.value = value


@attrs.frozen
class Shelf:
    """One layout.

    Attributes
    ----------
    algorithm
        ``md5``, or ``md5-dos2unix`` for what DVC 2 stored.
    odb
        The objects in the remote.
    store
        The cache.
    """

    algorithm: str
    odb: HashFileDB
    store: Store

    @property
    def jobs(self) -> int:
        """How many transfers at a time."""
        return int(self.odb.fs.jobs)

    @property
    def _is_near(self) -> bool:
        """Whether the remote is a folder of this machine."""
        return bool(self.odb.fs.protocol == "local")

    def here(self, digest: str) -> Path:
        """Where the object is in the cache."""
        return self.store.path(digest) if self.algorithm == MD5 else self.store.folder / digest[:2] / digest[2:]

    def source(self, digest: str) -> Path:
        """Where the object is read from: plain ``dvc gc`` may have left only the heir."""
        place = self.here(digest)
        return place if place.exists() else self.store.folder / HEIRS / place.relative_to(self.store.folder)

    def there(self, digests: Collection[str], progress: Progress) -> set[str]:
        """Which of `digests` the remote has: it is asked anew each time."""
        if not digests:
            return set()

        def tell(_: str, total: int | None, current: int) -> None:
            progress(Step("look at the remote", current, total, "files"))

        odb: Any = self.odb
        return set(odb.oids_exist(set(digests), jobs=self.jobs, progress=tell))

    def sizes(self, digests: Collection[str]) -> dict[str, int | None]:
        """The bytes of objects in the remote; None where it does not tell, -1 where there is none."""
        ordered = sorted(digests)
        paths = [self.odb.oid_to_path(digest) for digest in ordered]
        found = self.odb.fs.info(paths, batch_size=self.jobs, return_exceptions=True) if paths else []
        return {digest: _size(info) for digest, info in zip(ordered, found, strict=True)}

    def read(self, digest: str) -> bytes:
        """The bytes of a small object in the remote."""
        with self.odb.fs.open(self.odb.oid_to_path(digest), "rb") as handle:
            return bytes(handle.read())

    @contextlib.contextmanager
    def dock(self) -> Iterator[Path]:
        """Where objects wait until they are whole, on a remote that is a folder of this machine.

        Not beside the objects: what a killed push left there would stay, as nobody knows whose it is.
        """
        if not self._is_near:
            yield Path()
            return
        objects, odb = Path(self.odb.path), cast("Any", self.odb)
        incoming = (objects.parents[1] if self.algorithm == MD5 else objects) / ".incoming"
        odb.makedirs(str(incoming))  # with the mode that a remote of a group has
        with private_folder(incoming) as folder:
            yield folder

    def send(self, digest: str, meter: Meter, jobs: int, dock: Path) -> int:
        """Upload an object by way of its `dock`, whole or not at all, and look whether it arrived.

        Returns
        -------
        int
            Its bytes.
        """
        from dvc_objects.fs.local import localfs

        source, gauge = self.source(digest), Gauge(meter)
        size = source.stat().st_size
        if self._is_near:
            arrived: int | None = self._copy(source, digest, dock)
        elif self.odb.fs.protocol in RENAMING:
            self._send_aside(source, digest, gauge)
            arrived = self.sizes([digest])[digest]
        else:
            self.odb.add(str(source), localfs, digest, callback=gauge, check_exists=False, batch_size=jobs)
            arrived = self.sizes([digest])[digest]
        gauge.absolute_update(size)
        _require_whole(digest, arrived, size)
        return size

    def _copy(self, source: Path, digest: str, dock: Path) -> int:
        """Copy to a folder of this machine, sharing bytes where its disk can; DVC does the same at greater length."""
        target = Path(self.odb.oid_to_path(digest))
        if not target.parent.is_dir():
            odb: Any = self.odb
            odb.makedirs(str(target.parent))
        partial = dock / digest
        _copied(source, partial)
        size = partial.stat().st_size
        if size == source.stat().st_size:
            partial.chmod(OBJECT_MODE)
            partial.replace(target)
        return size

    def _send_aside(self, source: Path, digest: str, gauge: Gauge) -> None:
        fs, target = self.odb.fs, self.odb.oid_to_path(digest)
        aside = f"{target}.{secrets.token_hex(4)}.tmp"
        fs.makedirs(fs.parent(target))
        try:
            fs.put_file(str(source), aside, callback=gauge)
            _require_whole(digest, fs.size(aside), source.stat().st_size)
            fs.move(aside, target)
        except BaseException:
            with contextlib.suppress(Exception):
                fs.remove(aside)
            raise

    def remove(self, digest: str) -> None:
        """Delete an object from the remote."""
        self.odb.fs.remove(self.odb.oid_to_path(digest))

    def receive(self, digest: str, target: Path, meter: Meter) -> None:
        """Download an object to the file `target`."""
        gauge, source = Gauge(meter), self.odb.oid_to_path(digest)
        if self._is_near:
            _copied(Path(source), target)
        else:
            self.odb.fs.get_file(source, str(target), callback=gauge)
        gauge.absolute_update(target.stat().st_size)


def _require_whole(digest: str, arrived: int | None, size: int) -> None:
    """Check the bytes that arrived; a file system that tells none is believed."""
    if arrived not in {size, None}:
        raise OSError(f"{digest}: {max(0, arrived or 0):,} of {size:,} bytes arrived in the remote")


def _copied(source: Path, target: Path) -> None:
    """Copy a file, sharing its bytes where the disk can."""
    with source.open("rb", buffering=0) as reading, target.open("xb") as writing:
        try:
            fcntl.ioctl(writing.fileno(), FICLONE, reading.fileno())
        except OSError as error:
            if error.errno not in NO_CLONE:
                raise
            shutil.copyfileobj(reading, writing, CHUNK_BYTES)


def _size(info: Any) -> int | None:
    if isinstance(info, FileNotFoundError):
        return -1
    if isinstance(info, Exception):
        raise info
    size = info.get("size")
    return int(size) if size is not None else None


def each(work: Callable[[str], int], digests: Iterable[str], jobs: int) -> Iterator[tuple[str, int]]:
    """Do `work` for each of `digests`, several at a time, and yield what it returned.

    The first failure stops those that have not begun: what a remote that is gone cannot take is not tried again and
    again. What went through before is yielded all the same.

    Raises
    ------
    Exception
        The first failure, at the end.
    """
    failures: list[BaseException] = []

    def attempt(digest: str) -> tuple[str, int] | None:
        if failures:
            return None
        try:
            return digest, work(digest)
        except Exception as error:  # noqa: BLE001 (raised below, after what was under way has ended)
            failures.append(error)
            return None

    with ThreadPoolExecutor(max_workers=max(1, jobs)) as threads:
        yield from filter(None, threads.map(attempt, sorted(digests)))
    if failures:
        raise failures[0]
