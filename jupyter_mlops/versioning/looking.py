"""One look at a dataset in the workspace: what was found, beside what was known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain, pairwise

import attrs

from jupyter_mlops.versioning.content import BY_PATH, Entry, FileChanges
from jupyter_mlops.versioning.stat_index import SIZE_IN_MARK, Known, Remembered
from jupyter_mlops.versioning.walking import Folder


def _with_files(folders: Iterable[Folder]) -> tuple[Folder, ...]:
    return tuple(one for one in folders if one.names)


@attrs.frozen(slots=False, eq=False)
class Look:
    """What was found; what it means is asked once all that is new in it was read.

    Attributes
    ----------
    name, algorithm
        The dataset, and how it names contents.
    known
        What the index knew.
    found
        Its folders that hold files; of a file one without a name.
    is_folder
        Whether the dataset is a folder.
    """

    name: str
    algorithm: str
    known: Known
    found: Sequence[Folder] = attrs.field(converter=_with_files)
    is_folder: bool

    @property
    def count(self) -> int:
        """How many files there are."""
        return sum(len(one.names) for one in self.found)

    @property
    def size(self) -> int:
        """What they hold together, in bytes."""
        return sum(size for one in self.found for (size,) in SIZE_IN_MARK.iter_unpack(one.marks))

    @property
    def is_sure(self) -> bool:
        """Whether the stamps of all files can be relied on."""
        return not any(one.unsettled for one in self.found)

    @property
    def is_known(self) -> bool:
        """Whether all is as the index knew it, and it knows what that makes."""
        if not self.known.whole or not self.is_sure or self.gone:
            return False
        return all(one.to_remember() is None for one in self.found)

    @cached_property
    def new(self) -> Mapping[str, Remembered]:
        """What the index should know of folders, by their paths."""
        return {self._path(one): row for one in self.found if (row := one.to_remember())}

    @cached_property
    def gone(self) -> frozenset[str]:
        """Paths of the folders that the index knows and that hold no file any more."""
        return frozenset(self.known.folders.keys() - {self._path(one) for one in self.found})

    def _path(self, one: Folder) -> str:
        return f"{self.name}/{one.prefix}".rstrip("/")

    def entries(self) -> Iterable[Entry]:
        """Every file, sorted by path: folder by folder, unless a folder with files holds another one."""
        folders = sorted(self.found, key=lambda one: one.prefix)
        if any(below.prefix.startswith(above.prefix) for above, below in pairwise(folders)):
            return sorted(chain.from_iterable(one.entries() for one in folders), key=BY_PATH)
        return chain.from_iterable(sorted(one.entries(), key=BY_PATH) for one in folders)

    def since(self) -> tuple[str, FileChanges] | None:
        """The content that the index knew as a whole, and what has changed since."""
        if not self.known.whole:
            return None
        changed: dict[str, list[str]] = {"added": [], "modified": [], "removed": []}
        for kind, path in chain.from_iterable(one.changes() for one in self.found):
            changed[kind].append(path)
        for folder in self.gone:
            prefix = folder[len(self.name) + 1 :]
            files = self.known.folders[folder].places()
            changed["removed"] += [f"{prefix}/{file}" if prefix else file for file in files]
        return self.known.whole.digest, FileChanges(**{kind: tuple(sorted(paths)) for kind, paths in changed.items()})
