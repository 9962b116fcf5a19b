"""DVC's cache, in DVC's own formats: objects named by their md5, written once, never changed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import itertools
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.versioning.content import FOLDER_SUFFIX, LEGACY_MD5, MD5, Content, Entry, corrupt, parse_dir_object
from jupyter_mlops.versioning.dvc_settings import DvcSettings
from jupyter_mlops.versioning.stat_index import signature
from jupyter_mlops.versioning.tombstones import RETIRED, Tombstone, Tombstones

CHUNK_BYTES = 1 << 20
OBJECT_MODE = 0o444
OBJECT = re.compile(r"[0-9a-f]{32}(?:\.dir)?")
PRIVATE = re.compile(r"[0-9a-f]{16}")
HEIRS = ".heirs"
"""A second cache of the same layout within the cache, where plain ``dvc gc`` does not look; see `heirs`."""
WAIT_S = 120.0
POLL_S = 0.02
FICLONE = 0x40049409
NO_CLONE = {errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.EPERM, errno.ENOSYS, errno.EBADF}


class Store:
    """The objects of one DVC cache.

    Parameters
    ----------
    settings
        Where the cache is and how files are linked to it.
    tombstones
        What was let go for good.
    """

    def __init__(self, settings: DvcSettings, tombstones: Tombstones | None = None) -> None:
        self._settings = settings
        self._tombstones = tombstones
        self._objects = settings.cache / "files" / "md5"
        self._top = os.fspath(self._objects)
        self._numbers = itertools.count()
        self._made: set[str] = set()
        self._clones = "reflink" in settings.links
        self._listing: tuple[str, Content] | None = None

    @property
    def folder(self) -> Path:
        """Where the cache is."""
        return self._settings.cache

    def path(self, digest: str) -> Path:
        """Where the object `digest` belongs."""
        return Path(self._location(digest))

    def _location(self, digest: str) -> str:
        return f"{self._top}/{digest[:2]}/{digest[2:]}"

    def has(self, digest: str) -> bool:
        """Whether the object is in the cache of DVC 3."""
        return os.path.exists(self._location(digest))  # noqa: PTH110

    def find(self, digest: str) -> Path | None:
        """Where the object is, in the cache of DVC 3 or of DVC 2 or among the heirs, or None."""
        if self.has(digest):
            return self.path(digest)
        tops = (self.folder, self.folder / HEIRS / "files" / MD5, self.folder / HEIRS)
        places = (top / digest[:2] / digest[2:] for top in tops)
        return next((place for place in places if place.exists()), None)

    def standing(self, digest: str) -> str:
        """`digest` itself, or what took its place: of what was erased always, of the rest when its object is gone."""
        if self._tombstones is None or (self.find(digest) and not self._tombstones.is_erased(digest)):
            return digest
        return self._tombstones.successor(digest) or digest

    def require(self, digest: str) -> Path:
        """Where the object is, or what stands in its place.

        Raises
        ------
        EnvironmentFault
            ``object-missing``, ``data-let-go``.
        """
        if self.has(digest):
            return self.path(digest)
        if found := self.find(self.standing(digest)):
            return found
        if self._tombstones and (stone := self._tombstones.of(digest)):
            raise let_go(stone)
        raise EnvironmentFault(
            "object-missing",
            "The data of this version is not in the cache.",
            context=f"object {digest}",
            hint="pull fetches what the project has now; dvc fetch --all-commits fetches earlier versions too.",
        )

    def objects(self, digest: str) -> tuple[str, ...]:
        """Every object of the version `digest`: itself and, for a folder whose listing is here, its files."""
        digest = self.standing(digest)
        if not digest.endswith(FOLDER_SUFFIX) or self.find(digest) is None:
            return (digest,)
        return (digest, *(entry.md5 for entry in self.content(digest).entries))

    def algorithm(self, digest: str) -> str:
        """The algorithm whose layout the object has: DVC keeps what DVC 2 stored apart."""
        found = self.find(digest)
        return MD5 if found is None or found.parts[-4:-2] == ("files", MD5) else LEGACY_MD5

    def present(self) -> set[str]:
        """Every object of the cache: cheaper than asking for thousands one by one."""
        found: set[str] = set()
        with contextlib.suppress(FileNotFoundError):
            for folder in self._objects.iterdir():
                with contextlib.suppress(NotADirectoryError):
                    found.update(map(folder.name.__add__, os.listdir(folder)))  # noqa: PTH208
        return found

    def sizes(self) -> Iterator[tuple[str, int]]:
        """Every object, in either layout, and its bytes; what DVC or we did not put there is passed over."""
        for top in (self._objects, self.folder, self.folder / HEIRS / "files" / MD5, self.folder / HEIRS):
            for folder in sorted(top.glob("[0-9a-f][0-9a-f]")):
                with os.scandir(folder) as items:
                    for item in items:
                        if OBJECT.fullmatch(folder.name + item.name):
                            yield folder.name + item.name, item.stat().st_size

    def content(self, digest: str) -> Content:
        """The files of the version `digest`; the sizes are those of the objects at hand.

        Raises
        ------
        EnvironmentFault
            ``object-missing``, ``object-corrupt`` for the ``.dir`` object.
        """
        digest = self.standing(digest)
        if not digest.endswith(FOLDER_SUFFIX):
            found = self.find(digest)
            return Content((Entry("", digest, found.stat().st_size if found else 0),), is_folder=False)
        path = self.require(digest)
        if self._listing and self._listing[0] == digest:
            return self._listing[1]
        data = path.read_bytes()
        if hashlib.md5(data, usedforsecurity=False).hexdigest() + FOLDER_SUFFIX != digest:
            self.quarantine(path)
            raise corrupt(digest)
        content = parse_dir_object(data, digest)
        self._listing = (digest, content)
        return content

    def put(self, source: str | Path, incoming: Path, present: set[str] | None = None) -> tuple[str, os.stat_result]:
        """Read `source` once: hash it and copy it into the cache unless it is there.

        Parameters
        ----------
        incoming
            A private folder on the disk of the cache, from `incoming()`.
        present
            Every object of the cache, to be kept up, where many are put: saves asking the disk for each.

        Returns
        -------
        tuple[str, os.stat_result]
            The md5, and the stat of the very file that was read.

        Raises
        ------
        UsageError
            ``changed-while-committing``.
        """
        partial = f"{incoming}/{next(self._numbers)}"
        with _opened(source) as handle:
            before = os.fstat(handle)
            if before.st_size <= CHUNK_BYTES:
                md5 = self.put_bytes(_read_all(handle, before.st_size), partial, present=present)
            else:
                md5 = self._put_large(handle, Path(partial))
            _require_same(source, before, os.fstat(handle))
        return md5, before

    def put_bytes(self, data: bytes, partial: str | Path, suffix: str = "", present: set[str] | None = None) -> str:
        """Store `data` by way of the file `partial`; returns its digest."""
        digest = hashlib.md5(data, usedforsecurity=False).hexdigest() + suffix
        if digest in present if present is not None else self.has(digest):
            return digest
        target = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OBJECT_MODE)
        try:
            _write_all(target, data)
            _seal(target, len(data), partial)
        finally:
            os.close(target)
        self._publish(partial, digest)
        if present is not None:
            present.add(digest)
        return digest

    def _put_large(self, handle: int, partial: Path) -> str:
        try:
            with partial.open("xb", buffering=0) as target:
                cloned = self._clone(handle, target.fileno())
                md5, size = _hashed(handle, None if cloned else target.fileno())
                _seal(target.fileno(), size, partial)
            if self.has(md5):
                partial.unlink()
            else:
                self._publish(partial, md5)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        return md5

    def _clone(self, source: int, target: int) -> bool:
        if not self._clones:
            return False
        try:
            fcntl.ioctl(target, FICLONE, source)
        except OSError as error:
            if error.errno not in NO_CLONE:
                raise
            self._clones = False
        return self._clones

    def _publish(self, partial: str | Path, digest: str) -> None:
        """Give what was written, and sealed, its name in one step."""
        if digest[:2] not in self._made:
            folder = self.path(digest).parent
            folder.mkdir(parents=True, exist_ok=True)
            if self._settings.shared:
                folder.chmod(0o2775)
            self._made.add(digest[:2])
        os.replace(partial, self._location(digest))  # noqa: PTH105 (a Path for each of many files costs more)

    def require_space(self, size: int) -> None:
        """Refuse a copy of `size` bytes that cannot fit.

        Raises
        ------
        EnvironmentFault
            ``disk-full``.
        """
        self._settings.cache.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self._settings.cache).free
        if size < free or self._can_clone():
            return
        raise EnvironmentFault(
            "disk-full",
            f"Saving needs {size / 1e9:.1f} GB, {free / 1e9:.1f} GB are free. Nothing was saved.",
            context=f"cache: {self._settings.cache}",
            hint="Free some space, use links (dvc config cache.type hardlink), or a shared cache (dvc cache dir DIR).",
        )

    def _can_clone(self) -> bool:
        """Whether the disk of the cache shares bytes between files: tried with a tiny one."""
        with self.incoming() as folder, (folder / "a").open("xb+", buffering=0) as source:
            source.write(b"probe")
            with (folder / "b").open("xb") as target:
                return self._clone(source.fileno(), target.fileno())

    @contextlib.contextmanager
    def incoming(self) -> Iterator[Path]:
        """A private folder on the disk of the cache for objects on their way in."""
        with private_folder(self._settings.cache / ".incoming") as folder:
            yield folder

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Nothing is collected meanwhile: held from the first object saved until a pointer names it.

        Any number of users at a time; in a cache that cannot be written nothing is collected anyway.
        """
        with self._held(fcntl.LOCK_SH):
            yield

    @contextlib.contextmanager
    def collecting(self) -> Iterator[None]:
        """Nobody saves or restores meanwhile; waits for those at work.

        Raises
        ------
        EnvironmentFault
            ``cache-busy`` when they take longer than two minutes.
        """
        with self._held(fcntl.LOCK_EX):
            yield

    @contextlib.contextmanager
    def _held(self, kind: int) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = self._lock_file()
        except OSError:
            if os.access(self.folder, os.W_OK):
                raise
            yield
            return
        try:
            _wait_for(handle, kind)
            yield
        finally:
            os.close(handle)

    def _lock_file(self) -> int:
        path = self.folder / ".in-use"
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        except PermissionError:  # somebody else's, in a shared cache: to lock it, reading is enough
            return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)

    def remove(self, digest: str) -> int:
        """Delete the object `digest` wherever it is; returns the bytes that it took."""
        found: dict[int, int] = {}
        while path := self.find(digest):
            status = path.stat()
            found[status.st_ino] = status.st_size
            path.unlink()
        return sum(found.values())

    def forget_damaged(self) -> None:
        """Delete what was set aside: it is of no use, and may hold anything."""
        aside = self.folder / ".damaged"
        for path in aside.glob("*.*") if not aside.is_symlink() else ():
            path.unlink(missing_ok=True)

    def quarantine(self, path: Path) -> None:
        """Set a damaged object aside, so that it is fetched again rather than used."""
        aside = own_folder(self._settings.cache / ".damaged")
        with contextlib.suppress(FileNotFoundError):
            target = aside / f"{path.parent.name}{path.name}.{secrets.token_hex(3)}"
            path.replace(target)
            twin = self.find(path.parent.name + path.name)
            if twin and twin.samefile(target):  # the same bytes, kept as an heir
                twin.unlink()


