"""DVC's run-cache in a remote: entries of ``runs/``, which only follow the data that they name.

An entry is ``runs/xx/KEY/VALUE``, as ``dvc push --run-cache`` has it. What it says is checked by whoever uses it.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.records import Progress, Step, write_atomically
from jupyter_mlops.versioning.occupancy import private_folder
from jupyter_mlops.versioning.pointers import outs
from jupyter_mlops.versioning.sending import sent
from jupyter_mlops.versioning.shelves import RENAMING, Shelf
from jupyter_mlops.versioning.transfer import Answer, Request

if TYPE_CHECKING:
    from dvc_objects.fs.base import FileSystem

FOLDER = "runs"
NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{64}/[0-9a-f]{64}")
WITHOUT_LISTS = frozenset({"http", "https"})
NO_LISTS = "A web server cannot hold the run-cache: what stages made before was neither sent nor fetched."


@attrs.frozen
class RunEntries:
    """The entries here and in one remote; a name is ``xx/KEY/VALUE``.

    Attributes
    ----------
    fs, there
        The file system of the remote, and its folder of entries.
    here
        The folder of entries in the cache.
    """

    fs: FileSystem
    there: str
    here: Path

    @property
    def can_be_listed(self) -> bool:
        """Whether the remote can say what it holds."""
        return self.fs.protocol not in WITHOUT_LISTS

    def only_here(self, below: Collection[str]) -> list[str]:
        """The entries in the folders (or of the names) `below` that the remote lacks; ``""`` is all of them."""
        found = self._here(below)
        return sorted(found - self._there(below)) if found else []

    def only_there(self, below: Collection[str]) -> list[str]:
        """The entries `below` that only the remote has."""
        return sorted(self._there(below) - self._here(below))

    def _here(self, below: Iterable[str]) -> set[str]:
        places = [self.here / part for part in below]
        files = [path for place in places for path in ([place] if place.is_file() else place.rglob("*"))]
        return _entries(path.relative_to(self.here).as_posix() for path in files)

    def _there(self, below: Iterable[str]) -> set[str]:
        places = [self.fs.join(self.there, *part.split("/")) if part else self.there for part in below]
        files = [path for place in places if self.fs.exists(place) for path in self.fs.find(place)]
        return _entries(self.fs.as_posix(self.fs.relpath(path, self.there)) for path in files)

    def read(self, name: str) -> bytes:
        """The bytes of an entry in the remote."""
        with self.fs.open(self._place(name), "rb") as handle:
            return bytes(handle.read())

    def keep(self, name: str, data: bytes) -> None:
        """Write an entry into the cache."""
        write_atomically(self.here / name, data)

    def send(self, name: str) -> None:
        """Upload an entry, whole or not at all."""
        source, target = str(self.here / name), self._place(name)
        self.fs.makedirs(self.fs.parent(target), exist_ok=True)
        if self.fs.protocol == "local":  # not beside the entries: a killed push must not leave a part there
            with private_folder(Path(self.there).parent / ".incoming") as folder:
                self._send_by(source, str(folder / "entry"), target)
        elif self.fs.protocol in RENAMING:
            self._send_by(source, f"{target}.{secrets.token_hex(4)}.tmp", target)
        else:
            self.fs.put_file(source, target)

    def _send_by(self, source: str, aside: str, target: str) -> None:
        self.fs.put_file(source, aside)
        self.fs.move(aside, target)

    def _place(self, name: str) -> str:
        return str(self.fs.join(self.there, *name.split("/")))


def travelled(entries: RunEntries, shelves: Mapping[str, Shelf], request: Request, progress: Progress) -> Answer:
    """Send or bring the entries that `request` names."""
    if not entries.can_be_listed:
        return Answer(note=NO_LISTS)
    progress(Step("look at the run-cache"))
    move = _sent if request.direction == "push" else _brought
    return move(entries, shelves, request, progress)


def _sent(entries: RunEntries, shelves: Mapping[str, Shelf], request: Request, progress: Progress) -> Answer:
    store = next(iter(shelves.values())).store
    named = {name: digests((entries.here / name).read_bytes()) for name in entries.only_here(request.runs)}
    whole = {name: {one for top in tops for one in store.objects(top)} for name, tops in named.items() if tops}
    wanted = {(store.algorithm(one), one) for objects in whole.values() for one in objects}
    answer = sent(shelves, wanted, request, progress)
    ready = [name for name, objects in whole.items() if objects.isdisjoint(answer.missing)]
    for name in ready if not request.look_only else ():
        entries.send(name)
    # Data that was let go keeps its run here, and no more: the project lacks nothing.
    return attrs.evolve(answer, missing=(), runs=len(ready))


def _brought(entries: RunEntries, shelves: Mapping[str, Shelf], request: Request, progress: Progress) -> Answer:
    found = {name: entries.read(name) for name in entries.only_there(request.runs)}
    named = {name: tops for name, data in found.items() if (tops := digests(data))}
    asked = {one for tops in named.values() for one in tops}
    there = {one for one in asked if any(shelf.store.find(one) for shelf in shelves.values())}
    for shelf in shelves.values():
        there |= shelf.there(asked - there, progress)
    ready = [name for name, tops in named.items() if tops <= there]
    for name in ready if not request.look_only else ():
        entries.keep(name, found[name])
    return Answer(runs=len(ready))


def digests(entry: bytes) -> set[str] | None:
    """What the outputs of an entry are called in the cache; None of what is no entry."""
    with contextlib.suppress(UsageError):
        found = outs(entry, "an entry of the run-cache")
        return {out.digest for out in found} if found and all(out.digest for out in found) else None
    return None


def _entries(names: Iterable[str]) -> set[str]:
    return {name for name in names if NAME.fullmatch(name)}
