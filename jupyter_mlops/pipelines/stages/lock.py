"""``dvc.lock``: what each stage last ran with, written as DVC writes it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.stages import yaml_files
from jupyter_mlops.pipelines.stages.dvc_yaml import PARAMS
from jupyter_mlops.pipelines.stages.specs import Command, StageSpec
from jupyter_mlops.records import write_atomically

LOCK = "dvc.lock"
DVC_WIDTH = 80
STAGE_LINE = re.compile(r"  [\w@.'-]+:\n")
Values = Mapping[str, Mapping[str, Any]]
"""Parameter file to key to value."""


@attrs.frozen
class Pin:
    """What a path holds, in DVC's terms; a folder's `md5` ends in ``.dir`` and it has `nfiles`."""

    md5: str
    size: int
    nfiles: int | None = None
    isexec: bool = False


@attrs.frozen
class Locked:
    """What a stage ran with: the entry of ``dvc.lock``."""

    command: Command
    deps: Mapping[str, Pin]
    outs: Mapping[str, Pin]
    params: Values

    @classmethod
    def read(cls, entry: Mapping[str, Any], folder: str) -> Locked:
        """The entry as it is in the file; its paths are made relative to the root."""
        command = entry.get("cmd", "")
        return cls(
            command=tuple(command) if isinstance(command, list) else str(command),
            deps=_contents(entry.get("deps"), folder),
            outs=_contents(entry.get("outs"), folder),
            params={file: dict(values) for file, values in (entry.get("params") or {}).items()},
        )

    def entry(self, folder: str) -> dict[str, Any]:
        """As ``dvc.lock`` holds it: everything sorted, ``params.yaml`` first."""
        files = sorted(self.params, key=lambda name: (name != PARAMS, name))
        values = {name: dict(sorted(self.params[name].items())) for name in files}
        whole = {
            "cmd": self.command if isinstance(self.command, str) else list(self.command),
            "deps": _entries(self.deps, folder),
            "params": values,
            "outs": _entries(self.outs, folder),
        }
        return {key: value for key, value in whole.items() if value}


def read(root: Path, stages: Mapping[str, StageSpec]) -> dict[str, Locked]:
    """The entries of ``dvc.lock`` for the stages that still exist.

    Raises
    ------
    UsageError
        ``bad-file``.
    """
    document = yaml_files.load_mapping(root / "dvc.lock")
    try:
        entries = (document.get("stages") or {}).items()
        return {name: Locked.read(entry, stages[name].folder) for name, entry in entries if name in stages}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError("bad-file", "dvc.lock is not as DVC writes it.", context=repr(error)) from error


def write(root: Path, stage: StageSpec, locked: Locked) -> None:
    """Set the entry of one stage; the others stay as they are, byte for byte."""
    write_all(root, {stage.name: (stage, locked)})


def write_all(root: Path, entries: Mapping[str, tuple[StageSpec, Locked]]) -> None:
    """Set the entries of some stages, by name; the others stay as they are, byte for byte."""
    path = root / LOCK
    found = {name: locked.entry(stage.folder) for name, (stage, locked) in sorted(entries.items())}
    text: str | None = path.read_text(encoding="utf-8") if path.exists() else ""
    for name, entry in found.items():
        block = yaml_files.dump({"stages": {name: entry}}, width=DVC_WIDTH).partition("\n")[2]
        text = with_entry(text, block) if text else None
    if text:
        write_atomically(path, text.encode())
        return

    def change(document: Any) -> None:
        document.setdefault("schema", "2.0")
        document.setdefault("stages", {}).update(found)

    yaml_files.edit(path, change, width=DVC_WIDTH)


def with_entry(text: str, block: str) -> str | None:
    """`text` of a ``dvc.lock`` with the lines `block` of one stage in their place.

    A new entry goes before the first whose name comes after its own: whichever of two stages that run at once is done
    first, the file is the same.

    Returns
    -------
    str | None
        None when the file is not laid out as DVC lays it out: then it has to be read to be written.
    """
    lines = text.splitlines(keepends=True)
    if lines[:2] != ["schema: '2.0'\n", "stages:\n"] or not all(map(_is_plain, lines[2:])):
        return None
    name = block.partition(":\n")[0]
    heads = {line.removesuffix(":\n"): at for at, line in enumerate(lines) if STAGE_LINE.fullmatch(line)}
    start = heads.get(name, min((at for head, at in heads.items() if head > name), default=len(lines)))
    end = min((at for at in heads.values() if at > start), default=len(lines)) if name in heads else start
    return "".join([*lines[:start], block, *lines[end:]])


def _is_plain(line: str) -> bool:
    """Whether a line stands inside an entry, or is the name of one."""
    return line.startswith("    ") or bool(STAGE_LINE.fullmatch(line))


def remove(root: Path, name: str) -> None:
    """Forget the entry of one stage."""
    if (root / "dvc.lock").exists():
        yaml_files.edit(root / "dvc.lock", lambda entries: entries.get("stages", {}).pop(name, None), width=DVC_WIDTH)


def _contents(items: Any, folder: str) -> dict[str, Pin]:
    return {
        posixpath.normpath(posixpath.join(folder, item["path"])): Pin(
            str(item.get("md5", "")), int(item.get("size", 0)), item.get("nfiles"), bool(item.get("isexec"))
        )
        for item in items or ()
    }


def _entries(contents: Mapping[str, Pin], folder: str) -> list[dict[str, Any]]:
    return [_entry(posixpath.relpath(path, folder), contents[path]) for path in sorted(contents)]


def _entry(path: str, content: Pin) -> dict[str, Any]:
    optional = {"nfiles": content.nfiles, "isexec": content.isexec or None}
    fixed = {"path": path, "hash": "md5", "md5": content.md5, "size": content.size}
    return {**fixed, **{key: value for key, value in optional.items() if value is not None}}
