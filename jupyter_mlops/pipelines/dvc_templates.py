"""The adapter to DVC's resolver, for ``vars``, ``foreach`` and ``matrix`` of other people's pipelines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_mlops.errors import UsageError


def resolve(root: Path, document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The stages of `document` by name, generated ones too, with every template filled in.

    Raises
    ------
    UsageError
        ``bad-pipeline`` with DVC's own words.
    """
    from dvc.exceptions import DvcException
    from dvc.parsing import DataResolver
    from dvc.repo import Repo

    repo = Repo(str(root))
    try:
        stages: dict[str, dict[str, Any]] = DataResolver(repo, str(root), document).resolve()["stages"]
    except DvcException as error:
        raise UsageError("bad-pipeline", "DVC cannot read dvc.yaml.", context=str(error)) from error
    finally:
        repo.close()
    return stages
