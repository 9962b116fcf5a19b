"""What a dataset consists of: files with their digests, exactly as DVC names them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from functools import cached_property

import attrs

from jupyter_mlops.errors import EnvironmentFault

FOLDER_SUFFIX = ".dir"
MD5 = "md5"
LEGACY_MD5 = "md5-dos2unix"
DIGEST = re.compile(r"[0-9a-f]{32}(?:\.dir)?")
RESERVED = frozenset({".git", ".hg", ".dvc"})
"""Folders of git and DVC: nothing in them is data."""


@attrs.frozen
class Entry:
    """One file: its path below the dataset (``""`` when it is the dataset), md5 and bytes."""

    path: str
    md5: str
    size: int = 0


@attrs.frozen
class FileChanges:
    """Files that differ, by path below the dataset, each sorted."""

    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.modified or self.removed)


@attrs.frozen(slots=False)
class Content:
    """The files of a dataset at one moment.

    Attributes
    ----------
    entries
        Sorted by path; a single one with an empty path when the dataset is a file.
    is_folder
        Whether the dataset is a folder.
    is_executable
        Whether a single file may be executed.
    """

    entries: tuple[Entry, ...]
    is_folder: bool
    is_executable: bool = False

    @cached_property
    def digest(self) -> str:
        """The md5 of the file, or of the ``.dir`` object with its suffix."""
        if not self.is_folder:
            return self.entries[0].md5
        return hashlib.md5(self.as_dir_object(), usedforsecurity=False).hexdigest() + FOLDER_SUFFIX

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.entries)

    @property
    def nfiles(self) -> int | None:
        """How many files a folder holds; None for a single file."""
        return len(self.entries) if self.is_folder else None

    def as_dir_object(self) -> bytes:
        """The ``.dir`` object, byte for byte as DVC writes it."""
        return json.dumps([{"md5": entry.md5, "relpath": entry.path} for entry in self.entries]).encode()

    def changes_since(self, before: Content | None) -> FileChanges:
        """What was added, modified and removed since `before` (None: nothing was there)."""
        old = {entry.path: entry.md5 for entry in before.entries} if before else {}
        new = {entry.path: entry.md5 for entry in self.entries}
        return FileChanges(
            added=tuple(sorted(new.keys() - old.keys())),
            modified=tuple(sorted(path for path in new.keys() & old.keys() if new[path] != old[path])),
            removed=tuple(sorted(old.keys() - new.keys())),
        )


def folder(entries: Iterable[Entry]) -> Content:
    """The content of a folder, its files in any order."""
    return Content(tuple(sorted(entries, key=lambda entry: entry.path)), is_folder=True)


def parse_dir_object(data: bytes, digest: str) -> Content:
    """The content a ``.dir`` object describes; sizes are not in it.

    Raises
    ------
    EnvironmentFault
        ``object-corrupt``.
    """
    try:
        listed = [Entry(str(item["relpath"]), str(item["md5"])) for item in json.loads(data)]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise corrupt(digest) from error
    if not all(DIGEST.fullmatch(entry.md5) and _is_below(entry.path) for entry in listed):
        raise corrupt(digest)
    return folder(listed)


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
