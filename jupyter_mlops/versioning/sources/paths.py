"""Files and folders of this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import attrs

from jupyter_mlops.records import Progress, Step, silent
from jupyter_mlops.versioning.sources.source import Source


@attrs.frozen
class LocalFiles(Source):
    """A file or a folder outside the project."""

    path: Path = attrs.field(kw_only=True)

    @classmethod
    def at(cls, path: Path) -> LocalFiles:
        """The file or folder at `path`, which is absolute."""
        return cls(str(path), path.name, path=path)

    def _files(self) -> list[Path]:
        return [self.path] if self.path.is_file() else [file for file in self.path.rglob("*") if file.is_file()]

    def size(self) -> int:
        """Bytes."""
        return sum(file.stat().st_size for file in self._files())

    def bring(self, target: Path, progress: Progress = silent) -> str:
        """Copy it."""
        total, done = self.size(), 0

        def copy(source: str, to: str) -> None:
            nonlocal done
            shutil.copyfile(source, to)
            shutil.copymode(source, to)
            done += Path(to).stat().st_size
            progress(Step(f"copy {self.name}", done, total, "bytes"))

        if self.path.is_dir():
            shutil.copytree(self.path, target, copy_function=copy)
        else:
            copy(str(self.path), str(target))
        return ""
