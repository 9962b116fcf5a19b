"""Objects that nothing needs any more: found, and removed while nobody saves."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence

from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.records import Progress, Step, silent
from jupyter_mlops.versioning.content import FOLDER_SUFFIX
from jupyter_mlops.versioning.datasets import Datasets
from jupyter_mlops.versioning.inventory import Inventory
from jupyter_mlops.versioning.journal import Journal
from jupyter_mlops.versioning.publishing import dvc_lock
from jupyter_mlops.versioning.reach import named

REPORT_EVERY = 500


class Collecting:
    """Removes what no version needs from the cache of a project.

    Parameters
    ----------
    datasets
        The datasets of the project.
    others
        Those of further projects that share its cache.
    """

    def __init__(self, datasets: Datasets, others: Sequence[Datasets] = ()) -> None:
        self._all = (datasets, *others)
        self._store = datasets.store
        self._stones = [each.tombstones for each in self._all]

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody saves, restores or runs plain ``dvc`` meanwhile, in any of the projects."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._store.collecting())
            for datasets in self._all:
                stack.enter_context(dvc_lock(datasets.places.root, datasets.settings))
            yield

    def unneeded(
        self, held: Inventory, dropped: Collection[tuple[str, str]] = (), *, force: bool = False
    ) -> dict[str, int]:
        """The bytes of every object that no version needs.

        Parameters
        ----------
        held
            What the cache holds.
        dropped
            Dataset and digest of versions of the project that do not count any more.
        force
            Go on although which files a version needs cannot be told.

        Raises
        ------
        UsageError
            ``erasure-cut-off``.
        EnvironmentFault
            ``listing-missing``, ``git-incomplete``.
        """
        Journal.require_none(self._all[0].places)
        wanted = self.versions(dropped)
        if not force:
            self._require_listings(wanted, held)
        needed = self.needed(wanted, held)
        return {digest: size for digest, size in held.sizes.items() if digest not in needed}

    def inventory(self) -> Inventory:
        """What the cache holds now."""
        return Inventory(self._store, self._stones[0])

    def versions(self, without: Collection[tuple[str, str]] = ()) -> set[str]:
        """The digest of every version that anything names, but those of the project that are `without`."""
        own = self._all[0]
        return self.elsewhere() | named(own.git, own.settings.cache, without)

    def elsewhere(self) -> set[str]:
        """The digest of every version that the further projects name."""
        return {digest for each in self._all[1:] for digest in named(each.git, each.settings.cache)}

    def needed(self, versions: Collection[str], held: Inventory) -> set[str]:
        """Every object of `versions`, and of what took their place or is about to."""
        heirs = {heir for stones in self._stones for digest in versions if (heir := stones.successor(digest))}
        return {one for digest in {*versions, *heirs} for one in held.objects(digest)}

    def _require_listings(self, versions: Collection[str], held: Inventory) -> None:
        """A version whose list of files is lost needs files that would look unneeded, and no remote may have them."""
        listings = (one for one in versions if one.endswith(FOLDER_SUFFIX) and one not in held.sizes)
        lost = [digest for digest in listings if not any(stones.of(digest) for stones in self._stones)]
        if lost and not any(each.settings.remotes for each in self._all):
            raise EnvironmentFault(
                "listing-missing",
                f"The cache lacks the lists of files of {len(lost)} versions, and there is no remote. "
                "Nothing was removed.",
                context=", ".join(sorted(lost)[:3]),
                hint="verify --all-versions says which; --force gives those versions up.",
            )

    def remove(self, objects: Collection[str], progress: Progress = silent) -> int:
        """Delete `objects`, lists of files first, so that no list outlives what it names; returns bytes freed."""
        freed = 0
        for number, digest in enumerate(sorted(objects, key=lambda one: not one.endswith(FOLDER_SUFFIX)), 1):
            freed += self._store.remove(digest)
            if number % REPORT_EVERY == 0 or number == len(objects):
                progress(Step("remove", number, len(objects), "objects"))
        return freed


def require_own_cache(datasets: Datasets, others: Sequence[Datasets], *, alone: bool) -> None:
    """Refuse to clean a cache that other projects may use, unless they are named or there are none.

    Raises
    ------
    UsageError
        ``shared-cache``.
    """
    cache = datasets.settings.cache.resolve()
    if alone or others or cache.is_relative_to(datasets.places.repository):
        return
    raise UsageError(
        "shared-cache",
        "The cache lies outside this repository: other projects may need what is in it.",
        context=str(cache),
        hint="--also DIR names another project that uses it, for each; --alone says that there is none.",
    )
