"""The versions that git knows of: counted, found by any form of reference, listed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, time

from jupyter_mlops.errors import UnknownReference, nearest
from jupyter_mlops.records import Places
from jupyter_mlops.versioning.blobs import read_blobs
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.history import HistoryIndex, Recorded
from jupyter_mlops.versioning.pointers import SUFFIX, Out, outs
from jupyter_mlops.versioning.stage_files import StageFiles
from jupyter_mlops.versioning.tags import VersionTags, ref_of
from jupyter_mlops.versioning.values import Dataset, Version

NUMBER = re.compile(r"v([1-9]\d*)")
DIGEST = re.compile(r"[0-9a-f]{4,32}(\.dir)?")
DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Versions:
    """The versions of all datasets along the current branch, and those that other commits hold.

    Parameters
    ----------
    places
        Where rebuildable caches live.
    git
        The repository that holds the pointers.
    """

    def __init__(self, places: Places, git: Git) -> None:
        self.git = git
        self.index = HistoryIndex(places, git)
        self.tags = VersionTags(git)

    def former(self, name: str) -> Dataset | None:
        """A dataset that only earlier commits of this branch hold."""
        known = self.index.names().get(name)
        return Dataset(name, "data" if known[0].endswith(SUFFIX) else "stage", known[0]) if known else None

    def recorded(self, name: str, digest: str, *, tagged: bool = True) -> Version | None:
        """The numbered version of `name` with exactly this digest, or None; without `tagged` its tags are left out."""
        found = next((one for one in self.index.by_digest(name, digest) if one.digest == digest), None)
        return self._version(found, None if tagged else {}) if found else None

    def at(self, dataset: Dataset, text: str) -> Version:
        """The version of `dataset` that `text`, what stands behind the ``@``, names.

        Raises
        ------
        UnknownReference
            ``unknown-version``, ``ambiguous-version``.
        """
        name = dataset.name
        if number := NUMBER.fullmatch(text):
            if numbered := self.index.by_number(name, int(number[1])):
                return self._version(numbered)
            raise self._unknown_version(name, text)
        if commit := self.tags.commit(name, text):
            return self._at_commit(dataset, commit)
        if DAY.match(text):
            return self._at_time(dataset, text)
        if DIGEST.fullmatch(text) and (found := self._by_prefix(name, text)):
            return found
        if commit := self.git.resolve(text):
            return self._at_commit(dataset, commit)
        raise self._unknown_version(name, text)

    def _by_prefix(self, name: str, prefix: str) -> Version | None:
        found = self.index.by_digest(name, prefix)
        if len(found) > 1:
            labels = ", ".join(f"v{one.ordinal} {one.digest}" for one in found)
            raise UnknownReference(
                "ambiguous-version", f"{prefix} fits {len(found)} versions of {name}.", context=labels
            )
        return self._version(found[0]) if found else None

    def _at_time(self, dataset: Dataset, text: str) -> Version:
        """The version that was current at the end of a day, or at a moment, local time unless it says."""
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise UnknownReference(
                "unknown-version", f"{text} is no date.", hint=f"{dataset.name}@2026-05-01"
            ) from error
        if DAY.fullmatch(text):
            moment = datetime.combine(moment, time.max)
        digest = self.index.digest_at(dataset.name, moment.astimezone().isoformat())
        known = self.recorded(dataset.name, digest) if digest else None
        if known is None:
            raise UnknownReference(
                "unknown-version",
                f"{dataset.name} did not exist on {text}.",
                hint=f"log {dataset.name} lists its versions.",
            )
        return known

    def _at_commit(self, dataset: Dataset, commit: str) -> Version:
        """The version that `commit` holds, which may lie on another branch."""
        stage_files = StageFiles.for_pointer(self.git, dataset.pointer)
        blob = read_blobs(self.git, [f"{commit}:./{dataset.pointer}"]).get(f"{commit}:./{dataset.pointer}", b"")
        for out in outs(blob, dataset.pointer):
            if stage_files.name_of(out, dataset.pointer) == dataset.name and out.digest:
                found = self.recorded(dataset.name, out.digest)
                return found or self._elsewhere(dataset.name, out, commit)
        known = self.index.versions(dataset.name, limit=1)
        hint = (
            f"log {dataset.name} lists its versions." if known else f"checkout {dataset.name} brings back what is here."
        )
        raise UnknownReference("unknown-version", f"{commit[:7]} holds no {dataset.name}.", hint=hint)

    def _elsewhere(self, name: str, out: Out, commit: str) -> Version:
        """A version that the current branch does not count."""
        author, moment, message = (
            self.git.run("show", "-s", "--format=%an%x00%cI%x00%s", commit).strip("\n").split("\0")
        )
        return Version(
            dataset=name,
            digest=out.digest,
            size=out.size,
            nfiles=out.nfiles,
            rows=out.rows,
            algorithm=out.algorithm,
            git_commit=commit,
            author=author,
            time=datetime.fromisoformat(moment),
            message=message,
        )

    def _unknown_version(self, name: str, text: str) -> UnknownReference:
        known = self.index.versions(name, limit=50)
        words = [f"v{one.ordinal}" for one in known] + list(self.tags.names(name))
        near = nearest(text, words) or next(iter(words), None)
        hint = f"Did you mean {name}@{near}?" if near else f"{name} has no version yet: commit {name}."
        return UnknownReference("unknown-version", f"{name} has no version {text}.", hint=hint)

    def _version(self, found: Recorded, tags: Mapping[str, tuple[str, ...]] | None = None) -> Version:
        return Version(
            dataset=found.name,
            digest=found.digest,
            version=f"v{found.ordinal}",
            size=found.size,
            nfiles=found.nfiles,
            rows=found.rows,
            algorithm=found.algorithm,
            git_commit=found.commit_id,
            author=found.author,
            time=datetime.fromisoformat(found.time),
            message=found.message,
            tags=(self.tags_by_digest(found.name) if tags is None else tags).get(found.digest, ()),
        )

    def tags_by_digest(self, name: str) -> dict[str, tuple[str, ...]]:
        """The tags of each version of `name`."""
        given = self.tags.names(name)
        if not given:
            return {}
        pointer = self.index.pointer(name)
        stage_files = StageFiles.for_pointer(self.git, pointer)
        asked = {f"refs/tags/{ref_of(name, tag)}:./{pointer}": tag for tag in given}
        found: dict[str, tuple[str, ...]] = {}
        blobs = read_blobs(self.git, asked)
        for spelled, tag in asked.items():
            for out in outs(blobs.get(spelled, b""), pointer):
                if stage_files.name_of(out, pointer) == name:
                    found[out.digest] = (*found.get(out.digest, ()), tag)
        return found

    def history(self, dataset: Dataset | str, limit: int = -1, below: int | None = None) -> tuple[Version, ...]:
        """The distinct contents of `dataset` along the current branch, newest first.

        Parameters
        ----------
        limit
            At most so many; -1 means all.
        below
            Only versions numbered under it.
        """
        name = dataset if isinstance(dataset, str) else dataset.name
        found = self.index.versions(name, limit, below)
        tags = self.tags_by_digest(name) if found else {}
        return tuple(self._version(one, tags) for one in found)
