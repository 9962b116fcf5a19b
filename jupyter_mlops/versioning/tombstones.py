"""What was let go for good: which contents, when, by whom and why, and what took their place.

Shared through git as other records are. A tombstone holds digests and counts, never what was erased.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import attrs
import msgspec

from jupyter_mlops.records import Actor, Instant, Places
from jupyter_mlops.versioning.content import DIGEST
from jupyter_mlops.versioning.ledger import Ledger

KIND = "tombstones"
RETIRED, ERASED = "retired", "erased"


@attrs.frozen
class Tombstone:
    """Contents that are gone.

    Attributes
    ----------
    kind
        ``retired`` by a retention rule, or ``erased``.
    what
        In words, without personal data: ``rows by email``, ``1 file``.
    reason
        Why, as was said.
    contents
        Digests of versions and files that are gone, each with what stands in its place, "" for nothing.
    rows
        Rows erased from a file, by the digest of the file as it was.
    """

    id: str
    kind: str
    time: Instant
    actor: Actor
    what: str
    reason: str
    contents: dict[str, str] = attrs.field(factory=dict)
    rows: dict[str, int] = attrs.field(factory=dict)


class Tombstones:
    """All tombstones of one project.

    Parameters
    ----------
    places
        Where git keeps its refs.
    ledger
        Keeps them.
    """

    def __init__(self, places: Places, ledger: Ledger) -> None:
        self._places = places
        self._ledger = ledger

    def append(self, tombstone: Tombstone) -> None:
        """Keep `tombstone`; one with the same id is replaced."""
        self._ledger.append(KIND, tombstone.id, msgspec.json.encode(tombstone), tombstone.actor)
        for known in ("_by_digest", "_replaced"):
            self.__dict__.pop(known, None)

    def of(self, digest: str) -> Tombstone | None:
        """The tombstone of the content `digest`, if it is gone."""
        return self._by_digest.get(digest)

    def is_erased(self, digest: str) -> bool:
        """Whether `digest` must not come back, not from anywhere."""
        stone = self._by_digest.get(digest)
        return stone is not None and stone.kind == ERASED

    def successor(self, digest: str) -> str:
        """What stands in the place of `digest` in the end; "" when nothing does, or it is not gone."""
        seen: set[str] = set()
        current = digest
        while (found := self._by_digest.get(current)) and current not in seen:
            seen.add(current)
            current = found.contents[current]
        return current if current != digest else ""

    def predecessors(self, digest: str) -> tuple[str, ...]:
        """The contents in whose place `digest` stands."""
        return tuple(self._replaced.get(digest, ()))

    @cached_property
    def _replaced(self) -> Mapping[str, list[str]]:
        """What each heir took the place of."""
        found: dict[str, list[str]] = {}
        for old in self._by_digest:
            if heir := self.successor(old):
                found.setdefault(heir, []).append(old)
        return found

    @cached_property
    def _by_digest(self) -> Mapping[str, Tombstone]:
        """The last word counts, an erasure before all; nothing is loaded where nothing was ever let go."""
        if not _has_refs(self._places.git_dir):
            return {}
        found: dict[str, Tombstone] = {}
        for stone in sorted(self._sound(), key=lambda stone: (stone.kind == ERASED, stone.time, stone.id)):
            found.update(dict.fromkeys(stone.contents, stone))
        return found

    def _sound(self) -> Iterator[Tombstone]:
        """Those that can be read, and whose heirs are digests."""
        for _, data in self._ledger.read(KIND):
            with suppress(msgspec.DecodeError, msgspec.ValidationError, RecursionError):
                stone = msgspec.json.decode(data, type=Tombstone)
                if all(not heir or DIGEST.fullmatch(heir) for heir in stone.contents.values()):
                    yield stone


def _has_refs(git_dir: Path) -> bool:
    """Whether git keeps tombstones, own or fetched: asked of the files, since this is asked at every look."""
    folders = (git_dir / "refs" / "mlops" / KIND, git_dir / "refs" / "remotes" / "mlops" / KIND)
    if any(folder.is_dir() for folder in folders):
        return True
    with suppress(OSError):
        return f"/mlops/{KIND}/".encode() in (git_dir / "packed-refs").read_bytes()
    return False
