"""What a notebook reads and writes, whatever library it uses: heard while it runs.

A hook in the kernel hears what Python opens and imports; the folder of the project tells what native libraries
and child processes open. The folder cannot tell who: `Captured.native` names what only it saw, so that whoever
runs several stages at once takes away what the others did.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Self

import attrs

from jupyter_mlops.pipelines.capturing import capture_agent
from jupyter_mlops.pipelines.capturing.inotify import Listener

REPORT = f"__import__('sys').modules[{capture_agent.NAME!r}].report()"
SKIPPED = frozenset(
    {".git", ".dvc", ".mlops", ".ipynb_checkpoints", "__pycache__", "node_modules", ".keys", ".venv", ".tox", ".idea"}
    | {".pytest_cache", ".mypy_cache", ".ruff_cache", ".vscode", ".virtual_documents", ".jupyter_ystore.db"}
)
OWN = ("executed",)
LEFTOVERS = (".pyc", ".swp", "~", ".tmp")
KEPT_BOOKS = (".dvc", "dvc.yaml", "dvc.lock", "params.yaml", "mlops.toml", ".gitignore", ".dvcignore", ".ipynb")
"""Where only the folder tells that these were opened, DVC, JupyterLab or we did it: runs, a sidebar that looks."""


@attrs.frozen
class Captured:
    """What a notebook did to files; paths are below the root but those of `outside`.

    Attributes
    ----------
    reads
        Files that it read before it wrote them, and that are still there.
    writes
        Files that it made or changed, and that are still there.
    modules
        Source files of the project that it imported.
    outside
        Files elsewhere that it read or wrote, but those of the system and of installed packages.
    folders
        Folders that it made.
    listed
        Folders whose content it looked up.
    native
        Those of `reads` and `writes` that only the folder told of: another process may have done it.
    unsure
        Those of `native` that another notebook, which ran at the same time, may have opened.
    is_whole
        False where native libraries could not be heard: not on Linux, or the system had no more watches.
    """

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    native: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    is_whole: bool = True

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Captured:
        """From the ``captured`` of a message of the worker."""
        fields: dict[str, Any] = {k: tuple(value) if isinstance(value, list) else value for k, value in message.items()}
        return cls(**fields)

    def without(self, others: Collection[str]) -> Captured:
        """The same, without what only the folder told of and `others` account for."""
        gone = set(self.native) & set(others)

        def left(paths: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(path for path in paths if path not in gone)

        return attrs.evolve(self, reads=left(self.reads), writes=left(self.writes), native=left(self.native))


class Capture:
    """Hears one execution, from entering the block to leaving it.

    Parameters
    ----------
    root
        The folder of the project.
    own
        Files of the execution itself, below the root: the notebook, its executed copy.
    """

    def __init__(self, root: Path, own: Collection[str] = ()) -> None:
        self._root = Path(os.path.realpath(root))
        self._own = frozenset(own)
        self._folder = Listener(self._root, _is_skipped)
        self._report: Mapping[str, Any] = {"done": {}, "modules": []}

    @property
    def agent(self) -> str:
        """What a Python kernel executes, silently, before the first cell."""
        source = Path(capture_agent.__file__).read_text(encoding="utf-8")
        lines = f"{source}\ninstall({str(self._root)!r})\n"
        return f"exec(compile({lines!r}, '<mlops>', 'exec'), {{'__name__': {capture_agent.NAME!r}}})"

    def __enter__(self) -> Self:
        self._folder.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.__exit__()

    def hear(self, report: str) -> None:
        """What `REPORT`, evaluated in the kernel after the last cell, answered; no answer is none."""
        with contextlib.suppress(ValueError):
            self._report = json.loads(report)

    def message(self) -> dict[str, Any]:
        """`captured` as a message of the worker."""
        return attrs.asdict(self.captured())

    def captured(self) -> Captured:
        """What was heard, once the block is left."""
        modules = {path for place in self._report["modules"] if (path := self._inside(place))}
        reads, writes, folders, listed, outside = self._by_python()
        told = self._folder.files.items()
        seen = {path: traces for path, traces in told if self._is_wanted(path) and not path.endswith(KEPT_BOOKS)}
        native_writes = {path for path, traces in seen.items() if traces.is_written}
        native_reads = {path for path, traces in seen.items() if traces.was_read} - (writes - reads)
        here = self._there
        known = reads | writes | modules
        return Captured(
            reads=here((reads | native_reads) - modules),
            writes=here(writes | native_writes),
            modules=here(modules),
            outside=tuple(sorted(outside)),
            folders=here(folders),
            listed=here(listed),
            native=here((native_reads | native_writes) - known),
            is_whole=self._folder.is_whole,
        )

    def _by_python(self) -> tuple[set[str], set[str], set[str], set[str], set[str]]:
        """Reads, writes, folders made, folders listed, and files outside, as the kernel told."""
        reads, writes, folders, listed, outside = set[str](), set[str](), set[str](), set[str](), set[str]()
        for place, deeds in self._report["done"].items():
            path = self._inside(place)
            if path is None:
                if Path(place).is_file() and {"read", "written"} & set(deeds):
                    outside.add(place)
                continue
            if path and deeds[0] == "read":
                reads.add(path)
            for deed, found in (("written", writes), ("made", folders), ("listed", listed)):
                if path and deed in deeds:
                    found.add(path)
        moved = {path for path in writes if (self._root / path).is_dir()}
        inside = {path for folder in moved for path in self._files_below(folder)}
        return reads, (writes - moved) | inside, folders | moved, listed, outside

    def _files_below(self, folder: str) -> Iterator[str]:
        return (path.relative_to(self._root).as_posix() for path in (self._root / folder).rglob("*") if path.is_file())

    def _inside(self, place: str) -> str | None:
        """`place` below the root when it is wanted; "" for one that is not, None for one outside."""
        try:
            path = Path(place).relative_to(self._root).as_posix()
        except ValueError:
            return None
        return path if self._is_wanted(path) else ""

    def _is_wanted(self, path: str) -> bool:
        parts = PurePosixPath(path).parts
        is_noise = not parts or not SKIPPED.isdisjoint(parts) or parts[0] in OWN or path.endswith(LEFTOVERS)
        return not is_noise and path not in self._own

    def _there(self, paths: Collection[str]) -> tuple[str, ...]:
        return tuple(sorted(path for path in paths if path and (self._root / path).exists()))


def _is_skipped(folder: str) -> bool:
    name = folder.rpartition("/")[2]
    return name in SKIPPED or folder in OWN or name == "site-packages"
