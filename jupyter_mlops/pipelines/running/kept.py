"""Executed notebooks of runs elsewhere, kept in the project where people can open them."""

from __future__ import annotations

import shutil
from pathlib import Path

from jupyter_mlops.pipelines.running.execution import LOCAL


def kept_at(stage: str, run: str) -> str:
    """Where the executed notebook of `stage` in `run` is kept, below the root."""
    return f"{LOCAL}/{stage}.{run}.ipynb"


def keep(source: Path, home: Path, stage: str, run: str) -> str:
    """Copy the executed notebook `source` into the project at `home`; its path there."""
    target = home / kept_at(stage, run)
    target.parent.mkdir(parents=True, exist_ok=True)
    (target.parent / ".gitignore").write_text("*\n")
    shutil.copyfile(source, target)
    return kept_at(stage, run)
