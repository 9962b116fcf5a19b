"""What a cache held at one moment: thousands of objects are asked for without asking the disk for each."""

from __future__ import annotations

from collections.abc import Iterable

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.versioning.content import FOLDER_SUFFIX
from jupyter_mlops.versioning.store import Store
from jupyter_mlops.versioning.tombstones import Tombstones


class Inventory:
    """The objects of a cache, counted once.

    It is right as long as nobody saves or removes: who removes by it holds `Store.collecting`.

    Parameters
    ----------
    store
        The cache.
    tombstones
        What was let go.

    Attributes
    ----------
    sizes
        The bytes of every object.
    """

    def __init__(self, store: Store, tombstones: Tombstones) -> None:
        self._store = store
        self._tombstones = tombstones
        self.sizes = dict(store.sizes())

    def standing(self, digest: str) -> str:
        """`digest` itself or what took its place, as `Store.standing` has it."""
        if digest in self.sizes and not self._tombstones.is_erased(digest):
            return digest
        return self._tombstones.successor(digest) or digest

    def objects(self, digest: str) -> Iterable[str]:
        """Every object of the version `digest`, here or not: itself and, where its list of files is here, those."""
        standing = self.standing(digest)
        yield standing
        if standing.endswith(FOLDER_SUFFIX) and standing in self.sizes:
            yield from (entry.md5 for entry in self._store.content(standing).entries)

    def is_whole(self, digest: str) -> bool:
        """Whether every object of the version `digest`, or of what took its place, is here."""
        try:
            return all(one in self.sizes for one in self.objects(digest))
        except MlopsError:  # a damaged list of files
            return False