def let_go(stone: Tombstone, what: str = "") -> EnvironmentFault:
    """The error for data that is gone on purpose; `what` names it."""
    how = (
        f"Retention rules let {what or 'this data'} go"
        if stone.kind == RETIRED
        else f"{what or 'This data'} was erased"
    )
    return EnvironmentFault(
        "data-let-go",
        f"{how} on {stone.time:%Y-%m-%d}.",
        context=f"{stone.actor}: {stone.reason}" if stone.reason else str(stone.actor),
        hint="pull fetches it again if a remote still has it." if stone.kind == RETIRED else "There is no way back.",
    )


def _wait_for(handle: int, kind: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                message = "Others are saving into the cache, or cleaning it, all the time."
                raise EnvironmentFault("cache-busy", message, hint="Wait for them to finish, then repeat.") from None
            time.sleep(POLL_S)
        else:
            return


@contextlib.contextmanager
def private_folder(parent: Path) -> Iterator[Path]:
    """A new folder below `parent` that lives as long as its user; those of the dead are swept."""
    for abandoned in own_folder(parent).iterdir():
        if PRIVATE.fullmatch(abandoned.name):
            _sweep(abandoned)
    mine, handle = _claimed(parent)
    try:
        yield mine
    finally:
        shutil.rmtree(mine, ignore_errors=True)
        os.close(handle)


def _claimed(parent: Path) -> tuple[Path, int]:
    """A new folder and its lock; another that sweeps may come before the lock, and then it is made again."""
    while True:
        mine = parent / secrets.token_hex(8)
        mine.mkdir(mode=0o700)
        with contextlib.suppress(FileNotFoundError):
            handle = _owner(mine)
            fcntl.flock(handle, fcntl.LOCK_EX)
            if mine.exists():
                return mine, handle
            os.close(handle)


def _owner(folder: Path) -> int:
    """The file that the owner of `folder` locks: NFS tells other machines of locks on files only."""
    return os.open(folder / ".owner", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def own_folder(path: Path) -> Path:
    """The folder `path`, made when missing.

    Raises
    ------
    UsageError
        ``inside-link``: a clone may bring a link that leads to folders of somebody.
    """
    if path.is_symlink():
        raise UsageError("inside-link", f"{path.name} is a link.", context=str(path), hint="Remove it, then repeat.")
    path.mkdir(parents=True, exist_ok=True)
    return path


def _sweep(folder: Path) -> None:
    """Remove `folder` when nobody holds its lock; a kill releases every lock."""
    try:
        handle = _owner(folder)
    except OSError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return  # its owner lives
    finally:
        os.close(handle)


def _seal(handle: int, size: int, partial: str | Path) -> None:
    """Check that all was written, and let nobody write more."""
    status = os.fstat(handle)
    if status.st_size != size:
        raise OSError(errno.ENOSPC, f"only {status.st_size} of {size} bytes were written", str(partial))
    if stat.S_IMODE(status.st_mode) != OBJECT_MODE:
        os.fchmod(handle, OBJECT_MODE)


def md5_of(path: str | Path, algorithm: str = MD5) -> tuple[str, os.stat_result]:
    """The digest of a file and the stat of what was read.

    Raises
    ------
    UsageError
        ``changed-while-committing``.
    """
    with _opened(path) as handle:
        before = os.fstat(handle)
        if algorithm != MD5:
            md5, _ = _hashed_as_dvc_2(handle)
        elif before.st_size <= CHUNK_BYTES:
            md5 = hashlib.md5(_read_all(handle, before.st_size), usedforsecurity=False).hexdigest()
        else:
            md5, _ = _hashed(handle, None)
        _require_same(path, before, os.fstat(handle))
    return md5, before


@contextlib.contextmanager
def _opened(path: str | Path) -> Iterator[int]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise changed(Path(path)) from error
    try:
        yield handle
    finally:
        os.close(handle)


def _read_all(handle: int, size: int) -> bytes:
    """What a file of `size` bytes holds; when it grows meanwhile, its stat will tell."""
    data = os.read(handle, size + 1)
    if len(data) != size:
        data += b"".join(iter(lambda: os.read(handle, size + 1), b""))
    return data


def _hashed(source: int, target: int | None) -> tuple[str, int]:
    """Md5 and size of what `source` holds, copied to `target` on the way."""
    digest, size = hashlib.md5(usedforsecurity=False), 0
    while chunk := os.read(source, CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
        if target is not None:
            _write_all(target, chunk)
    return digest.hexdigest(), size


def _hashed_as_dvc_2(source: int) -> tuple[str, int]:
    """Md5 as DVC 2 counted it: the line ends of a text file are taken as Unix ones."""
    digest, size, is_text = hashlib.md5(usedforsecurity=False), 0, None
    while chunk := os.read(source, CHUNK_BYTES):
        if is_text is None:
            is_text = _is_text(chunk[:512])
        digest.update(chunk.replace(b"\r\n", b"\n") if is_text else chunk)
        size += len(chunk)
    return digest.hexdigest(), size


def _is_text(block: bytes) -> bool:
    """DVC's own rule: no zero byte, and at most 30 % that are no printable ASCII."""
    printable = bytes(range(32, 127)) + b"\n\r\t\f\b"
    odd = block.translate(None, printable)
    return b"\0" not in block and len(odd) <= 0.30 * len(block)


def _write_all(target: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]


def _require_same(path: str | Path, before: os.stat_result, after: os.stat_result) -> None:
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
