"""Datasets and their versions: the one door of every other capability to the data."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from jupyter_mlops.errors import MlopsError, UsageError
from jupyter_mlops.records import Places, Progress, short, silent
from jupyter_mlops.versioning.blobs import read_blobs
from jupyter_mlops.versioning.content import FOLDER_SUFFIX, MD5, Content, Entry, FileChanges
from jupyter_mlops.versioning.dvc_settings import DvcSettings
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.names import PREFIX, exact, find, short_names, unknown
from jupyter_mlops.versioning.pointers import Described, Out, described, outs, repointed
from jupyter_mlops.versioning.stage_files import StageFiles, look
from jupyter_mlops.versioning.stat_index import StatIndex
from jupyter_mlops.versioning.store import Store
from jupyter_mlops.versioning.tags import VersionTags
from jupyter_mlops.versioning.tombstones import Tombstones
from jupyter_mlops.versioning.values import DataFile, Dataset, DatasetState, PointerOut, Version
from jupyter_mlops.versioning.versions import Versions
from jupyter_mlops.versioning.workspace import Workspace

if TYPE_CHECKING:
    from jupyter_mlops.versioning.publishing import Publisher
    from jupyter_mlops.versioning.restoring import Plan, Restoring

__all__ = ["DataFile", "Dataset", "DatasetState", "Datasets", "PointerOut", "Version"]


class Datasets:
    """The datasets of one project.

    Parameters
    ----------
    places
        Where the project, its git directory and its rebuildable caches are.
    git
        The repository that holds the pointers.
    """

    def __init__(self, places: Places, git: Git) -> None:
        self.places = places
        self.git = git
        self._parsed: dict[str, tuple[int, int, tuple[Out, ...]]] = {}
        self._looks_once = False
        self._look: list[tuple[Dataset, Out]] | None = None

    @cached_property
    def settings(self) -> DvcSettings:
        """What ``.dvc/config`` says."""
        return DvcSettings.read(self.places.root)

    @cached_property
    def store(self) -> Store:
        """The cache."""
        return Store(self.settings, self.tombstones)

    @cached_property
    def tombstones(self) -> Tombstones:
        """What was let go for good."""
        from jupyter_mlops.versioning.ledger import Ledger

        return Tombstones(self.places, Ledger(self.places, self.git))

    @property
    def workspace(self) -> Workspace:
        """The data as it lies in the folder of the project."""
        return Workspace(self.places.root, self.store, StatIndex(self.places.scratch))

    @cached_property
    def versions(self) -> Versions:
        """The versions that git knows of."""
        return Versions(self.places, self.git)

    @property
    def tags(self) -> VersionTags:
        """The names given to versions."""
        return self.versions.tags

    def recorded(self, name: str, digest: str, *, tagged: bool = True) -> Version | None:
        """The numbered version of `name` with exactly this digest, or in whose place it stands, or None.

        Without `tagged` its tags are not looked for.
        """
        if known := self.versions.recorded(name, digest, tagged=tagged):
            return known
        before = (self.versions.recorded(name, old, tagged=tagged) for old in self.tombstones.predecessors(digest))
        found = next(filter(None, before), None)
        return attrs.evolve(found, digest=digest) if found else None

    def history(self, dataset: Dataset | str, limit: int = -1, below: int | None = None) -> tuple[Version, ...]:
        """The distinct contents of `dataset` along the current branch, newest first; see `Versions.history`."""
        return self.versions.history(dataset, limit, below)

    def all(self) -> tuple[Dataset, ...]:
        """Every dataset of the workspace, data first, then outs of stages, each by name."""
        return tuple(dataset for dataset, _ in self.pointers())

    def look_once(self) -> None:
        """Ask git for the pointers once from now on, until one is published: for a verb that answers at once."""
        self._looks_once = True

    def pointers(self) -> list[tuple[Dataset, Out]]:
        """Every dataset with what its pointer in the workspace says; data first, then by name."""
        found = self._pointers() if self._look is None else self._look
        self._look = found if self._looks_once else None
        return found

    def _pointers(self) -> list[tuple[Dataset, Out]]:
        found: list[tuple[Dataset, Out]] = []
        pointers, stage_files = look(self.git)
        for pointer in pointers:
            for out in self._outs(pointer):
                name = stage_files.name_of(out, pointer)
                if name and stage_files.is_cached(out, pointer):
                    kind = "data" if out.stage is None else "stage"
                    found.append((Dataset(name, kind, pointer, out.stage), out))
        return sorted(found, key=lambda pair: (pair[0].kind, pair[0].name))

    def _outs(self, pointer: str) -> tuple[Out, ...]:
        """The outs of a pointer file, parsed again only when it changed."""
        path = self.places.root / pointer
        status = path.stat()
        known = self._parsed.get(pointer)
        if known and known[:2] == (status.st_mtime_ns, status.st_size):
            return known[2]
        found = outs(path.read_bytes(), pointer)
        self._parsed[pointer] = (status.st_mtime_ns, status.st_size, found)
        return found

    def find(self, name: str) -> Dataset:
        """The dataset at the path `name`, or the only one whose short name it is.

        Raises
        ------
        UnknownReference
            ``unknown-dataset``, ``ambiguous-dataset``.
        """
        return find(self.all(), name)

    def pointer(self, name: str) -> tuple[Dataset, Out] | None:
        """The dataset at the path `name` and what its pointer in the workspace says, or None."""
        return next((pair for pair in self.pointers() if pair[0].name == name), None)

    def out_of(self, dataset: Dataset) -> Out:
        """What the pointer in the workspace says of `dataset`.

        Raises
        ------
        UnknownReference
            ``unknown-dataset`` when it says nothing any more.
        """
        if found := self.pointer(dataset.name):
            return found[1]
        raise unknown(self.all(), dataset.name)

    def resolve(self, reference: str, progress: Progress = silent) -> Version:
        """The version that `reference` names, in any form of ``NAME[@VERSION]``.

        Parameters
        ----------
        reference
            A path of the workspace (its content now), or a dataset ``@`` a number ``v3``, a tag,
            a digest or its start, a day ``2026-05-01``, or a git revision. ``data:`` may stand in front.

        Raises
        ------
        UnknownReference
            ``unknown-dataset``, ``unknown-version``, ``ambiguous-version``.
        """
        text = reference.removeprefix(PREFIX)
        everything = self.all()
        if dataset := exact(everything, text):
            return self._workspace_version(dataset.name, self.out_of(dataset).algorithm, progress)
        for place in (match.start() for match in re.finditer("@", text)):
            if dataset := exact(everything, text[:place]) or self.versions.former(text[:place]):
                return self.versions.at(dataset, text[place + 1 :])
        if "@" not in text and self.workspace.exists(text):
            return self._workspace_version(posixpath.normpath(text), MD5, progress)
        raise unknown(everything, text.partition("@")[0])

    def _workspace_version(self, name: str, algorithm: str, progress: Progress) -> Version:
        content = self.workspace.scan(name, algorithm, progress)
        known = self.recorded(name, content.digest)
        blank = Version(name, content.digest, algorithm=algorithm)
        return attrs.evolve(known or blank, size=content.size, nfiles=content.nfiles, is_workspace=True)

    def files(self, version: Version, wanted: Callable[[str], bool] | None = None) -> tuple[DataFile, ...]:
        """The files of `version`, of a folder only those whose paths are `wanted`, each where it can be read now.

        Raises
        ------
        EnvironmentFault
            ``object-missing``, ``object-corrupt``.
        """
        content = self._content_of(version)
        chosen = [one for one in content.each() if wanted is None or not content.is_folder or wanted(one.path)]
        if version.is_workspace:
            top = self.places.root / version.dataset
            return tuple(_data_file(version.dataset, one, top / one.path, one.size) for one in chosen)
        places = [(one, self.store.require(one.md5)) for one in chosen]
        return tuple(_data_file(version.dataset, one, place, place.stat().st_size) for one, place in places)

    def states(self, paths: Iterable[str] = ()) -> tuple[DatasetState, ...]:
        """How each dataset stands: all of them, or those at or below `paths` (relative to the root)."""
        wanted = tuple(paths)
        counts = self.versions.index.names()
        pointers = self.pointers()
        words = short_names(dataset for dataset, _ in pointers)
        return tuple(
            self._state(dataset, words[dataset.name], out, counts.get(dataset.name, ("", 0))[1])
            for dataset, out in pointers
            if not wanted or any(_covers(path, dataset) for path in wanted)
        )

    def _state(self, dataset: Dataset, word: str, out: Out, versions: int) -> DatasetState:
        name = dataset.name
        head = self.versions.index.digest_at(name)
        state = DatasetState(
            path=name,
            name=word,
            kind=dataset.kind,
            state="up-to-date",
            version=self._label(name, out.digest),
            head_version=self._label(name, head),
            files=out.nfiles if out.nfiles is not None else 1,
            bytes=out.size,
            versions=versions,
        )
        if not self.workspace.exists(name):
            return attrs.evolve(state, state="missing" if self.is_stored(out.digest) else "absent")
        content = self.workspace.scan(name, out.algorithm)
        at = self._number(name, content.digest) if head and content.digest != head else None
        state = attrs.evolve(state, at=at)
        if content.digest == out.digest:
            return state
        change = self.changes(content, out.digest)
        return attrs.evolve(
            state,
            state="changed",
            added=len(change.added),
            modified=len(change.modified),
            removed=len(change.removed),
            files=content.count,
            bytes=content.size,
        )

    def _number(self, name: str, digest: str) -> str | None:
        """``v4``, as this branch counts it, else as another one does that was looked at before."""
        index = self.versions.index
        known = next((one.ordinal for one in index.by_digest(name, digest) if one.digest == digest), None)
        ordinal = known or index.ordinal_elsewhere(name, digest)
        return f"v{ordinal}" if ordinal else None

    def _label(self, name: str, digest: str | None) -> str | None:
        if not digest:
            return None
        known = self.recorded(name, digest, tagged=False)
        return known.label if known else f"new·{short(digest)}"

    def changes(self, content: Content, before: str) -> FileChanges:
        """The files of `content` that differ from the version `before`, which is read only where need be."""
        if content.digest == before:
            return FileChanges()
        if content.since and content.since[0] == before:
            return content.since[1]
        return content.changes_since(self.content_or_none(before))

    def content_or_none(self, digest: str) -> Content | None:
        """The files of the version `digest`, or None when the cache does not hold its listing."""
        try:
            return self.store.content(digest) if digest else None
        except MlopsError:
            return None

    def pointer_of(self, version: Version) -> tuple[str, str | None]:
        """The pointer file that names `version`, and its stage."""
        if found := self.pointer(version.dataset):
            return found[0].pointer, found[0].stage
        recorded = next(iter(self.versions.index.by_digest(version.dataset, version.digest)), None)
        if recorded:
            return recorded.pointer, recorded.stage
        raise unknown(self.all(), version.dataset)

    def resolve_name(self, name: str) -> Dataset:
        """The dataset `name`, also one that only earlier commits of this branch hold."""
        return exact(self.all(), name) or self.versions.former(name) or self.find(name)

    def described(self, version: Version) -> Described:
        """What people wrote about the data into the pointer of `version`."""
        pointer, stage = self.pointer_of(version) if self.knows(version.dataset) else ("", None)
        if not pointer or stage is not None:
            return Described()
        if version.git_commit is None or version.is_workspace:
            return described((self.places.root / pointer).read_bytes(), pointer)
        name = f"{version.git_commit}:./{pointer}"
        return described(read_blobs(self.git, [name]).get(name, b""), pointer)

    def descriptions(self, name: str) -> dict[str, Described]:
        """What people wrote about each version of `name`, by digest."""
        from jupyter_mlops.versioning.descriptions import Descriptions

        return Descriptions(self.places, self.git).of(self.versions.index.versions(name))

    def knows(self, name: str) -> bool:
        """Whether `name` is a dataset, now or in an earlier commit."""
        return exact(self.all(), name) is not None or self.versions.former(name) is not None

    def require_free(self, name: str) -> None:
        """Refuse to put new data where something is.

        Raises
        ------
        UsageError
            ``path-taken``.
        """
        if self.workspace.exists(name) or exact(self.all(), name):
            raise UsageError(
                "path-taken", f"{name} exists already.", hint="Give another path, or commit what is there."
            )
        if around := next((one.name for one in self.all() if name.startswith(one.name + "/")), None):
            raise UsageError(
                "path-taken", f"{name} lies inside the dataset {around}.", hint=f"Copy it there and commit {around}."
            )

    def free_place(self, name: str) -> str:
        """Where new data called `name` goes: below ``data/``, unless that is a dataset itself."""
        return name if any(one.name == "data" for one in self.all()) else f"data/{name}"

    def weight(self, datasets: Iterable[Dataset]) -> tuple[int, int]:
        """Files and bytes of `datasets`, as their pointers say."""
        chosen = {one.name for one in datasets}
        found = [out for known, out in self.pointers() if known.name in chosen]
        return sum(1 if out.nfiles is None else out.nfiles for out in found), sum(out.size for out in found)

    def tagged(self) -> set[str]:
        """The digest of every version that has a tag."""
        return {digest for name in self.versions.index.names() for digest in self.versions.tags_by_digest(name)}

    def is_stored(self, digest: str) -> bool:
        """Whether every object of the version `digest`, or of what took its place, is in the cache."""
        digest = self.store.standing(digest) if digest else ""
        if not digest or self.store.find(digest) is None:
            return False
        if not digest.endswith(FOLDER_SUFFIX):
            return True
        content = self.content_or_none(digest)
        return content is not None and all(self.store.find(entry.md5) for entry in content.entries)

    def change(self, before: Version, after: Version) -> FileChanges:
        """The files that differ between two versions."""
        return self._content_of(after).changes_since(self._content_of(before))

    def _content_of(self, version: Version) -> Content:
        if version.is_workspace:
            return self.workspace.scan(version.dataset, version.algorithm)
        return self.store.content(version.digest)

    def save(self, path: str, progress: Progress = silent) -> PointerOut:
        """Store what is at `path` in the cache; no pointer is written.

        Raises
        ------
        UsageError
            ``no-such-file``, ``changed-while-committing`` and what else `Workspace.save` raises.
        """
        content = self.workspace.save(path, progress)
        return PointerOut(content.digest, content.size, content.nfiles, content.is_executable)

    def restore(self, path: str, digest: str, progress: Progress = silent, *, is_executable: bool = False) -> Plan:
        """Make `path` equal to the version `digest`, whatever was there.

        Raises
        ------
        EnvironmentFault
            ``object-missing``, ``object-corrupt``: then nothing was changed.
        """
        return self.restoring.put(path, digest, progress, is_executable=is_executable)

    @property
    def restoring(self) -> Restoring:
        """Puts versions into the workspace."""
        from jupyter_mlops.versioning.restoring import Restoring

        return Restoring(self.places.root, self.settings, self.store, self.workspace)

    @property
    def publisher(self) -> Publisher:
        """Writes and commits pointers."""
        from jupyter_mlops.versioning.publishing import Publisher

        return Publisher(self.places, self.git, self.settings, self._forget_look)

    def _forget_look(self) -> None:
        self._look = None

    def repointed(self, pointer: str, data: bytes) -> bytes:
        """The bytes `data` of a pointer file, naming what took the place of what was let go."""
        heirs = {}
        for out in outs(data, pointer):
            if (heir := self.store.standing(out.digest) if out.digest else "") and heir != out.digest:
                content = self.store.content(heir)
                size = sum(self.store.require(entry.md5).stat().st_size for entry in content.entries)
                heirs[out.digest] = (heir, size, content.nfiles)
        return repointed(data, heirs) if heirs else data

    def pointed(self, pointer: str, data: bytes) -> dict[str, Out]:
        """The cached outputs in the bytes of a pointer file, by path below the root."""
        stage_files = StageFiles.for_pointer(self.git, pointer)
        cached = (out for out in outs(data, pointer) if out.digest and stage_files.is_cached(out, pointer))
        return {name: out for out in cached if (name := stage_files.name_of(out, pointer))}


def _covers(path: str, dataset: Dataset) -> bool:
    """Whether `path` names the dataset, something in it, or a folder above it."""
    if path in {".", "", dataset.name, dataset.pointer, dataset.short_name}:
        return True
    return dataset.name.startswith(path + "/") or path.startswith(dataset.name + "/")


def _data_file(name: str, entry: Entry, location: Path, size: int) -> DataFile:
    return DataFile(entry.path or posixpath.basename(name), location, entry.md5, size)
