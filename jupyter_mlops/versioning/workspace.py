"""The files of a dataset in the workspace: looked at, saved into the store, put back from it."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.records import Progress, Step, silent
from jupyter_mlops.versioning.admission import require_nameable, require_no_link, require_regular
from jupyter_mlops.versioning.batches import batches, worked
from jupyter_mlops.versioning.content import FOLDER_SUFFIX, MD5, Content, Summary
from jupyter_mlops.versioning.dvcignore import DvcIgnore
from jupyter_mlops.versioning.hashing import md5_of
from jupyter_mlops.versioning.looking import Look
from jupyter_mlops.versioning.stat_index import MARK, StatIndex, Whole, is_settled, signature, stamps
from jupyter_mlops.versioning.store import Store
from jupyter_mlops.versioning.walking import Folder, Rules, walk

ASK_ONE_BY_ONE = 500
Read = Callable[[str], tuple[str, os.stat_result]]
"""Reads the file at a path: its md5, and the stat of what was read."""
Place = tuple[Folder, int]
"""A folder, and which of its files."""


class Workspace:
    """Datasets as they lie in the folder of the project.

    Parameters
    ----------
    root
        The folder of the project.
    store
        The cache.
    index
        Digests remembered by stat.
    """

    def __init__(self, root: Path, store: Store, index: StatIndex) -> None:
        self._root = root
        self._store = store
        self._index = index

    def exists(self, name: str) -> bool:
        """Whether anything is at `name`."""
        try:
            return (self._root / name).exists()
        except OSError:
            return False  # no path can be as long as some texts are

    def scan(self, name: str, algorithm: str = MD5, progress: Progress = silent) -> Content:
        """What is at `name` now; unchanged files cost a stat, others are read.

        Raises
        ------
        UsageError
            ``no-such-file``, ``not-a-file``, ``changed-while-committing``.
        """
        look = self._look(name, algorithm)
        self._read(look, lambda path: md5_of(path, algorithm), progress)
        content = self._content(look)
        return self._kept(look, content, content.digest)

    def save(self, name: str, progress: Progress = silent) -> Content:
        """Bring what is at `name` into the store, whole, before anything names it.

        Raises
        ------
        UsageError
            ``no-such-file``, ``not-a-file``, ``ignore-inside-data``, ``bad-file-name``, ``changed-while-committing``.
        EnvironmentFault
            ``disk-full``.
        """
        look = self._look(name, MD5)
        for one in look.found:
            require_nameable(name, one.prefix, one.names)
        present = self._store.present() if look.count > ASK_ONE_BY_ONE else None
        for one in look.found:
            self._reread_missing(one, present)
        self._store.require_space(sum(one.fresh_bytes() for one in look.found))
        with self._store.incoming() as incoming:
            self._read(look, lambda path: self._store.put(path, incoming, present), progress)
            if present:
                present.clear()  # the listing needs the room
            content = self._content(look)
            digest = content.known.digest if content.known else ""
            if content.is_folder and not (digest and self._store.has(digest)):
                digest = self._store.put_bytes(content.as_dir_object(), incoming / "listing", FOLDER_SUFFIX)
        return self._kept(look, content, digest or content.digest)

    def _reread_missing(self, found: Folder, present: set[str] | None) -> None:
        """Files whose digests are known, but whose objects are gone, are read again."""
        hexes = found.hexes()
        held = set(filter(self._store.has, hexes)) if present is None else present
        if not held.issuperset(hexes):
            gone = {place for place, md5 in enumerate(hexes) if md5 not in held}
            found.fresh = sorted(gone.union(found.fresh))

    def _look(self, name: str, algorithm: str) -> Look:
        """Every folder of `name`, or a file as if it were one without a name."""
        top = self._root / name
        require_no_link(self._root, name)
        if top.is_symlink():
            self._require_target(top, name)
        try:
            status = top.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise UsageError("no-such-file", f"There is no {name}.", hint="status lists what there is.") from error
        known = self._index.known(name, algorithm)
        if stat.S_ISDIR(status.st_mode):
            ignore = DvcIgnore(self._root, name.rpartition("/")[0])
            found = walk(top, Rules(name, ignore or None, self._require_target), known.folders)
            return Look(name, algorithm, known, found, is_folder=True)
        require_regular(name, status)
        alone = Folder.of("", [""], bytearray(MARK.pack(*signature(status))), known.folders.get(name))
        return Look(name, algorithm, known, [alone], is_folder=False)

    def _require_target(self, link: Path, path: str) -> None:
        """A link may stand for a file of the project or of the cache, not for any file of this machine."""
        target = link.resolve()
        if not any(target.is_relative_to(place.resolve()) for place in (self._root, self._store.folder)):
            raise UsageError(
                "link-leads-outside",
                f"{path} is a link that leads out of the project.",
                context=os.fspath(target),
                hint="Put a copy of the file in its place, or keep it out by a line in .dvcignore.",
            )

    def _read(self, look: Look, read: Read, progress: Progress) -> None:
        """`read` every file that has to be, several at a time, and note what was learnt."""
        total, done = sum(len(one.fresh) for one in look.found), 0
        top = os.fspath(self._root / look.name)

        def read_all(places: list[Place]) -> int:
            for one, place in places:
                start = time.time_ns()
                md5, status = read(f"{top}/{one.prefix}{one.names[place]}" if one.names[place] else top)
                one.learn(place, md5, status, is_settled=is_settled(status, start))
            return len(places)

        for count in worked(read_all, batches(_fresh(look.found))):
            done += count
            if total > 1:
                progress(Step(f"read {look.name}", done, total, "files"))

    def _content(self, look: Look) -> Content:
        """The content that was found."""
        whole = look.known.whole if look.is_known else None
        known = Summary(whole.digest, whole.size, whole.nfiles) if whole else None
        is_executable = not look.is_folder and bool((self._root / look.name).stat().st_mode & stat.S_IXUSR)
        return Content(look.entries, look.is_folder, is_executable, known, None if known else look.since())

    def _kept(self, look: Look, content: Content, digest: str) -> Content:
        """The content, whose digest is known now; the index is told what it did not know."""
        if content.known:
            return content
        sums = Summary(digest, look.size, look.count if look.is_folder else None)
        folders = {path: row for path, row in {**look.known.folders, **look.new}.items() if path not in look.gone}
        whole = Whole(stamps(folders), sums.digest, sums.size, sums.nfiles) if look.is_sure else None
        self._index.remember(look.name, look.algorithm, look.new, look.gone, whole)
        return attrs.evolve(content, known=sums)


def _fresh(found: Sequence[Folder]) -> Iterator[tuple[Place, int]]:
    """The files that have to be read, and the size of each."""
    for one in found:
        sizes = one.sizes() if one.fresh else []
        for place in sorted(one.fresh, key=one.names.__getitem__):
            yield (one, place), sizes[place]
