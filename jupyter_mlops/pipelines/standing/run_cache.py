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
from jupyter_mlops.pipelines.stages import yaml_files
from jupyter_mlops.pipelines.stages.lock import Locked, Pin, Values
from jupyter_mlops.pipelines.stages.specs import StageSpec
from jupyter_mlops.records import write_atomically

RUNS = "runs"
LEFT_OUT = frozenset({"size", "nfiles"})


@attrs.frozen
class RunCache:
    """The run-cache inside the cache at `folder`."""

    folder: Path

    def save(self, stage: StageSpec, locked: Locked) -> None:
        """Keep what `stage` ran with; a stage of which DVC would keep nothing is passed over."""
        name = self.name_of(stage, locked)
        if name and not (path := self.folder / RUNS / name).exists():
            with contextlib.suppress(PermissionError):  # a cache that is read only restores, and keeps nothing
                write_atomically(path, yaml_files.dump(locked.entry(stage.folder)).encode())

    @staticmethod
    def name_of(stage: StageSpec, locked: Locked) -> str | None:
        """The name of the entry, ``xx/KEY/VALUE``; None when DVC would keep none."""
        if not is_kept(stage, locked):
            return None
        entry = locked.entry(stage.folder)
        return f"{_below(key(entry))}/{digest(entry)}"

    @staticmethod
    def folder_of(stage: StageSpec, deps: Mapping[str, Pin], params: Values) -> str | None:
        """Where entries of exactly these inputs are, ``xx/KEY``; None when DVC would keep none."""
        asked = Locked(stage.command, deps, {out.path: Pin("", 0) for out in stage.outs}, params)
        return _below(key(asked.entry(stage.folder))) if is_kept(stage, asked) else None

    def find(self, stage: StageSpec, deps: Mapping[str, Pin], params: Values) -> Locked | None:
        """What the stage made of exactly these inputs, the newest first, or None."""
        folder = self.folder_of(stage, deps, params)
        return next(self._entries(stage, self.folder / RUNS / folder), None) if folder else None

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


def _below(name: str) -> str:
    return f"{name[:2]}/{name}"


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
