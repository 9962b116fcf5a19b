"""The ``artifacts:`` of ``dvc.yaml``, and which bytes a path held at a commit."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath

import attrs

from jupyter_mlops.records import write_atomically
from jupyter_mlops.versioning.blobs import read_blobs
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.pointers import LOCK_FILE, PIPELINE_FILE, SUFFIX, Out, load_yaml, name_of, outs


@attrs.frozen
class Content:
    """What a path held at a commit.

    Attributes
    ----------
    digest
        md5 of the bytes: the name DVC gives them.
    source
        ``dvc`` when DVC keeps the bytes, ``git`` when git does.
    bytes
        How many they are.
    """

    path: str
    digest: str
    source: str
    bytes: int = 0


def declare(root: Path, name: str, path: str) -> bool:
    """Write ``artifacts: {name: {path, type: model}}``; comments and order stay.

    Returns
    -------
    bool
        Whether the file had to change.
    """
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    file = root / PIPELINE_FILE
    data = file.read_bytes() if file.exists() else b""
    load_yaml(data, PIPELINE_FILE)
    document = yaml.load(data) or {}
    entry = (document.get("artifacts") or {}).get(name) or {}
    if entry.get("path") == path and entry.get("type") == "model":
        return False
    document["artifacts"] = document.get("artifacts") or {}
    document["artifacts"][name] = {**entry, "path": path, "type": "model"}
    text = io.BytesIO()
    yaml.dump(document, text)
    write_atomically(file, text.getvalue())
    return True


def contents(git: Git, wanted: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Content]:
    """What each ``(commit, model name)`` was; a model without path or bytes is left out."""
    pairs = sorted(set(wanted))
    files = read_blobs(git, dict.fromkeys(f"{commit}:./{PIPELINE_FILE}" for commit, _ in pairs))
    paths = {(c, n): _paths(files.get(f"{c}:./{PIPELINE_FILE}", b"")).get(n) for c, n in pairs}
    found = contents_of(git, [(commit, path) for (commit, _), path in paths.items() if path])
    return {(c, n): found[c, p] for (c, n), p in paths.items() if p and (c, p) in found}


def contents_of(git: Git, located: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Content]:
    """What each ``(commit, path)`` held, for those that held something."""
    pairs = sorted(set(located))
    names = {pair: {file: f"{pair[0]}:./{file}" for file in _carriers(pair[1])} for pair in pairs}
    blobs = read_blobs(git, dict.fromkeys(name for files in names.values() for name in files.values()))
    found: dict[tuple[str, str], Content] = {}
    for (commit, path), files in names.items():
        carried = {file: blobs[name] for file, name in files.items() if name in blobs}
        if content := _content(path, carried):
            found[commit, path] = content
    return found


def _carriers(path: str) -> list[str]:
    """The files that may say what `path` holds: its pointer, the locks above it, itself."""
    locks = [str(folder / LOCK_FILE) for folder in PurePosixPath(path).parents]
    return [f"{path}{SUFFIX}", *locks, path]


def _content(path: str, carried: Mapping[str, bytes]) -> Content | None:
    for file, data in carried.items():
        if file == path:
            return Content(path, hashlib.md5(data, usedforsecurity=False).hexdigest(), "git", len(data))
        for out in _outs(data, file):
            if out.digest and name_of(out, file) == path:
                return Content(path, out.digest, "dvc", out.size)
    return None


@lru_cache(maxsize=512)
def _outs(data: bytes, file: str) -> tuple[Out, ...]:
    """Read once, however many commits share the file."""
    return outs(data, file)


@lru_cache(maxsize=512)
def _paths(data: bytes) -> Mapping[str, str]:
    """The path of each artifact that a ``dvc.yaml`` names."""
    entries = load_yaml(data, PIPELINE_FILE).get("artifacts") or {}
    return {name: str(entry["path"]) for name, entry in entries.items() if (entry or {}).get("path")}
