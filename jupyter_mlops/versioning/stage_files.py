"""Where pointers lie in the workspace, and what ``dvc.yaml`` adds to ``dvc.lock``."""

from __future__ import annotations

import contextlib
import fnmatch
import glob
import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.versioning.dvcignore import DvcIgnore
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.pointers import LOCK_FILE, PIPELINE_FILE, Out, load_yaml, name_of

TEMPLATE = re.compile(r"\$\{[^}]*\}")


def files(git: Git) -> tuple[str, ...]:
    """Every pointer file in the workspace, tracked by git or new, that git does not ignore."""
    patterns = (":(glob)**/*.dvc", ":(glob)**/dvc.lock")
    text = git.run("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate", "--", *patterns)
    there = (name for name in text.split("\0") if name and (git.root / name).is_file())
    return tuple(
        sorted(name for name in there if not DvcIgnore(git.root, posixpath.dirname(name)).excludes_whole(name))
    )


@attrs.frozen
class StageFiles:
    """What ``dvc.lock`` leaves unsaid and ``dvc.yaml`` says.

    Attributes
    ----------
    folders
        The ``wdir`` of each stage that has one, by lock file and stage.
    uncached
        The outputs with ``cache: false`` by lock file and stage: git keeps those. A path is a pattern,
        in which ``*`` stands for what a template is filled in with.
    """

    folders: Mapping[tuple[str, str], str] = attrs.field(factory=dict)
    uncached: Mapping[tuple[str, str], tuple[str, ...]] = attrs.field(factory=dict)

    @classmethod
    def read(cls, git: Git) -> StageFiles:
        """From every ``dvc.yaml`` of the project that can be read."""
        text = git.run(
            "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", f":(glob)**/{PIPELINE_FILE}"
        )
        folders: dict[tuple[str, str], str] = {}
        uncached: dict[tuple[str, str], tuple[str, ...]] = {}
        for name in filter(None, text.split("\0")):
            lock = posixpath.join(posixpath.dirname(name), LOCK_FILE)
            for stage, definition in _definitions(git.root / name, name):
                if wdir := definition.get("wdir"):
                    folders[lock, stage] = str(wdir)
                uncached[lock, stage] = (*_uncached(definition),)
        return cls(folders, uncached)

    def name_of(self, out: Out, pointer: str) -> str | None:
        """The path of `out` below the root, or None when it lies outside the project."""
        stage = (out.stage or "").partition("@")[0]
        wdir = self.folders.get((pointer, out.stage or "")) or self.folders.get((pointer, stage), "")
        return name_of(out, pointer, wdir)

    def is_cached(self, out: Out, pointer: str) -> bool:
        """Whether the cache of DVC keeps `out`."""
        group = (out.stage or "").partition("@")[0]
        known = (self.uncached.get((pointer, stage), ()) for stage in {out.stage or "", group})
        return not any(fnmatch.fnmatchcase(out.path, path) for paths in known for path in paths)


def _definitions(path: Path, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with contextlib.suppress(FileNotFoundError, UsageError, AttributeError):
        stages = load_yaml(path.read_bytes(), name).get("stages") or {}
        for stage, body in stages.items():
            written = body.get("do", body) if isinstance(body, dict) else None
            if isinstance(written, dict):
                yield str(stage), written


def _uncached(definition: Mapping[str, Any]) -> Iterator[str]:
    for kind in ("outs", "metrics", "plots"):
        items = definition.get(kind)
        for item in items if isinstance(items, list) else ():
            for path, flags in item.items() if isinstance(item, dict) else ():
                if isinstance(flags, dict) and flags.get("cache") is False:
                    yield TEMPLATE.sub("*", glob.escape(str(path)))
