"""What is checked of a stage before it is written."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from jupyter_mlops.errors import UnknownReference, UsageError, did_you_mean
from jupyter_mlops.pipelines.authoring.draft import Draft
from jupyter_mlops.pipelines.stages import yaml_files
from jupyter_mlops.pipelines.stages.dvc_yaml import PARAMS
from jupyter_mlops.pipelines.stages.specs import Out, StageGraph
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.names import overlaps

BOOKS = frozenset({"dvc.yaml", "dvc.lock", ".dvcignore"})


def require_one_source(root: Path, draft: Draft) -> None:
    """Each parameter comes from one place: DVC cannot tell two of one name apart.

    Raises
    ------
    UsageError
        ``parameter-twice``.
    """
    top = yaml_files.load_mapping(root / PARAMS) if draft.shared else {}
    named = [*draft.parameters, *(name for file in draft.files for name in file.values), *draft.measured]
    for name in named:
        if named.count(name) > 1 or (name in draft.shared and name in top):
            raise UsageError(
                "parameter-twice",
                f"{name} would come from two places.",
                hint=f"Leave it out of one of them; a name at the top of {PARAMS} counts too.",
            )


def require_data(paths: Iterable[str]) -> None:
    """Check that none is a file in which DVC keeps its books: plain ``dvc`` refuses the whole pipeline then.

    Raises
    ------
    UsageError
        ``dvc-file``.
    """
    for path in paths:
        if path.endswith(".dvc") or posixpath.basename(path) in BOOKS:
            stands_for = path.removesuffix(".dvc")
            hint = f"Name what it stands for: {stands_for}." if stands_for != path else "Name the data itself."
            raise UsageError("dvc-file", f"{path} is a file of DVC: no stage can read or write it.", hint=hint)


def require_inputs(root: Path, deps: Iterable[str], graph: StageGraph) -> None:
    """Each input is here, or a pointer or a stage tells how it comes here.

    Raises
    ------
    UnknownReference
        ``unknown-input``, with the nearest.
    """
    made = [out.path for stage in graph.by_name.values() for out in stage.outs]
    for path in deps:
        if ":/" in path or (root / path).exists() or any(overlaps(path, out) for out in made):
            continue
        if any((root / f"{above}.dvc").exists() for above in (path, *PurePosixPath(path).parents)):
            continue
        there = [f"{posixpath.dirname(path)}/{item.name}".lstrip("/") for item in _beside(root / path)]
        hint = did_you_mean(path, [*made, *there], "Check the path, or add the stage that makes it first.")
        raise UnknownReference("unknown-input", f"There is no {path}, and no stage makes it.", hint=hint)


def _beside(place: Path) -> Iterator[Path]:
    return place.parent.iterdir() if place.parent.is_dir() else iter(())


def require_untracked(git: Git, outs: Iterable[Out]) -> None:
    """Check that git tracks none of what DVC is to keep.

    Raises
    ------
    UsageError
        ``tracked-by-git``.
    """
    for path in (out.path for out in outs if out.cached):
        if git.is_tracked(path):
            raise UsageError(
                "tracked-by-git",
                f"git tracks {path}, so DVC cannot keep it as an output.",
                hint=f"git rm -r --cached {path} && git commit, then repeat.",
            )
