"""Objects looked at byte by byte: what is missing, what is damaged, and where it can be had again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs
import msgspec

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.records import Instant, Places, Progress, Step, now, silent, write_atomically
from jupyter_mlops.versioning.batches import batches, worked
from jupyter_mlops.versioning.content import FOLDER_SUFFIX
from jupyter_mlops.versioning.datasets import Datasets
from jupyter_mlops.versioning.hashing import md5_of
from jupyter_mlops.versioning.values import LAST_LOOK

SOUND, DAMAGED, MISSING = "sound", "damaged", "missing"


@attrs.frozen
class Place:
    """Where an object belongs: a file of a version of a dataset; nowhere when only the cache knows it."""

    dataset: str = ""
    version: str = ""
    path: str = ""


@attrs.frozen
class Trouble:
    """An object that is not what it should be.

    Attributes
    ----------
    kind
        ``damaged`` or ``missing``.
    dataset, version, path
        One place where it belongs.
    """

    digest: str
    kind: str
    dataset: str = ""
    version: str = ""
    path: str = ""


@attrs.frozen
class Findings:
    """What a look at the cache found."""

    objects: int
    bytes: int
    troubles: tuple[Trouble, ...]


class Scrubbing:
    """Looks at the objects of one project.

    Parameters
    ----------
    datasets
        Its datasets.
    """

    def __init__(self, datasets: Datasets) -> None:
        self._datasets = datasets
        self._store = datasets.store

    def wanted(self, versions: Iterable[tuple[str, str, str]]) -> dict[str, Place]:
        """Every object of `versions` (dataset, label, digest) that was not let go, and a place where it belongs."""
        places: dict[str, Place] = {}
        for dataset, label, digest in versions:
            standing = self._store.standing(digest)
            if standing == digest and self._datasets.tombstones.of(digest) and not self._store.find(digest):
                continue  # let go, and nothing took its place
            places.setdefault(standing, Place(dataset, label))
            for path, md5 in self._files(standing):
                places.setdefault(md5, Place(dataset, label, path))
        return places

    def _files(self, digest: str) -> Iterator[tuple[str, str]]:
        """The files of a folder, as far as its list can be read: looking must not set it aside."""
        path = self._store.find(digest)
        if digest.endswith(FOLDER_SUFFIX) and path and self._is_sound(digest):
            yield from ((entry.path, entry.md5) for entry in self._store.content(digest).entries)

    def whole_cache(self) -> dict[str, Place]:
        """Every object of the cache, whether a version needs it or not."""
        return {digest: Place() for digest, _ in self._store.sizes()}

    def look(self, objects: Mapping[str, Place], progress: Progress = silent) -> Findings:
        """Read every one of `objects` and compare it with its name."""
        sizes = {digest: path.stat().st_size if (path := self._store.find(digest)) else 0 for digest in objects}
        total, done = sum(sizes.values()), 0
        troubles: list[Trouble] = []
        progress(Step("verify", done, total, "bytes"))
        for states in worked(self._states, batches(sizes.items())):
            done += sum(sizes[digest] for digest, _ in states)
            progress(Step("verify", done, total, "bytes"))
            for digest, state in states:
                if state != SOUND:
                    place = objects[digest]
                    troubles.append(Trouble(digest, state, place.dataset, place.version, place.path))
        return Findings(len(objects), total, tuple(troubles))

    def _states(self, digests: Iterable[str]) -> list[tuple[str, str]]:
        return [(digest, self._state(digest)) for digest in digests]

    def _state(self, digest: str) -> str:
        if self._store.find(digest) is None:
            return MISSING
        return SOUND if self._is_sound(digest) else DAMAGED

    def _is_sound(self, digest: str) -> bool:
        """Whether the bytes are those that the name tells."""
        path = self._store.find(digest)
        try:
            return path is not None and md5_of(path, self._store.algorithm(digest))[0] + _suffix(digest) == digest
        except (OSError, MlopsError):
            return False

    def set_aside(self, troubles: Iterable[Trouble]) -> None:
        """Move what is damaged out of the way, so that nobody uses it and it is fetched again."""
        for each in troubles:
            path = self._store.find(each.digest)
            if each.kind == DAMAGED and path:
                self._store.quarantine(path)


def _suffix(digest: str) -> str:
    return FOLDER_SUFFIX if digest.endswith(FOLDER_SUFFIX) else ""


@attrs.frozen
class LastLook:
    """When the cache was last looked at, and what was left wrong with it."""

    time: Instant
    troubles: int

    @classmethod
    def read(cls, places: Places) -> LastLook | None:
        """What the last look left, None when there was none."""
        try:
            return msgspec.json.decode((places.state / LAST_LOOK).read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError):
            return None

    @staticmethod
    def note(places: Places, troubles: Sequence[Trouble]) -> None:
        """Keep what this look left."""
        write_atomically(places.state / LAST_LOOK, msgspec.json.encode(LastLook(now(), len(troubles))))
