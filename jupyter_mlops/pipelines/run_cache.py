"""DVC's run-cache: what a stage once made of the same inputs is restored, whoever made it.

An entry is ``runs/xx/KEY/VALUE`` in the cache: the entry of ``dvc.lock``, filed under a digest of what went in
(`key`) and of all of it (`value`), as ``dvc/stage/cache.py`` of DVC 3.67 has it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines import yaml_files
from jupyter_mlops.pipelines.lock import Locked, Pin
from jupyter_mlops.pipelines.stages import StageSpec
from jupyter_mlops.records import write_atomically

LEFT_OUT = frozenset({"size", "nfiles"})


@attrs.frozen
class RunCache:
    """The run-cache inside the cache at `folder`."""

    folder: Path

    def save(self, stage: StageSpec, locked: Locked) -> None:
        """Keep what `stage` ran with; a stage of which DVC would keep nothing is passed over."""
        if not is_kept(stage, locked):
            return
        entry = locked.entry(stage.folder)
        path = self._place(key(entry)) / digest(entry)
        if not path.exists():
            with contextlib.suppress(PermissionError):  # a cache that is read only restores, and keeps nothing
                write_atomically(path, yaml_files.dump(entry).encode())

    def find(self, stage: StageSpec, deps: Mapping[str, Pin], params: Mapping[str, Mapping[str, Any]]) -> Locked | None:
        """What the stage made of exactly these inputs, the newest first, or None."""
        asked = Locked(stage.command, deps, {out.path: Pin("", 0) for out in stage.outs}, params)
        if not is_kept(stage, asked):
            return None
        return next(self._entries(stage, self._place(key(asked.entry(stage.folder)))), None)

    def _place(self, name: str) -> Path:
        return self.folder / "runs" / name[:2] / name

    def _entries(self, stage: StageSpec, folder: Path) -> Iterator[Locked]:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for path in sorted(folder.iterdir(), key=os.path.getmtime, reverse=True):
                with contextlib.suppress(UsageError, KeyError, TypeError, ValueError, AttributeError):
                    entry = yaml_files.parse(path.read_text(encoding="utf-8"))
                    # A shared cache is written by others: an entry counts when it says what its name promises.
                    if digest(entry) == path.name and key(entry) == folder.name:
                        yield Locked.read(entry, stage.folder)


def is_kept(stage: StageSpec, locked: Locked) -> bool:
    """Whether DVC keeps runs of `stage`: it has local inputs and outputs, and nothing of it stays in place."""
    if stage.always_changed or not locked.deps or not locked.outs:
        return False
    paths = (*locked.deps, *locked.outs)
    return not any(out.persist for out in stage.outs) and not any("://" in path or _leaves(path) for path in paths)


def _leaves(path: str) -> bool:
    return path.startswith(("../", "/"))


def key(entry: Mapping[str, Any]) -> str:
    """The digest of what went in: the command, inputs, parameters, and the names of the outputs."""
    return digest({**entry, "outs": [out["path"] for out in entry.get("outs", [])]})


def digest(entry: Mapping[str, Any]) -> str:
    """Sha256 of an entry, its sizes and counts left out, as ``dvc.utils.dict_sha256``."""
    return hashlib.sha256(json.dumps(_bare(entry), sort_keys=True).encode()).hexdigest()


def _bare(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _bare(item) for name, item in value.items() if name not in LEFT_OUT}
    return [_bare(item) for item in value] if isinstance(value, (list, tuple)) else value
