"""DVC's cache, in DVC's own formats: objects named by their md5, written once, never changed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import itertools
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.versioning import occupancy
from jupyter_mlops.versioning.content import (
    FOLDER_SUFFIX,
    LEGACY_MD5,
    MD5,
    Content,
    Entry,
    corrupt,
    digest_of,
    parse_dir_object,
)
from jupyter_mlops.versioning.dvc_settings import DvcSettings
from jupyter_mlops.versioning.hashing import (
    CHUNK_BYTES,
    OBJECT_MODE,
    hashed,
    opened,
    read_all,
    require_same,
    seal,
    write_all,
)
from jupyter_mlops.versioning.tombstones import RETIRED, Tombstone, Tombstones

OBJECT = re.compile(r"[0-9a-f]{32}(?:\.dir)?")
HEIRS = ".heirs"
"""A second cache of the same layout within the cache, where plain ``dvc gc`` does not look; see `heirs`."""
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
        self._listings: dict[str, Content] = {}

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
            return Content.of((Entry("", digest, found.stat().st_size if found else 0),), is_folder=False)
        path = self.require(digest)
        if digest not in self._listings:
            for old in list(self._listings)[:-1]:  # two versions are compared; more would take much room
                self._listings.pop(old, None)
            self._listings[digest] = parse_dir_object(self._sound(path, digest), digest)
        return self._listings[digest]

    def tells(self, digest: str) -> bool:
        """Whether `content` would tell the files of the version `digest`, which is not read closely for it."""
        if not digest.endswith(FOLDER_SUFFIX):
            return True
        path = self.find(digest)
        with contextlib.suppress(EnvironmentFault):
            return path is not None and bool(self._sound(path, digest))
        return False

    def _sound(self, path: Path, digest: str) -> bytes:
        """The bytes of the ``.dir`` object at `path`; a damaged one is set aside."""
        data = path.read_bytes()
        if digest_of(data) != digest:
            self.quarantine(path)
            raise corrupt(digest)
        return data

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
        with opened(source) as handle:
            before = os.fstat(handle)
            if before.st_size <= CHUNK_BYTES:
                md5 = self.put_bytes(read_all(handle, before.st_size), partial, present=present)
            else:
                md5 = self._put_large(handle, Path(partial))
            require_same(source, before, os.fstat(handle))
        return md5, before

    def put_bytes(self, data: bytes, partial: str | Path, suffix: str = "", present: set[str] | None = None) -> str:
        """Store `data` by way of the file `partial`; returns its digest."""
        digest = hashlib.md5(data, usedforsecurity=False).hexdigest() + suffix
        if digest in present if present is not None else self.has(digest):
            return digest
        target = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OBJECT_MODE)
        try:
            write_all(target, data)
            seal(target, len(data), partial)
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
                md5, size = hashed(handle, None if cloned else target.fileno())
                seal(target.fileno(), size, partial)
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
        free = _free_bytes(self._settings.cache)
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
        with occupancy.private_folder(self._settings.cache / ".incoming") as folder:
            yield folder

    def in_use(self) -> AbstractContextManager[None]:
        """Nothing is collected meanwhile; see `occupancy.shared`."""
        return occupancy.shared(self.folder)

    def collecting(self) -> AbstractContextManager[None]:
        """Nobody saves or restores meanwhile; see `occupancy.alone`."""
        return occupancy.alone(self.folder)

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
        aside = occupancy.own_folder(self._settings.cache / ".damaged")
        with contextlib.suppress(FileNotFoundError):
            target = aside / f"{path.parent.name}{path.name}.{os.urandom(3).hex()}"
            path.replace(target)
            twin = self.find(path.parent.name + path.name)
            if twin and twin.samefile(target):  # the same bytes, kept as an heir
                twin.unlink()


def _free_bytes(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


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
