"""The index of history brought up to HEAD: a pointer blob is parsed once in its life, a commit is looked at once."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter

import attrs

from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.versioning.blobs import read_blobs
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.history import forget
from jupyter_mlops.versioning.pointers import LOCK_FILE, Out, outs
from jupyter_mlops.versioning.stage_files import StageFiles

FORMAT = "%x1e%H%x1f%an%x1f%cI%x1f%s"
POINTERS = (":(glob)**/*.dvc", ":(glob)**/dvc.lock")
GONE = "0" * 40


@attrs.frozen
class Commit:
    """A commit and the pointer blobs it changed: ``(path, blob id or None when deleted)``."""

    id: str
    author: str
    time: str
    message: str
    blobs: tuple[tuple[str, str | None], ...]


class Indexing:
    """One refresh of one line of history."""

    def __init__(self, database: sqlite3.Connection, git: Git, line: str) -> None:
        self._database = database
        self._git = git
        self._line = line

    def run(self, before: str | None, now: str) -> None:
        """Bring the line from the mark `before` to the mark `now`."""
        self._database.execute("BEGIN IMMEDIATE")
        commits = self._new_commits(before, now)
        if commits is None:
            forget(self._database, self._line)
            commits = list(_commits(self._git, now.partition(" ")[0]))
        parsed = self._parsed(commits)
        has_stages = any(path.endswith(LOCK_FILE) for commit in commits for path, _ in commit.blobs)
        self._apply(commits, parsed, StageFiles.read(self._git) if has_stages else StageFiles())
        self._database.execute("INSERT OR REPLACE INTO tip VALUES (?, ?)", (self._line, now))

    def _new_commits(self, before: str | None, now: str) -> list[Commit] | None:
        """The commits since the mark `before`, or None when the line has to be read anew."""
        if before is None:
            return None
        (old, old_shallow), (new, shallow) = before.split(" "), now.split(" ")
        if old_shallow != shallow or not _is_straight(self._git, old, new):
            return None
        return list(_commits(self._git, f"{old}..{new}"))

    def _parsed(self, commits: Iterable[Commit]) -> dict[str, tuple[Out, ...]]:
        """The outputs in every pointer blob of `commits`; each blob is parsed once, ever."""
        wanted = {blob: path for commit in commits for path, blob in commit.blobs if blob}
        found: dict[str, tuple[Out, ...]] = {}
        for blob, text in self._database.execute("SELECT id, outs FROM blob"):
            if blob in wanted:
                found[blob] = tuple(Out(*values) for values in json.loads(text))
        missing = sorted(wanted.keys() - found.keys())
        for blob, data in read_blobs(self._git, missing).items():
            found[blob] = _outs_or_none(data, wanted[blob])
        rows = [(blob, json.dumps([_values(out) for out in found[blob]])) for blob in missing if blob in found]
        self._database.executemany("INSERT OR REPLACE INTO blob VALUES (?, ?)", rows)
        return found

    def _apply(self, commits: Iterable[Commit], parsed: Mapping[str, tuple[Out, ...]], files: StageFiles) -> None:
        seq = self._scalar("SELECT COALESCE(MAX(seq), 0) FROM change WHERE line=?")
        current = self._current()
        seen = self._seen()
        changes: list[tuple[object, ...]] = []
        versions: list[tuple[object, ...]] = []
        names = _Names(files)
        for commit in commits:
            for pointer, blob in commit.blobs:
                now = names.of(parsed.get(blob or "", ()), pointer)
                before = current.get(pointer, {})
                for name in sorted(now.keys() | before.keys()):
                    out = now.get(name)
                    digest = out.digest if out else None
                    if digest != before.get(name):
                        seq += 1
                        changes.append((self._line, seq, name, pointer, digest, commit.id, commit.time))
                    if out and digest not in seen.setdefault(name, set()):
                        seen[name].add(out.digest)
                        versions.append(self._version(name, len(seen[name]), out, pointer, commit))
                current[pointer] = {name: out.digest for name, out in now.items()}
        self._database.executemany("INSERT INTO change VALUES (?,?,?,?,?,?,?)", changes)
        self._database.executemany(f"INSERT INTO version VALUES ({','.join('?' * 14)})", versions)  # noqa: S608

    def _version(self, name: str, ordinal: int, out: Out, pointer: str, commit: Commit) -> tuple[object, ...]:
        by = (commit.id, commit.author, commit.time, commit.message)
        what = (out.digest, out.size, out.nfiles, out.rows, out.algorithm, pointer, out.stage)
        return (self._line, name, ordinal, *what, *by)

    def _current(self) -> dict[str, dict[str, str]]:
        """The digest of each output of each pointer after the last change indexed."""
        query = """SELECT pointer, name, digest, MAX(seq) FROM change WHERE line=? GROUP BY pointer, name"""
        state: dict[str, dict[str, str]] = {}
        for pointer, name, digest, _ in self._database.execute(query, (self._line,)):
            if digest is not None:
                state.setdefault(pointer, {})[name] = digest
        return state

    def _seen(self) -> dict[str, set[str]]:
        seen: dict[str, set[str]] = {}
        for name, digest in self._database.execute("SELECT name, digest FROM version WHERE line=?", (self._line,)):
            seen.setdefault(name, set()).add(digest)
        return seen

    def _scalar(self, query: str) -> int:
        return int(self._database.execute(query, (self._line,)).fetchone()[0])


def _is_straight(git: Git, old: str, new: str) -> bool:
    """Whether `new` follows on `old` through commits with one parent each."""
    try:
        lines = git.run("rev-list", "--parents", f"{old}..{new}").splitlines()
    except EnvironmentFault:
        return False  # the old one was rewritten and collected
    parents = dict(line.partition(" ")[::2] for line in lines)
    commit = new
    while commit in parents:
        commit = parents[commit]  # of a merge it names two commits, which are none
    return commit == old and bool(parents)


def _commits(git: Git, revisions: str) -> Iterator[Commit]:
    """The commits that touched a pointer, oldest first, merges compared with each parent."""
    command = ("log", "--full-history", "-m", "--raw", "--no-abbrev", "--no-renames", "--relative", "--date-order")
    text = git.run(*command, "--reverse", "-z", f"--format={FORMAT}", revisions, "--", *POINTERS)
    for record in text.split("\x1e")[1:]:
        header, *rest = record.split("\0")
        commit, author, time, message = header.split("\x1f", 3)
        tokens = iter(token.lstrip("\n") for token in rest)
        blobs = tuple((next(tokens), _blob(token)) for token in tokens if token.startswith(":"))
        yield Commit(commit, author, time, message, blobs)


def _blob(raw: str) -> str | None:
    blob = raw.split(" ")[3]
    return None if blob == GONE else blob


_values = attrgetter(*(field.name for field in attrs.fields(Out)))


def _outs_or_none(data: bytes, path: str) -> tuple[Out, ...]:
    """A pointer that once was committed broken tells nothing, and stops nobody."""
    try:
        return outs(data, path)
    except UsageError:
        return ()


class _Names:
    """The names of outputs: each is worked out once, though thousands of commits tell it."""

    def __init__(self, files: StageFiles) -> None:
        self._files = files
        self._known: dict[tuple[str, str, str, str | None], str | None] = {}

    def of(self, found: Iterable[Out], pointer: str) -> dict[str, Out]:
        """Those of `found` that have a name in the project and a digest, by name."""
        return {name: out for out in found if out.digest and (name := self._name(out, pointer))}

    def _name(self, out: Out, pointer: str) -> str | None:
        key = (pointer, out.path, out.wdir, out.stage)
        if key not in self._known:
            self._known[key] = self._files.name_of(out, pointer)
        return self._known[key]
