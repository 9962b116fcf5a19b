"""Where to look when a check is red: the notebook and the cell that wrote a metric, and the line that opens it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import attrs

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.pipelines.stages.notebooks import Notebook
from jupyter_mlops.pipelines.stages.specs import StageSpec
from jupyter_mlops.pipelines.stages.yaml_files import load
from jupyter_mlops.pipelines.standing.pipeline import flattened


@attrs.frozen
class Place:
    """A cell of a notebook; `cell` counts code cells from 1, None when none names what was looked for."""

    stage: str
    notebook: str | None
    cell: int | None

    def __str__(self) -> str:
        if self.notebook is None:
            return f"stage {self.stage}"
        return f"{self.notebook}, cell {self.cell}" if self.cell else self.notebook


def writer_of(root: Path, stages: Iterable[StageSpec], metric: str) -> Place | None:
    """The last cell that names the metrics file in which `metric` stands; None when no stage writes it."""
    for stage in stages:
        for out in stage.outs:
            if out.kind == "metrics" and _holds(root / out.path, metric):
                return Place(stage.name, stage.notebook, _cell(root, stage, out.path))
    return None


def _holds(file: Path, metric: str) -> bool:
    try:
        names = dict(flattened(load(file)))
    except MlopsError:
        return False
    return metric in names or metric.partition(".")[2] in names


def _cell(root: Path, stage: StageSpec, path: str) -> int | None:
    if stage.notebook is None:
        return None
    named = PurePosixPath(path).name
    numbers = [number for number, code in enumerate(Notebook.read(root, stage.notebook).code(), 1) if named in code]
    return numbers[-1] if numbers else None


def opening(stage: str, commit: str | None) -> str:
    """One line to paste into a terminal, in a clone: the revision of the check, and the stage run on it."""
    run = f"jupyter mlops pull && jupyter mlops run {shlex.quote(stage)}"
    return f"git fetch origin {commit} && git switch --detach {commit} && {run}" if commit else run
