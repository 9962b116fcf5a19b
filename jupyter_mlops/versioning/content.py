"""What a dataset consists of: files with their digests, exactly as DVC names them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from functools import cached_property
from io import BytesIO
from itertools import islice
from json.encoder import encode_basestring_ascii
from operator import attrgetter

import attrs
import msgspec

from jupyter_mlops.errors import EnvironmentFault

FOLDER_SUFFIX = ".dir"
MD5 = "md5"
LEGACY_MD5 = "md5-dos2unix"
DIGEST = re.compile(r"[0-9a-f]{32}(?:\.dir)?")
RESERVED = frozenset({".git", ".hg", ".dvc"})
"""Folders of git and DVC: nothing in them is data."""


class Entry(msgspec.Struct, frozen=True, gc=False, rename={"path": "relpath", "size": "-"}):
    """One file: its path below the dataset (``""`` when it is the dataset), md5 and bytes.

    There are hundreds of thousands, read from ``.dir`` objects as they are: hence a struct, with DVC's field names.
    A listing of DVC's tells no size.
    """

    path: str
    md5: str
    size: int = 0


LISTING = msgspec.json.Decoder(tuple[Entry, ...])
BY_PATH, BY_MD5 = attrgetter("path"), attrgetter("md5")
PIECE = 1000
"""Entries written at a time: as texts they take many times the room of the listing."""
ODD = ("\0.", "/.", "\0/", "//", "/\0", "\0\0")
"""What shows, in names between zeros, that a name needs a closer look."""


@attrs.frozen
class FileChanges:
    """Files that differ, by path below the dataset, each sorted."""

    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.modified or self.removed)


@attrs.frozen
class Summary:
    """What may be known of a content before any file of it is listed.

    Attributes
    ----------
    digest, size, nfiles
        Its own.
    """

    digest: str
    size: int
    nfiles: int | None


@attrs.frozen(slots=False, eq=False)
class Content:
    """The files of a dataset at one moment; two are equal when their bytes are.

    Attributes
    ----------
    listed
        Tells the files when they are wanted, sorted by path.
    is_folder
        Whether the dataset is a folder.
    is_executable
        Whether a single file may be executed.
    known
        What need not be reckoned from the files.
    since
        The digest of an earlier content, and what has changed since, where that was seen.
    """

    listed: Callable[[], Iterable[Entry]]
    is_folder: bool
    is_executable: bool = False
    known: Summary | None = None
    since: tuple[str, FileChanges] | None = None

    @classmethod
    def of(cls, entries: tuple[Entry, ...], *, is_folder: bool) -> Content:
        """The content of these `entries`, sorted by path."""
        return cls(lambda: entries, is_folder)

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """Sorted by path; a single one with an empty path when the dataset is a file."""
        return tuple(self.listed())

    def each(self) -> Iterable[Entry]:
        """The same, one at a time: hundreds of thousands of entries take much room."""
        return self.__dict__["entries"] if "entries" in self.__dict__ else self.listed()

    @cached_property
    def digest(self) -> str:
        """The md5 of the file, or of the ``.dir`` object with its suffix."""
        if self.known:
            return self.known.digest
        return digest_of(self.as_dir_object()) if self.is_folder else self.entries[0].md5

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return self.known.size if self.known else sum(entry.size for entry in self.each())

    @property
    def nfiles(self) -> int | None:
        """How many files a folder holds; None for a single file."""
        if self.known:
            return self.known.nfiles
        return len(self.entries) if self.is_folder else None

    @property
    def count(self) -> int:
        """How many files it holds."""
        return 1 if self.nfiles is None else self.nfiles

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Content):
            return NotImplemented
        return (self.digest, self.is_executable) == (other.digest, other.is_executable)

    def __hash__(self) -> int:
        return hash(self.digest)

    def as_dir_object(self) -> bytes:
        """The ``.dir`` object, byte for byte as DVC writes it."""
        whole = BytesIO()  # hands its buffer over, where a join would hold everything twice
        whole.write(b"[")
        each, gap = iter(self.each()), b""
        while piece := tuple(islice(each, PIECE)):
            whole.write(gap)
            whole.write(_written(piece))
            gap = b", "
        whole.write(b"]")
        return whole.getvalue()

    def changes_since(self, before: Content | None) -> FileChanges:
        """What was added, modified and removed since `before` (None: nothing was there)."""
        old = {entry.path: entry.md5 for entry in before.each()} if before else {}
        added, modified = [], []
        for entry in self.each():
            md5 = old.pop(entry.path, None)
            if md5 is None:
                added.append(entry.path)
            elif md5 != entry.md5:
                modified.append(entry.path)
        return FileChanges(tuple(sorted(added)), tuple(sorted(modified)), tuple(sorted(old)))


def digest_of(listing: bytes) -> str:
    """The name of the ``.dir`` object with these bytes."""
    return hashlib.md5(listing, usedforsecurity=False).hexdigest() + FOLDER_SUFFIX


def _written(entries: Iterable[Entry]) -> bytes:
    quoted = encode_basestring_ascii
    items = (f'{{"md5": {quoted(entry.md5)}, "relpath": {quoted(entry.path)}}}' for entry in entries)
    return ", ".join(items).encode("ascii")


def folder(entries: Iterable[Entry]) -> Content:
    """The content of a folder, its files in any order."""
    return Content.of(tuple(sorted(entries, key=BY_PATH)), is_folder=True)


def parse_dir_object(data: bytes, digest: str) -> Content:
    """The content a ``.dir`` object describes; sizes are not in it.

    Raises
    ------
    EnvironmentFault
        ``object-corrupt``.
    """
    try:
        listed = _listed(data)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise corrupt(digest) from error
    if not _are_digests(list(map(BY_MD5, listed))) or not _are_below([entry.path for entry in listed]):
        raise corrupt(digest)
    return folder(listed)


def _listed(data: bytes) -> tuple[Entry, ...]:
    """The entries as written: DVC writes names that are no UTF-8 too, which only the slow way can read."""
    try:
        return LISTING.decode(data)
    except ValueError:
        return tuple(Entry(str(item["relpath"]), str(item["md5"])) for item in json.loads(data))


def _are_digests(md5s: list[str]) -> bool:
    """Whether all are digests; those of plain files are looked at all at once."""
    digits = "".join(md5s)
    try:
        plain = all(len(md5) == 32 for md5 in md5s) and bytes.fromhex(digits).hex() == digits
    except ValueError:
        plain = False
    return plain or all(map(DIGEST.fullmatch, md5s))


def _are_below(paths: list[str]) -> bool:
    """Whether a listing may name `paths`: the look at all of them at once finds most to be plain."""
    joined = "\0".join(("", *paths, ""))
    plain = joined.count("\0") == len(paths) + 1 and not any(mark in joined for mark in ODD) if paths else True
    return plain or all(map(_is_below, paths))


def _is_below(path: str) -> bool:
    """Whether a listing may name `path`: its name proves its bytes, not that whoever wrote it meant well."""
    if "." not in path and path[:1] not in {"", "/"}:
        return "\0" not in path
    parts = path.split("/")
    return "" not in parts and ".." not in parts and "\0" not in path and not is_reserved(parts)


def is_reserved(parts: Iterable[str]) -> bool:
    """Whether a path of these parts lies in a folder of git or DVC, on any disk."""
    return any(part[:1] == "." and part.lower() in RESERVED for part in parts)


def corrupt(digest: str) -> EnvironmentFault:
    """The error for an object whose bytes are not what its name says."""
    return EnvironmentFault(
        "object-corrupt",
        f"The object {digest} in the cache is damaged; it was set aside.",
        hint="pull fetches it again from the remote.",
    )
