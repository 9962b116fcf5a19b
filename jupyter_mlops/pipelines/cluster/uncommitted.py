"""What a colleague's clone would lack: the pipeline's own files that HEAD does not hold, or holds otherwise."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from jupyter_mlops.versioning.blobs import changed
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.patches import CODE

if TYPE_CHECKING:
    from jupyter_mlops.pipelines.stages.specs import StageSpec


def untracked_code(git: Git, stages: Iterable[StageSpec]) -> tuple[str, ...]:
    """The notebooks and modules of `stages` that no commit holds and no rule ignores."""
    known = tuple(stages)
    made = {out.path for stage in known for out in stage.outs}
    named = (path for stage in known for path in (stage.notebook, *stage.deps) if path)
    code = (path for path in named if PurePosixPath(path).suffix.lower() in CODE and path not in made)
    return tuple(untracked(git, dict.fromkeys(filter(_is_inside, code))))


def untracked(git: Git, paths: Iterable[str]) -> Iterator[str]:
    """Those of `paths` that are files here, that HEAD does not hold, and that no rule ignores."""
    for path in paths:
        is_held = git.succeeds("cat-file", "-e", f"HEAD:./{path}")
        if (git.root / path).is_file() and not is_held and not _is_ignored(git, path):
            yield path


def changed_files(git: Git, stages: Iterable[StageSpec]) -> tuple[str, ...]:
    """``dvc.yaml``, ``dvc.lock``, parameters and metrics of `stages` that git keeps: those that differ from HEAD."""
    known = tuple(stages)
    parameters = (path for stage in known for path in stage.params)
    metrics = (out.path for stage in known for out in stage.outs if out.kind == "metrics" and not out.cached)
    files = [path for path in dict.fromkeys(("dvc.yaml", "dvc.lock", *parameters, *metrics)) if _is_inside(path)]
    differ = changed(git, files)
    return tuple(path for path in files if path in differ and not _is_ignored(git, path))


def commit_line(paths: Iterable[str], message: str) -> str:
    """What to type in a terminal so that git commits exactly `paths`."""
    words = shlex.join(paths)
    return f"git add -- {words} && git commit -m {shlex.quote(message)} -- {words}"


def _is_inside(path: str) -> bool:
    return not path.startswith(("/", "../")) and "://" not in path


def _is_ignored(git: Git, path: str) -> bool:
    return git.succeeds("check-ignore", "-q", "--", path)
