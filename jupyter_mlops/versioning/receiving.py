"""Objects brought from a remote: what is here is not fetched again, and every byte is checked before it counts."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from jupyter_mlops.records import Progress
from jupyter_mlops.versioning.content import FOLDER_SUFFIX, Content, parse_dir_object
from jupyter_mlops.versioning.hashing import OBJECT_MODE, md5_of
from jupyter_mlops.versioning.shelves import Meter, Shelf, each
from jupyter_mlops.versioning.store import Store
from jupyter_mlops.versioning.transfer import Answer

ASKED_FOR_SIZES = 256
"""Up to so many files the remote is asked beforehand how large they are."""


class Receiving:
    """Fetches versions.

    Parameters
    ----------
    shelves
        The layouts that the remote may have, the likelier first: only the remote knows which one an object has.
    look_only
        Say what would come; fetch nothing.
    shared
        Whether a group shares the cache.
    """

    def __init__(
        self, shelves: Sequence[Shelf], store: Store, progress: Progress, *, look_only: bool, shared: bool
    ) -> None:
        self._shelves = shelves
        self._store = store
        self._progress = progress
        self._look_only = look_only
        self._shared = shared
        self._listings: dict[str, tuple[bytes, Shelf]] = {}

    def receive(self, digests: Iterable[str]) -> Answer:
        """Bring what the versions `digests` need: the files, then the listings, so that a listing means files."""
        asked = set(digests)
        tops = {one for one in asked if one.endswith(FOLDER_SUFFIX)}
        lost = self._read_listings({one for one in tops if self._store.find(one) is None})
        files = {entry.md5 for top in tops - lost for entry in self._content(top).entries}
        absent = {one for one in files | (asked - tops) if self._store.find(one) is None}
        answer = self._bring(absent)
        if not self._look_only:
            self._keep_listings()
        moved = (*answer.moved, *sorted(self._listings))
        return Answer(answer.files, answer.bytes, moved, (*answer.missing, *sorted(lost)), answer.damaged)

    def _read_listings(self, absent: set[str]) -> set[str]:
        """Read the listings that only the remote has; returns those that it lacks too."""
        for shelf in self._shelves:
            for digest in shelf.there(absent - self._listings.keys(), self._progress):
                data = shelf.read(digest)
                if hashlib.md5(data, usedforsecurity=False).hexdigest() + FOLDER_SUFFIX == digest:
                    self._listings[digest] = data, shelf
        return absent - self._listings.keys()

    def _content(self, digest: str) -> Content:
        known = self._listings.get(digest)
        return parse_dir_object(known[0], digest) if known else self._store.content(digest)

    def _bring(self, absent: set[str]) -> Answer:
        answer = Answer()
        for shelf in self._shelves:
            there = shelf.there(absent, self._progress)
            answer += self._download(shelf, there)
            absent -= there
        return answer + Answer(missing=tuple(sorted(absent)))

    def _download(self, shelf: Shelf, digests: Collection[str]) -> Answer:
        if not digests or self._look_only:
            return Answer(files=len(digests), bytes=self._weight(shelf, digests) or 0, moved=tuple(sorted(digests)))
        what = f"fetch {len(digests):,} file{'s' * (len(digests) != 1)}"
        meter = Meter(what, self._weight(shelf, digests), self._progress)
        moved: list[str] = []
        damaged: list[str] = []
        size = 0
        with self._store.incoming() as incoming:

            def one(digest: str) -> int:
                partial = incoming / secrets.token_hex(8)
                shelf.receive(digest, partial, meter)
                return self._keep(shelf, partial, digest)

            for digest, number in each(one, digests, shelf.jobs):
                (moved if number >= 0 else damaged).append(digest)
                size += max(0, number)
        return Answer(len(moved), size, tuple(moved), tuple(damaged), tuple(damaged))

    @staticmethod
    def _weight(shelf: Shelf, digests: Collection[str]) -> int | None:
        if len(digests) > ASKED_FOR_SIZES:
            return None
        sizes = shelf.sizes(digests).values()
        return sum(size or 0 for size in sizes if size != -1)

    def _keep_listings(self) -> None:
        with self._store.incoming() as incoming:
            for digest, (data, shelf) in self._listings.items():
                partial = incoming / secrets.token_hex(8)
                partial.write_bytes(data)
                self._keep(shelf, partial, digest)

    def _keep(self, shelf: Shelf, partial: Path, digest: str) -> int:
        """Give what arrived its name in the cache; returns its bytes, -1 when they are not what the name says."""
        md5, found = md5_of(partial, shelf.algorithm)
        if md5 != digest.removesuffix(FOLDER_SUFFIX):
            partial.unlink()
            return -1
        partial.chmod(OBJECT_MODE)
        target = shelf.here(digest)
        if not target.parent.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            if self._shared:
                target.parent.chmod(0o2775)
        partial.replace(target)
        return found.st_size
