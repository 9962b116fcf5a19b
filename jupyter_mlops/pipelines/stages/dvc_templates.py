"""The adapter to DVC's resolver, for ``vars``, ``foreach`` and ``matrix`` of other people's pipelines."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jupyter_mlops.errors import UsageError


def resolve(root: Path, document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The stages of `document` by name, generated ones too, with every template filled in.

    Raises
    ------
    UsageError
        ``bad-pipeline`` with DVC's own words.
    """
    from dvc.config import Config
    from dvc.exceptions import DvcException
    from dvc.fs import LocalFileSystem
    from dvc.parsing import DataResolver

    try:
        # A whole Repo would write below .dvc/tmp and read pickles wherever the configuration puts them.
        surroundings = SimpleNamespace(fs=LocalFileSystem(), config=Config(str(root / ".dvc")))
        stages: dict[str, dict[str, Any]] | None = DataResolver(surroundings, str(root), document).resolve()["stages"]
    except (DvcException, AssertionError, AttributeError, RecursionError, TypeError, ValueError) as error:
        raise UsageError("bad-pipeline", "DVC cannot read dvc.yaml.", context=str(error)) from error
    return stages or {}  # groups without items make None
