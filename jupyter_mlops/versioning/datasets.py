"""Datasets and their versions: the one door of every other capability to the data."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, time
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

import attrs

from jupyter_mlops.errors import MlopsError, UnknownReference, UsageError
from jupyter_mlops.records import Places, Progress, short, silent
from jupyter_mlops.versioning.content import FOLDER_SUFFIX, MD5, Content, FileChanges
from jupyter_mlops.versioning.dvc_settings import DvcSettings
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.history import HistoryIndex, Recorded, read_blobs
from jupyter_mlops.versioning.pointers import SUFFIX, Described, Out, StageFiles, described, files, outs
from jupyter_mlops.versioning.publishing import Publisher
from jupyter_mlops.versioning.restoring import Restored, Restoring
from jupyter_mlops.versioning.stat_index import StatIndex
from jupyter_mlops.versioning.store import Store
from jupyter_mlops.versioning.tags import VersionTags
from jupyter_mlops.versioning.workspace import Workspace

NUMBER = re.compile(r"v([1-9]\d*)")
DIGEST = re.compile(r"[0-9a-f]{4,32}(\.dir)?")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
PREFIX = "data:"


@attrs.frozen
class Dataset:
    """Something that DVC tracks.

    Attributes
    ----------
    name
        The path of the data below the root, POSIX.
    kind
        ``data`` (a ``.dvc`` file) or ``stage`` (an out of ``dvc.yaml``).
    pointer
        The file that names its content: ``x.dvc`` or ``dvc.lock``.
    stage
        The stage that makes it.
    """

    name: str
    kind: str
    pointer: str
    stage: str | None = None

    @property
    def short_name(self) -> str:
        """The last part of the path without its extension."""
        return posixpath.basename(self.name).partition(".")[0] or self.name


@attrs.frozen
class Version:
    """One content of a dataset.

    Attributes
    ----------
    digest
        Its permanent name: md5, with ``.dir`` for a folder.
    version
        ``v3``, or None when no commit of this branch holds it.
    size, nfiles
        Bytes, and files of a folder (None for a single file).
    git_commit, author, time, message
        Of the commit that first held it; None or empty for what none holds.
    is_workspace
        Whether it stands for the content of the workspace now.
    """

    dataset: str
    digest: str
    version: str | None = None
    size: int = 0
    nfiles: int | None = None
    algorithm: str = MD5
    git_commit: str | None = None
    author: str = ""
    time: datetime | None = None
    message: str = ""
    tags: tuple[str, ...] = ()
    is_workspace: bool = False

    @property
    def label(self) -> str:
        """``v3·7f3a``; ``new·7f3a`` for what no commit holds."""
        return f"{self.version or 'new'}·{short(self.digest)}"

    @property
    def number(self) -> int | None:
        """3 for ``v3``."""
        return int(self.version[1:]) if self.version else None


@attrs.frozen
class DataFile:
    """A file of a version that can be read now.

    Attributes
    ----------
    path
        Below the dataset; the file's own name when the dataset is a file.
    location
        Where to read it: an object of the cache, or the file in the workspace.
    """

    path: str
    location: Path
    digest: str
    bytes: int


@attrs.frozen
class PointerOut:
    """What a pointer says of an output: digest, bytes, and files of a folder."""

    md5: str
    size: int
    nfiles: int | None
    is_executable: bool = False


@attrs.frozen
class DatasetState:
    """A dataset in the workspace.

    Attributes
    ----------
    kind
        ``data`` (a ``.dvc`` file) or ``stage`` (an out of ``dvc.yaml``).
    state
        ``up-to-date``, ``changed``, ``missing`` (not in the workspace) or ``absent`` (not in the cache either).
    version, head_version
        Labels ``v4·7f3a`` of the pointer in the workspace and in HEAD; None before the first commit.
    added, modified, removed
        Files, against the pointer.
    """

    path: str
    kind: str
    state: str
    version: str | None
    head_version: str | None
    added: int = 0
    modified: int = 0
    removed: int = 0
    files: int = 0
    bytes: int = 0
    versions: int = 0
    rows_changed: int | None = None


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

    @cached_property
    def settings(self) -> DvcSettings:
        """What ``.dvc/config`` says."""
        return DvcSettings.read(self.places.root)

    @cached_property
    def store(self) -> Store:
        """The cache."""
        return Store(self.settings)

    @property
    def workspace(self) -> Workspace:
        """The data as it lies in the folder of the project."""
        return Workspace(self.places.root, self.store, StatIndex(self.places.scratch))

    @property
    def index(self) -> HistoryIndex:
        """The history along the current branch."""
        return HistoryIndex(self.places, self.git)

    @property
    def tags(self) -> VersionTags:
        """The names given to versions."""
        return VersionTags(self.git)

    def all(self) -> tuple[Dataset, ...]:
        """Every dataset of the workspace, data first, then outs of stages, each by name."""
        return tuple(dataset for dataset, _ in self.pointers())

    def pointers(self) -> list[tuple[Dataset, Out]]:
        """Every dataset with what its pointer in the workspace says; data first, then by name."""
        stage_files = StageFiles.read(self.git)
        found: list[tuple[Dataset, Out]] = []
        for pointer in files(self.git):
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

    def out_of(self, dataset: Dataset) -> Out:
        """What the pointer in the workspace says of `dataset`.

        Raises
        ------
        UnknownReference
            ``unknown-dataset`` when it says nothing any more.
        """
        for known, out in self.pointers():
            if known.name == dataset.name:
                return out
        raise _unknown(self.all(), dataset.name)

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
        if dataset := _exact(everything, text):
            return self._workspace_version(dataset.name, self.out_of(dataset).algorithm, progress)
        for place in (match.start() for match in re.finditer("@", text)):
            if dataset := _exact(everything, text[:place]) or self._former(text[:place]):
                return self._version_at(dataset, text[place + 1 :])
        if "@" not in text and self.workspace.exists(text):
            return self._workspace_version(posixpath.normpath(text), MD5, progress)
        raise _unknown(everything, text.partition("@")[0])

    def _former(self, name: str) -> Dataset | None:
        """A dataset that only earlier commits of this branch hold."""
        known = self.index.names().get(name)
        return Dataset(name, "data" if known[0].endswith(SUFFIX) else "stage", known[0]) if known else None

    def _workspace_version(self, name: str, algorithm: str, progress: Progress) -> Version:
        content = self.workspace.scan(name, algorithm, progress)
        known = self.recorded(name, content.digest)
        blank = Version(name, content.digest, algorithm=algorithm)
        return attrs.evolve(known or blank, size=content.size, nfiles=content.nfiles, is_workspace=True)

    def recorded(self, name: str, digest: str) -> Version | None:
        """The numbered version of `name` with exactly this digest, or None."""
        return next(
            (self._version(found) for found in self.index.by_digest(name, digest) if found.digest == digest), None
        )

    def _version_at(self, dataset: Dataset, text: str) -> Version:
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
        stage_files = StageFiles.read(self.git)
        blob = read_blobs(self.git, [f"{commit}:./{dataset.pointer}"]).get(f"{commit}:./{dataset.pointer}", b"")
        for out in outs(blob, dataset.pointer):
            if stage_files.name_of(out, dataset.pointer) == dataset.name and out.digest:
                found = self.recorded(dataset.name, out.digest)
                return found or self._elsewhere(dataset.name, out, commit)
        raise UnknownReference(
            "unknown-version", f"{commit[:7]} holds no {dataset.name}.", hint=f"log {dataset.name} lists its versions."
        )

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
            algorithm=out.algorithm,
            git_commit=commit,
            author=author,
            time=datetime.fromisoformat(moment),
            message=message,
        )

    def _unknown_version(self, name: str, text: str) -> UnknownReference:
        known = self.index.versions(name, limit=50)
        words = [f"v{one.ordinal}" for one in known] + list(self.tags.of(name))
        near = get_close_matches(text, words, 1) or words[:1]
        hint = f"Did you mean {name}@{near[0]}?" if near else f"{name} has no version yet: commit {name}."
        return UnknownReference("unknown-version", f"{name} has no version {text}.", hint=hint)

    def _version(self, found: Recorded, tags: Mapping[str, tuple[str, ...]] | None = None) -> Version:
        return Version(
            dataset=found.name,
            digest=found.digest,
            version=f"v{found.ordinal}",
            size=found.size,
            nfiles=found.nfiles,
            algorithm=found.algorithm,
            git_commit=found.commit_id,
            author=found.author,
            time=datetime.fromisoformat(found.time),
            message=found.message,
            tags=(self._tags_by_digest(found.name) if tags is None else tags).get(found.digest, ()),
        )

    def _tags_by_digest(self, name: str) -> dict[str, tuple[str, ...]]:
        """The tags of each version of `name`."""
        given = self.tags.of(name)
        if not given:
            return {}
        pointer = self.index.names().get(name, ("", 0))[0]
        stage_files = StageFiles.read(self.git)
        blobs = read_blobs(self.git, sorted({f"{commit}:./{pointer}" for commit in given.values()}))
        found: dict[str, tuple[str, ...]] = {}
        for tag, commit in given.items():
            for out in outs(blobs.get(f"{commit}:./{pointer}", b""), pointer):
                if stage_files.name_of(out, pointer) == name:
                    found[out.digest] = (*found.get(out.digest, ()), tag)
        return found

    def files(self, version: Version) -> tuple[DataFile, ...]:
        """The files of `version`, each where it can be read now.

        Raises
        ------
        EnvironmentFault
            ``object-missing``, ``object-corrupt``.
        """
        name = version.dataset
        if version.is_workspace:
            top = self.places.root / name
            content = self.workspace.scan(name, version.algorithm)
            return tuple(
                _data_file(name, entry.path, top / entry.path, entry.md5, entry.size) for entry in content.entries
            )
        found = []
        for entry in self.store.content(version.digest).entries:
            location = self.store.require(entry.md5)
            found.append(_data_file(name, entry.path, location, entry.md5, location.stat().st_size))
        return tuple(found)

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
        tags = self._tags_by_digest(name) if found else {}
        return tuple(self._version(one, tags) for one in found)

    def states(self, paths: Iterable[str] = ()) -> tuple[DatasetState, ...]:
        """How each dataset stands: all of them, or those at or below `paths` (relative to the root)."""
        wanted = tuple(paths)
        counts = self.index.names()
        return tuple(
            self._state(dataset, out, counts.get(dataset.name, ("", 0))[1])
            for dataset, out in self.pointers()
            if not wanted or any(_covers(path, dataset) for path in wanted)
        )

    def _state(self, dataset: Dataset, out: Out, versions: int) -> DatasetState:
        name = dataset.name
        head = self.index.digest_at(name)
        state = DatasetState(
            path=name,
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
        if content.digest == out.digest:
            return state
        change = content.changes_since(self.content_or_none(out.digest))
        return attrs.evolve(
            state,
            state="changed",
            added=len(change.added),
            modified=len(change.modified),
            removed=len(change.removed),
            files=len(content.entries),
            bytes=content.size,
        )

    def _label(self, name: str, digest: str | None) -> str | None:
        if not digest:
            return None
        known = next((one for one in self.index.by_digest(name, digest) if one.digest == digest), None)
        return f"{f'v{known.ordinal}' if known else 'new'}·{short(digest)}"

    def content_or_none(self, digest: str) -> Content | None:
        """The files of the version `digest`, or None when the cache does not hold its listing."""
        try:
            return self.store.content(digest) if digest else None
        except MlopsError:
            return None

    def pointer_of(self, version: Version) -> tuple[str, str | None]:
        """The pointer file that names `version`, and its stage."""
        if known := next((one for one in self.all() if one.name == version.dataset), None):
            return known.pointer, known.stage
        recorded = next(iter(self.index.by_digest(version.dataset, version.digest)), None)
        if recorded:
            return recorded.pointer, recorded.stage
        raise _unknown(self.all(), version.dataset)

    def resolve_name(self, name: str) -> Dataset:
        """The dataset `name`, also one that only earlier commits of this branch hold."""
        return _exact(self.all(), name) or self._former(name) or self.find(name)

    def described(self, version: Version) -> Described:
        """What people wrote about the data into the pointer of `version`."""
        pointer, stage = self.pointer_of(version) if self.knows(version.dataset) else ("", None)
        if not pointer or stage is not None:
            return Described()
        if version.git_commit is None or version.is_workspace:
            return described((self.places.root / pointer).read_bytes(), pointer)
        name = f"{version.git_commit}:./{pointer}"
        return described(read_blobs(self.git, [name]).get(name, b""), pointer)

    def knows(self, name: str) -> bool:
        """Whether `name` is a dataset, now or in an earlier commit."""
        return _exact(self.all(), name) is not None or self._former(name) is not None

    def require_free(self, name: str) -> None:
        """Refuse to put new data where something is.

        Raises
        ------
        UsageError
            ``path-taken``.
        """
        if self.workspace.exists(name) or _exact(self.all(), name):
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

    def is_stored(self, digest: str) -> bool:
        """Whether every object of the version `digest` is in the cache."""
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

    def restore(self, path: str, digest: str, progress: Progress = silent, *, is_executable: bool = False) -> Restored:
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
        return Restoring(self.places.root, self.settings, self.store, self.workspace)

    @property
    def publisher(self) -> Publisher:
        """Writes and commits pointers."""
        return Publisher(self.places, self.git, self.settings)

    def pointed(self, pointer: str, data: bytes) -> dict[str, Out]:
        """The cached outputs in the bytes of a pointer file, by path below the root."""
        stage_files = StageFiles.read(self.git)
        cached = (out for out in outs(data, pointer) if out.digest and stage_files.is_cached(out, pointer))
        return {name: out for out in cached if (name := stage_files.name_of(out, pointer))}


def find(everything: Iterable[Dataset], name: str) -> Dataset:
    """The dataset called `name` among `everything`; see `Datasets.find`."""
    known = tuple(everything)
    if dataset := _exact(known, name.removeprefix(PREFIX)):
        return dataset
    raise _unknown(known, name)


def _exact(everything: Iterable[Dataset], text: str) -> Dataset | None:
    """The dataset at the path `text`, by its pointer, or by its short name when only one has it."""
    known = tuple(everything)
    path = posixpath.normpath(text.rstrip("/")) if text else ""
    for dataset in known:
        if dataset.name == path or (dataset.pointer == path and path.endswith(SUFFIX)):
            return dataset
    named = [dataset for dataset in known if text in {dataset.short_name, posixpath.basename(dataset.name)}]
    if len(named) > 1:
        raise UnknownReference(
            "ambiguous-dataset",
            f"{text} fits {len(named)} datasets.",
            context=", ".join(dataset.name for dataset in named),
            hint=f"Give the path: {named[0].name}.",
        )
    return named[0] if named else None


def _unknown(everything: Iterable[Dataset], text: str) -> UnknownReference:
    words = {word: dataset.name for dataset in everything for word in (dataset.name, dataset.short_name)}
    near = get_close_matches(text, words, 1, cutoff=0.5)
    hint = f"Did you mean {words[near[0]]}?" if near else "status lists the datasets; commit PATH makes one."
    return UnknownReference("unknown-dataset", f"There is no dataset {text}.", hint=hint)


def _covers(path: str, dataset: Dataset) -> bool:
    """Whether `path` names the dataset, something in it, or a folder above it."""
    if path in {".", "", dataset.name, dataset.pointer, dataset.short_name}:
        return True
    return dataset.name.startswith(path + "/") or path.startswith(dataset.name + "/")


def _data_file(name: str, path: str, location: Path, digest: str, size: int) -> DataFile:
    return DataFile(path or posixpath.basename(name), location, digest, size)
