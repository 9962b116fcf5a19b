"""What the pipeline was in another git revision: its metrics and its data."""

from __future__ import annotations

import json
from collections.abc import Iterable

from jupyter_mlops.errors import UnknownReference
from jupyter_mlops.pipelines.stages.specs import StageSpec
from jupyter_mlops.pipelines.stages.yaml_files import parse
from jupyter_mlops.pipelines.standing.pipeline import flattened, united
from jupyter_mlops.records import Scalar
from jupyter_mlops.versioning.git import Git


def base_of(git: Git, given: str) -> str | None:
    """The commit to compare with: `given`, else the merge base with the default branch, else the parent.

    Returns
    -------
    str | None
        None when there is nothing older.

    Raises
    ------
    UnknownReference
        ``unknown-revision``: `given` names no commit.
    """
    if given:
        if found := git.resolve(given):
            return found
        hint = "git fetch --unshallow brings what a shallow clone lacks."
        raise UnknownReference("unknown-revision", f"{given} names no commit.", hint=hint)
    head = git.head()
    for branch in ("origin/HEAD", "origin/main", "origin/master", "main", "master"):
        if git.resolve(branch) and git.succeeds("merge-base", branch, "HEAD"):
            base = git.run("merge-base", branch, "HEAD").strip()
            if base != head:
                return base
    return git.resolve("HEAD~1")


def metrics_at(git: Git, commit: str, stages: Iterable[StageSpec]) -> dict[str, Scalar]:
    """The metrics that the metrics files of `stages` held in `commit`; those that git kept."""
    found: dict[str, dict[str, Scalar]] = {}
    for stage in stages:
        for out in stage.outs:
            revision = f"{commit}:./{out.path}"
            if out.kind == "metrics" and git.succeeds("cat-file", "-e", revision):
                text = git.run("cat-file", "blob", revision)
                document = json.loads(text) if out.path.endswith(".json") else parse(text)
                found[out.path] = dict(flattened(document))
    return united(found)
