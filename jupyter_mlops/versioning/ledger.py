"""Shared records: append-only refs, one a writer, united by whoever reads.

``refs/mlops/<kind>/<writer>`` points at a commit whose tree holds one file a
record, in folders by two digits of its name's digest: each append writes the
lists of one folder and of the folders, however many records there are. A writer
appends only to the ref of its own clone, so two people never conflict and a push
of it is a fast-forward.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import posixpath
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.records import Actor, Places, alone, write_atomically
from jupyter_mlops.versioning.git import Git

if TYPE_CHECKING:
    import pygit2

REFSPEC = "refs/mlops/*:refs/mlops/*"
ATTEMPTS = 50
STALE_S = 2.0
"""Moving a ref takes git some milliseconds: who holds its lock that long was killed."""
POLL_S = 0.02
MOVED = ("but expected", "exists", "unable to resolve")
"""What git says when another moved the ref, or holds its lock."""


class Ledger:
    """Append and read the shared records of one project.

    Parameters
    ----------
    places
        Where the git directory is, and the file that names this clone's writer.
    git
        Moves the ref, only when nobody else did.
    """

    def __init__(self, places: Places, git: Git) -> None:
        self._places = places
        self._git = git

    def append(self, kind: str, key: str, record: bytes, author: Actor) -> None:
        """Add `record` under `key`, which is a file name; an equal key is replaced.

        Parameters
        ----------
        kind
            ``runs``, ``profiles``, ``verdicts``.
        key
            Letters, digits, dots and dashes.
        """
        import pygit2

        repository = self._open()
        name = self.ref(kind)
        blob = repository.create_blob(record)
        who = pygit2.Signature(author.name or "unknown", author.email or "unknown@localhost")
        for _ in range(ATTEMPTS):
            tip = repository.references.get(name)
            parent = tip.peel(pygit2.Commit) if tip else None
            tree = _changed_tree(repository, parent.tree if parent else None, _folder(key), {key: blob})
            parents = [parent.id] if parent else []
            commit = repository.create_commit(None, who, who, f"{kind}: {key}", tree, parents)
            if self._advance(name, tip, commit):
                return
        raise EnvironmentFault("ledger-busy", f"{name} kept changing under us.", hint="Try again.")

    def read(self, kind: str) -> Iterator[tuple[str, bytes]]:
        """Every ``(key, record)`` of all writers, newest key first, each key once."""
        found: dict[str, bytes] = {}
        for tree in self._trees(kind):
            for blob in _records(tree):
                found.setdefault(str(blob.name), blob.data)
        yield from sorted(found.items(), reverse=True)

    def keys(self, kind: str, *, own: bool) -> Iterator[str]:
        """The keys under which this clone keeps records, or all others."""
        import pygit2

        mine = self.ref(kind)
        repository = self._open()
        for name in repository.references:
            if name.startswith((f"refs/mlops/{kind}/", f"refs/remotes/mlops/{kind}/")) and (name == mine) is own:
                with contextlib.suppress(pygit2.InvalidSpecError):
                    tree = repository.references[name].peel(pygit2.Commit).tree
                    yield from (str(blob.name) for blob in _records(tree))

    def get(self, kind: str, key: str) -> bytes | None:
        """The record under `key`, or None."""
        import pygit2

        path = f"{_folder(key)}/{key}"
        for tree in self._trees(kind):
            if path in tree and isinstance(blob := tree[path], pygit2.Blob):
                return blob.data
        return None

    def tips(self, kind: str) -> dict[str, str]:
        """The refs that hold records of this kind, our own and those fetched, and the commit of each."""
        repository = self._open()
        prefixes = (f"refs/mlops/{kind}/", f"refs/remotes/mlops/{kind}/")
        names = [name for name in repository.references if name.startswith(prefixes)]
        return {name: str(repository.references[name].target) for name in names}

    def added(self, before: Mapping[str, str], now: Mapping[str, str]) -> list[tuple[str, bytes]] | None:
        """The records that came between two answers of `tips`; None when one may have gone.

        Raises
        ------
        EnvironmentFault
            ``git-failed``.
        """
        import pygit2

        repository = self._open()
        found: dict[str, str] = {}
        try:
            for name, target in now.items():
                if before.get(name) == target:
                    continue
                changed = _changed(repository, before.get(name), target)
                if changed is None:
                    return None
                found.update({key: blob for key, blob in changed.items() if key not in found})
            records = [(key, repository[blob].peel(pygit2.Blob).data) for key, blob in found.items()]
        except (pygit2.GitError, KeyError) as error:
            message = "The shared records cannot be read."
            raise EnvironmentFault("git-failed", message, context=str(error), hint="git fsck says more.") from error
        return records if before.keys() <= now.keys() else None

    def ref(self, kind: str) -> str:
        """The ref to which this clone appends."""
        return f"refs/mlops/{kind}/{self._writer()}"

    def forget(self, kind: str, keys: Collection[str]) -> None:
        """Take this clone's records under `keys` away, and the commits that held them with them.

        Appending is the rule; erasing what a person may demand is its one exception. What another clone wrote stays.
        """
        import pygit2

        repository = self._open()
        name = self.ref(kind)
        for _ in range(ATTEMPTS):
            tip = repository.references.get(name)
            tree = tip.peel(pygit2.Commit).tree if tip else None
            gone = {str(blob.name): str(blob.id) for blob in _records(tree) if blob.name in keys} if tree else {}
            if not tip or not tree or not gone:
                return
            rest = tree.id
            for folder, names in itertools.groupby(sorted(gone, key=_folder), _folder):
                rest = _changed_tree(repository, repository[rest].peel(pygit2.Tree), folder, dict.fromkeys(names))
            who = tip.peel(pygit2.Commit).committer
            commit = repository.create_commit(None, who, who, f"{kind}: rewritten", rest, [])
            if self._advance(name, tip, commit):
                self._delete_loose(gone.values())
                return
        raise EnvironmentFault("ledger-busy", f"{name} kept changing under us.", hint="Try again.")

    def _delete_loose(self, blobs: Iterable[str]) -> None:
        """Delete blobs that nothing names any more; those in packs wait for git's own cleaning."""
        for blob in blobs:
            (self._places.git_dir / "objects" / blob[:2] / blob[2:]).unlink(missing_ok=True)

    def _trees(self, kind: str) -> Iterator[pygit2.Tree]:
        import pygit2

        repository = self._open()
        own, fetched = f"refs/mlops/{kind}/", f"refs/remotes/mlops/{kind}/"
        try:
            for name in repository.references:
                if name.startswith((own, fetched)):
                    with contextlib.suppress(pygit2.InvalidSpecError):  # a colleague's ref that holds no records
                        yield repository.references[name].peel(pygit2.Commit).tree
        except pygit2.GitError as error:
            message = "The shared records cannot be read."
            raise EnvironmentFault("git-failed", message, context=str(error), hint="git fsck says more.") from error

    def _open(self) -> pygit2.Repository:
        import pygit2

        return pygit2.Repository(str(self._places.git_dir))

    def _writer(self) -> str:
        path = self._places.state / "writer"
        if not path.exists():
            write_atomically(path, os.urandom(6).hex().encode())
        return path.read_text().strip()

    def _advance(self, name: str, tip: pygit2.Reference | None, commit: pygit2.Oid) -> bool:
        """Move the ref only when nobody else moved it since `tip` was read."""
        expected = str(tip.target) if tip else "0" * 40
        try:
            self._git.run("update-ref", name, str(commit), expected)
        except EnvironmentFault as error:
            if not any(words in error.context for words in MOVED):
                raise
            self._release(self._places.git_dir / f"{name}.lock")
            return False
        return True

    def _release(self, lock: Path) -> None:
        """Take away the lock that a killed git left; no clock is asked, as clocks jump and machines sleep."""
        held, deadline = _identity(lock), time.monotonic() + STALE_S
        while held and _identity(lock) == held:
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_S)
        else:
            return
        with alone(self._places.state / "ledger.lock"):  # else another of us could lock anew in between
            if _identity(lock) == held:
                lock.unlink(missing_ok=True)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _changed(repository: pygit2.Repository, before: str | None, now: str) -> dict[str, str] | None:
    """Key to blob of what a ref gained; None when it lost something. A ref that holds no records gains nothing."""
    import pygit2

    try:
        tree = repository[now].peel(pygit2.Tree)
        old = repository[before].peel(pygit2.Tree) if before else None
    except (pygit2.InvalidSpecError, KeyError):
        return None if before else {}
    if old is None:
        return {str(blob.name): str(blob.id) for blob in _records(tree)}
    deltas = [*old.diff_to_tree(tree).deltas]
    if any(delta.status == pygit2.enums.DeltaStatus.DELETED for delta in deltas):
        return None
    return {posixpath.basename(delta.new_file.path): str(delta.new_file.id) for delta in deltas}


