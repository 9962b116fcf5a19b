"""The labels of many versions: git is asked once for each dataset, not for each version."""

from __future__ import annotations

from functools import cache

from jupyter_mlops.records import short
from jupyter_mlops.versioning.datasets import Datasets


class Labels:
    """How versions are called along the current branch, as of the first time a dataset is asked for.

    Parameters
    ----------
    datasets
        The datasets of the project.
    """

    def __init__(self, datasets: Datasets) -> None:
        self._datasets = datasets
        self._numbers = cache(self._counted)

    def of(self, dataset: str, digest: str) -> str | None:
        """``v3·7f3a``, also of what took the place of v3; None for what this branch does not count."""
        numbers = self._numbers(dataset)
        names = (digest, *self._datasets.tombstones.predecessors(digest))
        number = next((numbers[name] for name in names if name in numbers), None)
        return f"{number}·{short(digest)}" if number else None

    def _counted(self, dataset: str) -> dict[str, str]:
        return {one.digest: one.version for one in self._datasets.history(dataset) if one.version}
