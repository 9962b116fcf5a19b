"""Data from outside put in its place, and what is known of data that came so before."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.records import Progress, silent
from jupyter_mlops.versioning.committing import Draft
from jupyter_mlops.versioning.datasets import Datasets
from jupyter_mlops.versioning.occupancy import private_folder
from jupyter_mlops.versioning.pointers import described
from jupyter_mlops.versioning.sources import Source, Sources

KEPT_S = 7 * 86_400.0
"""So long the part of a download waits to be gone on from."""
SOURCE = "source"
QUERY = "query"
VERSION = "source_version"
READ_AS = (
    "source_of"  # the digest that the source's version had here: plain dvc keeps `meta` while it replaces the data
)


@attrs.frozen
class Origin:
    """Where a dataset came from when it was last imported.

    Attributes
    ----------
    digest
        What its pointer names now.
    meta
        What the pointer says of it.
    """

    name: str
    digest: str
    meta: Mapping[str, Any]

    @property
    def address(self) -> str:
        """The source, as recorded."""
        return str(self.meta.get(SOURCE) or "")

    @property
    def query(self) -> str:
        """What was asked of it."""
        return str(self.meta.get(QUERY) or "")

    def is_of(self, source: Source) -> bool:
        """Whether it came from `source`, in whichever version."""
        return self.address in {source.address, source.origin} or self.address.startswith(f"{source.origin}@")

    def has(self, source: Source, version: str) -> bool:
        """Whether the dataset is what `source` has at `version`."""
        told = (self.meta.get(VERSION), self.meta.get(READ_AS), self.query)
        return bool(version) and told == (version, self.digest, source.query)


def recorded(source: Source, version: str, draft: Draft) -> dict[str, object]:
    """What the pointer is to say of where `draft` came from."""
    return {
        SOURCE: source.address,
        QUERY: source.query or None,
        VERSION: version or f"md5 {draft.content.digest}",
        READ_AS: draft.content.digest,
    }


class Importing:
    """Brings data into a project.

    Parameters
    ----------
    datasets
        The datasets of the project.
    """

    def __init__(self, datasets: Datasets) -> None:
        self._datasets = datasets
        self._root = datasets.places.root

    def sources(self, folder: Path) -> Sources:
        """Understands what somebody who stands in `folder` types as a source."""
        return Sources(folder, self._datasets.places.scratch / "imports", self._datasets.settings)

    def origin(self, name: str) -> Origin | None:
        """What is known of the dataset `name`, None when there is none or a stage makes it."""
        found = self._datasets.pointer(name)
        if found is None or found[0].stage is not None:
            return None
        meta = described((self._root / found[0].pointer).read_bytes(), found[0].pointer).meta
        return Origin(name, found[1].digest, meta)

    def require_place(self, name: str, source: Source) -> Origin | None:
        """Check that `source` may be put at `name`; returns what is known when it came from there before.

        Raises
        ------
        UsageError
            ``path-taken``, ``would-lose-changes``.
        """
        origin = self.origin(name)
        if origin is None or not origin.is_of(source):
            self._datasets.require_free(name)
            return None
        workspace = self._datasets.workspace
        if workspace.exists(name) and workspace.scan(name).digest != origin.digest:
            raise UsageError(
                "would-lose-changes",
                f"{name} has changes that no version holds. Nothing was touched.",
                hint=f"commit {name} keeps them as a version; then import again.",
            )
        return origin

    @contextlib.contextmanager
    def placed(self, source: Source, name: str, progress: Progress = silent) -> Iterator[str]:
        """Bring the data to `name` and yield its version; what was there comes back unless all goes well."""
        target = self._root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        parts = self._datasets.places.scratch / "imports"
        parts.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(parts)
        with private_folder(self._datasets.places.state / "importing") as staging:
            arrived, before = staging / target.name, staging / f"{target.name}.before"
            version = source.bring(arrived, progress)
            was_there = target.exists()
            if was_there:
                shutil.move(target, before)
            shutil.move(arrived, target)
            try:
                yield version
            except BaseException:
                remove(target)
                if was_there:
                    shutil.move(before, target)
                raise


def _sweep(parts: Path) -> None:
    """Remove what nobody came back for."""
    for path in parts.iterdir():
        if path.suffix == ".lock":
            continue  # empty, and perhaps held
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - KEPT_S:
                remove(path)


def remove(path: Path) -> None:
    """Remove a file or a folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
