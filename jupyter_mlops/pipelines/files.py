"""What stages read and write: looked at, saved into DVC's cache, put back from it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.pipelines.lock import Pin
from jupyter_mlops.records import Places, Progress, silent
from jupyter_mlops.versioning.content import Content
from jupyter_mlops.versioning.dvc_settings import DvcSettings
from jupyter_mlops.versioning.stat_index import StatIndex
from jupyter_mlops.versioning.store import Store
from jupyter_mlops.versioning.workspace import Workspace


class StageFiles:
    """The files of stages, in the workspace and in the cache; paths are below the root.

    Parameters
    ----------
    places
        Where the project and its rebuildable caches are.
    """

    def __init__(self, places: Places) -> None:
        self._root = places.root
        self._store = Store(DvcSettings.read(places.root))
        self._workspace = Workspace(places.root, self._store, StatIndex(places.scratch))

    def pin(self, path: str) -> Pin | None:
        """What `path` holds now, or None when it is missing."""
        if not self._workspace.exists(path):
            return None
        try:
            return _pin(self._workspace.scan(path))
        except UsageError as error:
            if error.reference == "no-such-file":
                return None
            raise

    def save(self, path: str, progress: Progress = silent) -> Pin:
        """Put what `path` holds into the cache."""
        return _pin(self._workspace.save(path, progress))

    def holds(self, pin: Pin) -> bool:
        """Whether the cache has all of `pin`."""
        try:
            return all(self._store.find(entry.md5) for entry in self._store.content(pin.md5).entries)
        except EnvironmentFault:
            return False

    def restore(self, path: str, pin: Pin) -> None:
        """Put `pin` from the cache back to `path`, which is missing."""
        self._workspace.restore(path, self._store.content(pin.md5))

    def ignore(self, path: str) -> Path | None:
        """Keep `path` out of git the way DVC does; the ``.gitignore`` that had to be written, if any."""
        target = self._root / path
        file, line = target.parent / ".gitignore", f"/{target.name}"
        with contextlib.suppress(FileNotFoundError):
            if line in file.read_text(encoding="utf-8").splitlines():
                return None
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a+", encoding="utf-8") as handle:
            handle.seek(0)
            handle.write("".join(_line_break(handle.read())) + line + "\n")
        return file


def _line_break(text: str) -> Iterator[str]:
    if text and not text.endswith("\n"):
        yield "\n"


def _pin(content: Content) -> Pin:
    return Pin(content.digest, content.size, content.nfiles, content.is_executable)
