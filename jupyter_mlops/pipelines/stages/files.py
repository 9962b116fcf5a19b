"""What stages read and write: looked at, saved into DVC's cache, put back from it."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from pathlib import Path

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.stages.lock import Pin
from jupyter_mlops.records import Progress, silent
from jupyter_mlops.versioning.datasets import Datasets
from jupyter_mlops.versioning.pointers import Out
from jupyter_mlops.versioning.publishing import dvc_lock, lock_at
from jupyter_mlops.versioning.values import Dataset


class StageData:
    """The files of stages, in the workspace and in the cache; paths are below the root.

    Parameters
    ----------
    datasets
        The door to the data.
    """

    def __init__(self, datasets: Datasets) -> None:
        self._datasets = datasets
        self._root = datasets.places.root

    def pin(self, path: str) -> Pin | None:
        """What `path` holds now, or None when it is missing."""
        if "://" in path:
            return None
        try:
            content = self._datasets.workspace.scan(path)
        except UsageError as error:
            if error.reference == "no-such-file":
                return None
            raise
        return Pin(content.digest, content.size, content.nfiles, content.is_executable)

    def in_use(self) -> AbstractContextManager[None]:
        """Held from `save` until ``dvc.lock`` names what was saved: nothing is collected meanwhile."""
        return self._datasets.store.in_use()

    @property
    def cache(self) -> Path:
        """The cache of DVC."""
        return self._datasets.settings.cache

    def publishing(self) -> AbstractContextManager[None]:
        """DVC's own lock, held while ``dvc.lock`` is written."""
        return dvc_lock(self._root, self._datasets.settings)

    def claims_lock(self, folder: Path) -> AbstractContextManager[None]:
        """DVC's lock of the file in which stages that run say what they read and write."""
        return lock_at(folder / "rwlock.lock", self._datasets.settings)

    def save(self, path: str, progress: Progress = silent) -> Pin:
        """Put what `path` holds into the cache."""
        saved = self._datasets.save(path, progress)
        return Pin(saved.md5, saved.size, saved.nfiles, saved.is_executable)

    def holds(self, pin: Pin) -> bool:
        """Whether the cache has all of `pin`."""
        return self._datasets.is_stored(pin.md5)

    def objects(self, pin: Pin) -> tuple[str, ...]:
        """The digests of all objects of `pin`, as far as its listing is here."""
        return self._datasets.store.objects(pin.md5)

    def pointers(self) -> list[tuple[Dataset, Out]]:
        """Every dataset, and what its pointer says."""
        return self._datasets.pointers()

    def restore(self, path: str, pin: Pin, progress: Progress = silent) -> None:
        """Put `pin` from the cache back to `path`."""
        self._datasets.restore(path, pin.md5, progress, is_executable=pin.isexec)

    def ignore(self, path: str) -> str | None:
        """Keep `path` out of git the way DVC does; the ``.gitignore`` that had to be written, if any."""
        target = self._root / path
        file, line = target.parent / ".gitignore", f"/{target.name}"
        text = ""
        with contextlib.suppress(FileNotFoundError):
            text = file.read_text(encoding="utf-8")
        if line in text.splitlines():
            return None
        file.parent.mkdir(parents=True, exist_ok=True)
        gap = "\n" if text and not text.endswith("\n") else ""
        file.write_text(f"{text}{gap}{line}\n", encoding="utf-8")
        return file.relative_to(self._root).as_posix()
