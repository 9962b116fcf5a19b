"""Objects sent to a remote: what it has is not sent again, and a listing only follows all that it lists."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.records import Progress, Step
from jupyter_mlops.versioning.content import FOLDER_SUFFIX, MD5, parse_dir_object
from jupyter_mlops.versioning.shelves import Meter, Shelf, each
from jupyter_mlops.versioning.transfer import Answer, Request


class Sending:
    """Sends objects of one layout.

    Parameters
    ----------
    look_only
        Say what the remote lacks; send nothing.
    thorough
        Compare the sizes of what the remote has, and read the listings that only it has.
    """

    def __init__(self, shelf: Shelf, progress: Progress, *, look_only: bool, thorough: bool) -> None:
        self._shelf = shelf
        self._progress = progress
        self._look_only = look_only
        self._thorough = thorough

    def send(self, digests: Collection[str]) -> Answer:
        """Send those of `digests` that the remote lacks, the listings last, each looked at when it arrived."""
        wanted = set(digests)
        there = self._shelf.there(wanted, self._progress)
        if self._thorough:
            wanted, there = self._with_listed(wanted, there)
        sizes = {digest: found for digest in wanted if (found := self._size_here(digest)) is not None}
        damaged = self._damaged(there, sizes) if self._thorough else set()
        lacking = (wanted - there) | damaged
        missing = lacking - sizes.keys()
        ready = lacking - missing
        ready -= {one for one in ready if one.endswith(FOLDER_SUFFIX) and self._entries(one) & missing}
        files = {one for one in ready if not one.endswith(FOLDER_SUFFIX)}
        size = sum(sizes[one] for one in files)
        if not self._look_only:
            self._upload(files, f"push {len(files):,} file{'s' * (len(files) != 1)}", size)
            self._upload(ready - files, "push listings", 0)
        return Answer(len(files), size, tuple(sorted(ready)), tuple(sorted(missing)), tuple(sorted(damaged)))

    def _with_listed(self, wanted: set[str], there: set[str]) -> tuple[set[str], set[str]]:
        """What the listings name that only the remote has: it belongs to what was asked for."""
        listings = {one for one in there if one.endswith(FOLDER_SUFFIX) and self._size_here(one) is None}
        listed = {entry.md5 for one in listings for entry in parse_dir_object(self._shelf.read(one), one).entries}
        return wanted | listed, there | self._shelf.there(listed - wanted, self._progress)

    def _size_here(self, digest: str) -> int | None:
        try:
            return self._shelf.source(digest).stat().st_size
        except FileNotFoundError:
            return None

    def _entries(self, listing: str) -> set[str]:
        try:
            return {entry.md5 for entry in self._shelf.store.content(listing).entries}
        except MlopsError:  # a damaged one has been set aside by now
            return {listing}

    def _damaged(self, there: Collection[str], sizes: dict[str, int]) -> set[str]:
        known = [digest for digest in there if digest in sizes]
        self._progress(Step("compare sizes", 0, len(known), "files"))
        found = self._shelf.sizes(known)
        return {digest for digest in known if found[digest] not in {sizes[digest], None}}

    def _upload(self, digests: Collection[str], what: str, size: int) -> None:
        meter = Meter(what, size, self._progress)
        jobs = self._shelf.jobs if len(digests) == 1 else 1  # a single large object goes in parts, several at a time
        with self._shelf.dock() if digests else nullcontext(Path()) as dock:
            for _ in each(lambda digest: self._shelf.send(digest, meter, jobs, dock), digests, self._shelf.jobs):
                pass


def sent(
    shelves: Mapping[str, Shelf], wanted: Iterable[tuple[str, str]], request: Request, progress: Progress
) -> Answer:
    """Send the objects `wanted`, each named with its algorithm, as `request` says."""
    answer, chosen = Answer(), tuple(wanted)
    for algorithm, shelf in shelves.items():
        sending = Sending(shelf, progress, look_only=request.look_only, thorough=request.thorough)
        answer += sending.send({digest for kind, digest in chosen if (kind == MD5) == (algorithm == MD5)})
    return answer
