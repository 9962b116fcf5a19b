"""Where profiles are kept: by the digest of the content, in a cache that can be rebuilt, and shared on request."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from jupyter_mlops.errors import UsageError
from jupyter_mlops.profiles.profile import FORMAT, Profile, profile_tables
from jupyter_mlops.records import Actor, Places, Progress, short, silent, write_atomically
from jupyter_mlops.versioning.consumers import Use
from jupyter_mlops.versioning.ledger import Ledger

KIND = "profiles"

Files = Callable[[], Sequence[tuple[Path, str]]]
"""Finds the files of a version and their names in the dataset; called only when a profile must be made."""


class ProfileStore:
    """The profile of each dataset version.

    Parameters
    ----------
    places
        The cache is below its scratch folder, never in DVC's cache, which ``dvc gc`` cleans.
    ledger
        Where colleagues share theirs.
    """

    def __init__(self, places: Places, ledger: Ledger) -> None:
        self._places = places
        self._ledger = ledger

    def of(self, digest: str, files: Files, progress: Progress = silent) -> Profile:
        """The profile of the content `digest`: remembered, shared by a colleague, or made now.

        Raises
        ------
        UsageError
            ``not-a-table``.
        EnvironmentFault
            ``unreadable-table``.
        """
        if known := self.known(digest):
            return known
        found = files()
        made = profile_tables([path for path, _ in found], [name for _, name in found], progress)
        self._remember(digest, made.encoded())
        return made

    def known(self, digest: str) -> Profile | None:
        """The profile if it need not be made; a damaged one counts as missing."""
        with contextlib.suppress(OSError):
            if kept := Profile.decoded(self._path(digest).read_bytes()):
                return kept
        shared = self._ledger.get(KIND, self._key(digest))
        found = Profile.decoded(shared) if shared else None
        if found:
            self._remember(digest, found.encoded())
        return found

    def publish(self, digest: str, author: Actor) -> None:
        """Share the profile of `digest`, so that a colleague compares without the data.

        Raises
        ------
        UsageError
            ``not-profiled``.
        """
        profile = self.known(digest)
        if profile is None:
            message = f"No profile of {digest} has been made."
            raise UsageError("not-profiled", message, hint="profile DATA@VERSION makes it.")
        if self._ledger.get(KIND, self._key(digest)) is None:
            self._ledger.append(KIND, self._key(digest), profile.encoded(), author)

    def uses(self, digests: Collection[str]) -> Iterator[Use]:
        """The profiles of `digests`: counts, and the texts of columns with few of them."""
        own, others = self._shared(digests)
        for digest in sorted(digests):
            if self._path(digest).exists() or digest in own:
                line = f"; git push --force origin {self._ledger.ref(KIND)} replaces what was shared"
                yield Use("profile", short(digest), f"removed with it{line if digest in own else ''}")
            if digest in others:
                yield Use("profile", short(digest), "shared by a colleague: they remove it by erasing in their clone")

    def forget(self, digests: Collection[str]) -> None:
        """Remove the profiles of `digests`, remembered and shared by this clone."""
        for digest in digests:
            for path in self._path(digest).parent.glob(f"{digest}-*"):
                path.unlink(missing_ok=True)
        self._ledger.forget(KIND, {self._key(digest) for digest in digests})

    def _shared(self, digests: Collection[str]) -> tuple[set[str], set[str]]:
        """Those shared by this clone, and by others."""
        keys = {self._key(digest): digest for digest in digests}
        own = {keys[key] for key in self._ledger.keys(KIND, own=True) if key in keys}
        return own, {keys[key] for key in self._ledger.keys(KIND, own=False) if key in keys}

    def _remember(self, digest: str, data: bytes) -> None:
        """Keep it for the next time; a cache that cannot be written only costs time."""
        with contextlib.suppress(OSError):
            write_atomically(self._path(digest), data)

    def _path(self, digest: str) -> Path:
        return self._places.scratch / "profiles" / self._key(digest)

    def _key(self, digest: str) -> str:
        """A file name; another format is another file, so two versions of this package can share a project."""
        return f"{digest}-{FORMAT}.profile"
