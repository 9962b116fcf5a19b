"""Versions brought back: the data, and the pointer that names it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

import attrs

from jupyter_mlops.errors import UnknownReference, UsageError
from jupyter_mlops.records import Progress, silent
from jupyter_mlops.versioning.blobs import read_blobs
from jupyter_mlops.versioning.content import MD5, Content
from jupyter_mlops.versioning.datasets import Dataset, Datasets, Version
from jupyter_mlops.versioning.pointers import LOCK_FILE, Out, graft_stage, stage_of
from jupyter_mlops.versioning.publishing import Publication
from jupyter_mlops.versioning.reach import versions
from jupyter_mlops.versioning.restoring import Plan

SHOWN_FILES = 10


@attrs.frozen
class Effect:
    """What a checkout writes and removes, counted in files."""

    datasets: tuple[str, ...]
    written: int
    removed: int


class Checkout:
    """Brings versions back without losing work.

    Parameters
    ----------
    datasets
        The datasets of the project.
    """

    def __init__(self, datasets: Datasets) -> None:
        self._datasets = datasets
        self._git = datasets.git

    def version(self, version: Version, progress: Progress = silent, *, dry_run: bool = False) -> Effect:
        """Bring back one version; of a stage, all that the stage made together with it.

        Raises
        ------
        UsageError
            ``would-lose-changes``.
        UnknownReference
            ``unknown-version`` when no commit holds it.
        """
        pointer, stage = self._datasets.pointer_of(version)
        commit = version.git_commit or self._git.head()
        data = read_blobs(self._git, [f"{commit}:./{pointer}"]).get(f"{commit}:./{pointer}")
        if data is None:
            raise UnknownReference(
                "unknown-version",
                f"No commit holds {version.dataset} as {version.label}.",
                hint=f"log {version.dataset} lists its versions.",
            )
        if posixpath.basename(pointer) == LOCK_FILE:
            current = self._git.root / pointer
            merged = graft_stage(current.read_bytes() if current.exists() else b"", data, stage or "")
            wanted = self._datasets.pointed(pointer, stage_of(data, stage or ""))
            return self._put({pointer: merged}, wanted, progress, dry_run=dry_run)
        return self._put({pointer: data}, self._datasets.pointed(pointer, data), progress, dry_run=dry_run)

    def revision(self, commit: str, progress: Progress = silent, *, dry_run: bool = False) -> Effect:
        """Bring back every dataset as `commit` has it; datasets it does not know stay as they are."""
        listed = self._git.run("ls-tree", "-r", "-z", "--name-only", commit).split("\0")
        pointers = [name for name in listed if name.endswith(".dvc") or posixpath.basename(name) == LOCK_FILE]
        blobs = read_blobs(self._git, [f"{commit}:./{name}" for name in pointers])
        files = {name: blobs[f"{commit}:./{name}"] for name in pointers if f"{commit}:./{name}" in blobs}
        wanted = {name: out for path, data in files.items() for name, out in self._datasets.pointed(path, data).items()}
        return self._put(files, wanted, progress, dry_run=dry_run)

    def pointed(self, dataset: Dataset, progress: Progress = silent, *, dry_run: bool = False) -> Effect:
        """Bring back what the pointer in the workspace names.

        Raises
        ------
        UsageError
            ``would-lose-changes``.
        """
        out = self._datasets.out_of(dataset)
        return self._put({}, {dataset.name: out} if out.digest else {}, progress, dry_run=dry_run)

    def _put(
        self, files: Mapping[str, bytes], wanted: Mapping[str, Out], progress: Progress, *, dry_run: bool
    ) -> Effect:
        with self._datasets.store.in_use(), self._datasets.publisher.turn():
            files = {path: self._datasets.repointed(path, data) for path, data in files.items()}
            wanted = {name: self._standing(out) for name, out in wanted.items()}
            if not dry_run:
                for name in wanted:
                    self._datasets.restoring.sweep(name)
            plans = [self._plan(name, out) for name, out in wanted.items()]
            if not dry_run:
                for plan in plans:
                    self._datasets.restoring.carry_out(plan, progress, is_executable=wanted[plan.name].is_executable)
                self._datasets.publisher.publish(Publication(files, tuple(wanted)))
        return Effect(tuple(wanted), sum(len(plan.written) for plan in plans), sum(len(plan.removed) for plan in plans))

    def _plan(self, name: str, out: Out) -> Plan:
        """What to write and remove; one look at the workspace serves the check and the plan."""
        self._datasets.store.content(out.digest)  # a damaged or missing listing is the first thing to say
        workspace = self._datasets.workspace
        now = workspace.scan(name, out.algorithm) if workspace.exists(name) else None
        self._require_saved(name, out, now)
        if out.algorithm != MD5 and now:
            now = workspace.scan(name)
        return self._datasets.restoring.plan(name, out.digest, now)

    def _standing(self, out: Out) -> Out:
        return attrs.evolve(out, digest=self._datasets.store.standing(out.digest))

    def _require_saved(self, name: str, target: Out, now: Content | None) -> None:
        """Refuse to overwrite what no version holds.

        Raises
        ------
        UsageError
            ``would-lose-changes``, with the files.
        """
        lost = list(self._unsaved(name, target, now))
        if not lost:
            return
        more = f" and {len(lost) - SHOWN_FILES} more" if len(lost) > SHOWN_FILES else ""
        raise UsageError(
            "would-lose-changes",
            f"{name} has changes that no version holds. Nothing was touched.",
            context=", ".join(sorted(lost)[:SHOWN_FILES]) + more,
            hint=f"commit {name} keeps them as a version; then check out again.",
        )

    def _unsaved(self, name: str, target: Out, now: Content | None) -> Iterator[str]:
        """The files at `name` whose bytes only the workspace has, and a pointer that no commit holds."""
        if (uncommitted := self._uncommitted_pointer(name)) and uncommitted[1] != target.digest:
            yield uncommitted[0]
        if now is None or now.digest == target.digest or self._is_pointed(name, now):
            return
        erased = self._datasets.tombstones.is_erased  # nobody wants that back
        left = {entry.path: entry.md5 for entry in now.entries if not erased(entry.md5)}
        for content in self._contents(name, target):
            held = {entry.md5 for entry in content.entries}
            left = {path: md5 for path, md5 in left.items() if md5 not in held}
            if not left:
                return
        yield from (posixpath.join(name, path) if path else name for path in left)

    def _is_pointed(self, name: str, now: Content) -> bool:
        """Whether the pointer names what is there, and the cache tells what that is."""
        here = self._datasets.pointer(name)
        return here is not None and here[1].digest == now.digest and self._datasets.store.tells(now.digest)

    def _contents(self, name: str, target: Out) -> Iterator[Content]:
        """The contents in which a file may be safe, each once."""
        seen: set[str] = {""}
        for digest in self._digests(name, target):
            if digest not in seen and (content := self._datasets.content_or_none(digest)):
                yield content
            seen.add(digest)

    def _digests(self, name: str, target: Out) -> Iterator[str]:
        """The target, the pointer's, all versions of this branch, newest first, then those of all others."""
        yield target.digest
        if here := self._datasets.pointer(name):
            yield here[1].digest
        yield from (version.digest for version in self._datasets.history(name))
        yield from (digest for dataset, digest in versions(self._git) if dataset == name)

    def _uncommitted_pointer(self, name: str) -> tuple[str, str] | None:
        """The pointer and digest of `name`, when no commit of any branch holds that pointer."""
        found = self._datasets.pointer(name)
        if found is None or not found[1].digest or self._datasets.recorded(name, found[1].digest, tagged=False):
            return None
        pointer = found[0].pointer
        blob = self._git.run("hash-object", "--", pointer).strip()
        held = self._git.run("log", "--all", "--max-count=1", "--format=%H", f"--find-object={blob}", "--", pointer)
        return None if held else (pointer, found[1].digest)


def require_known_revision(datasets: Datasets, text: str) -> str:
    """The commit that `text` names.

    Raises
    ------
    UsageError
        ``unknown-revision``.
    """
    if commit := datasets.git.resolve(text):
        return commit
    raise UsageError("unknown-revision", f"git knows no revision {text}.", hint="git log --oneline lists them.")
