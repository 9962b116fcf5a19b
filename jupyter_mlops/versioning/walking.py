"""Which files a dataset has in the workspace, and which of them have to be read."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.versioning.content import Entry
from jupyter_mlops.versioning.dvcignore import ALWAYS, NAME, DvcIgnore
from jupyter_mlops.versioning.stat_index import RECORD_BYTES, SIGNATURE, Remembered


@attrs.define
class Folder:
    """What a look at one folder of the dataset found.

    Attributes
    ----------
    prefix
        What stands before the names of its files in paths below the dataset: ``""`` or ``FOLDER/``.
    entries
        Files whose digests are known.
    fresh
        Names of files that have to be read.
    fresh_bytes
        What they hold together.
    kept
        What the index knows of `entries`; nothing when all it knows still holds.
    """

    prefix: str
    entries: list[Entry] = attrs.field(factory=list)
    fresh: list[str] = attrs.field(factory=list)
    fresh_bytes: int = 0
    kept: Remembered | None = None


Linked = Callable[[Path, str], None]
"""Checks where a link leads."""


def walk(top: Path, name: str, ignore: DvcIgnore, linked: Linked, known: Mapping[str, Remembered]) -> Iterator[Folder]:
    """Every folder at and below `top`, the dataset `name`; links to files are followed, links to folders not."""
    pending = [""]
    rules = ignore or None
    while pending:
        prefix = pending.pop()
        place = f"{name}/{prefix}".rstrip("/")
        files = _files(os.path.join(top, prefix), prefix, pending, _Rules(name, rules, linked))  # noqa: PTH118
        yield sorted_out(prefix, files, known.get(place))


@attrs.frozen
class _Rules:
    """What is left out of the dataset `name`, and what links may do."""

    name: str
    ignore: DvcIgnore | None
    linked: Linked


def _files(place: str, prefix: str, pending: list[str], rules: _Rules) -> Iterator[tuple[str, os.stat_result]]:
    """The files right in the folder `place`; folders in it join the `pending`."""
    with os.scandir(place) as items:
        for item in items:
            name = item.name
            is_folder = item.is_dir()
            if name in ALWAYS and (is_folder or name == ".git"):
                continue
            if rules.ignore and rules.ignore.excludes(f"{rules.name}/{prefix}{name}", is_folder=is_folder):
                continue
            if not is_folder:
                if item.is_symlink():
                    rules.linked(Path(item.path), f"{rules.name}/{prefix}{name}")
                yield name, _stat(item, prefix + name)
            elif not item.is_symlink():
                pending.append(f"{prefix}{name}/")


def sorted_out(prefix: str, files: Iterator[tuple[str, os.stat_result]], remembered: Remembered | None) -> Folder:
    """What of `files` is known by its stat, and what has to be read."""
    found = Folder(prefix)
    places, records = (remembered.places(), remembered.records) if remembered else ({}, b"")
    entries, mark = found.entries, SIGNATURE.size
    names, kept = [], []
    for name, status in files:
        at = places.get(name, -1)
        seen = SIGNATURE.pack(status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        if at >= 0 and records[at : at + mark] == seen:
            entries.append(Entry(prefix + name, records[at + mark : at + RECORD_BYTES].hex(), status.st_size))
            names.append(name)
            kept.append(at)
        else:
            found.fresh.append(name)
            found.fresh_bytes += status.st_size
    if found.fresh or len(kept) != len(places):
        known = b"".join(records[at : at + RECORD_BYTES] for at in kept)
        found.kept = Remembered(os.fsencode("\0".join(names)), known)
    return found


def _stat(item: os.DirEntry[str], path: str) -> os.stat_result:
    try:
        status = item.stat()
    except FileNotFoundError as error:
        raise UsageError(
            "broken-link",
            f"{path} is a link to nothing.",
            context=item.path,
            hint="Repair or remove the link, then repeat.",
        ) from error
    if not stat.S_ISREG(status.st_mode):
        require_regular(path, status)
    return status


def require_regular(path: str, status: os.stat_result) -> None:
    """Refuse what is no file.

    Raises
    ------
    UsageError
        ``not-a-file``.
    """
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(
            "not-a-file",
            f"{path} is a device, a pipe or a socket.",
            hint="Only files and folders can be versioned; keep it out with a line in .dvcignore.",
        )


def require_no_link(root: Path, name: str) -> None:
    """Refuse a folder reached through a link: it belongs to another place.

    Raises
    ------
    UsageError
        ``inside-link``.
    """
    above = root
    for part in name.split("/")[:-1]:
        above /= part
        if above.is_symlink():
            raise _inside_link(name)
    top = root / name
    if top.is_symlink() and top.is_dir():
        raise _inside_link(name)


def _inside_link(name: str) -> UsageError:
    return UsageError(
        "inside-link",
        f"{name} is reached through a link to a folder.",
        hint=f"Name the folder itself, or bring a copy in: import {name}.",
    )


def require_nameable(name: str, folder: Folder) -> None:
    """Refuse names that DVC could not read back, before anything is stored.

    Raises
    ------
    UsageError
        ``ignore-inside-data``, ``bad-file-name``.
    """
    joined = "\0".join([folder.prefix, *folder.fresh, *(one.path for one in folder.entries)])
    if NAME not in joined and _is_utf8(joined):
        return
    for path in [folder.prefix + file for file in folder.fresh] + [entry.path for entry in folder.entries]:
        if (path or name).rpartition("/")[2] == NAME:
            raise UsageError(
                "ignore-inside-data",
                f"{NAME} must not lie inside a dataset.",
                context=f"{name}/{path}",
                hint=f"Move it above {name}.",
            )
        if not _is_utf8(path or name):
            shown = os.fsencode(path or name).decode(errors="replace")
            raise UsageError("bad-file-name", f"{shown} is not a UTF-8 name.", hint="Rename it, then repeat.")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
