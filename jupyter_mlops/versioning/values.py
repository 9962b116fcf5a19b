"""What others are told about data: datasets, versions, files, states."""

from __future__ import annotations

import posixpath
from datetime import datetime
from pathlib import Path

import attrs

from jupyter_mlops.records import short
from jupyter_mlops.versioning.content import MD5

CUT_OFF, LAST_LOOK = "erasing.json", "verified.json"
"""Where, among the durable local state, an erasure under way and the last look at the cache are noted."""


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
    rows
        Of a table, when its commit recorded them.
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
    rows: int | None = None
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
    name
        What to type for it: its short name when no other dataset has that, else the path.
    kind
        ``data`` (a ``.dvc`` file) or ``stage`` (an out of ``dvc.yaml``).
    state
        ``up-to-date``, ``changed``, ``missing`` (not in the workspace) or ``absent`` (not in the cache either).
    version, head_version
        Labels ``v4·7f3a`` of the pointer in the workspace and in HEAD; None before the first commit.
    added, modified, removed
        Files, against the pointer.
    at
        The version ``v2`` that lies in the workspace, when HEAD names another one.
    """

    path: str
    name: str
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
    at: str | None = None

    @property
    def is_only_cached(self) -> bool:
        """Whether its pointer names what no commit of the branch holds."""
        return bool(self.version) and str(self.version).startswith("new")