def _folder(key: str) -> str:
    """Where the record of `key` stands: one of 256 folders."""
    return hashlib.sha256(key.encode()).hexdigest()[:2]


def _records(tree: pygit2.Tree) -> Iterator[pygit2.Blob]:
    """The records below the root of a ref's commit."""
    import pygit2

    for folder in tree:
        if isinstance(folder, pygit2.Tree):
            yield from (entry for entry in folder if isinstance(entry, pygit2.Blob))


def _changed_tree(
    repository: pygit2.Repository, tree: pygit2.Tree | None, folder: str, entries: Mapping[str, pygit2.Oid | None]
) -> pygit2.Oid:
    """Write `tree` with the blobs of one folder set, or taken away where they are None; its name."""
    import pygit2

    known = tree[folder] if tree and folder in tree else None
    inner = repository.TreeBuilder(known) if isinstance(known, pygit2.Tree) else repository.TreeBuilder()
    for name, blob in entries.items():
        if blob:
            inner.insert(name, blob, pygit2.enums.FileMode.BLOB)
        else:
            inner.remove(name)
    outer = repository.TreeBuilder(tree) if tree else repository.TreeBuilder()
    if len(inner):
        outer.insert(folder, inner.write(), pygit2.enums.FileMode.TREE)
    else:
        outer.remove(folder)
    return outer.write()
