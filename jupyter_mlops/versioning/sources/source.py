"""What every source of data can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

import attrs

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.records import Progress, silent
from jupyter_mlops.trust.addresses import redacted


@attrs.frozen
class Source(ABC):
    """Where data comes from.

    Attributes
    ----------
    address
        As recorded: without passwords, keys and tokens.
    name
        What to call the data when nobody says.
    query
        What was asked of it; empty where a source is taken whole.
    """

    address: str
    name: str
    query: str = ""
    is_table: ClassVar[bool] = False
    """Whether it is written as the ending of its place says."""

    @property
    def origin(self) -> str:
        """The address without the version it names: the same for every version of the same data."""
        return self.address

    def version(self) -> str:
        """Which version the source has now, such as ``etag "33a6"``; empty when only reading it tells.

        Raises
        ------
        EnvironmentFault
            ``download-failed`` when it cannot be asked.
        """
        return ""

    def size(self) -> int:
        """Bytes; 0 when only reading it tells."""
        return 0

    @abstractmethod
    def bring(self, target: Path, progress: Progress = silent) -> str:
        """Write the data to `target`, which is not there yet, and return its version as `version` would.

        What an earlier attempt had brought is kept where the source allows, so that it goes on from there.

        Raises
        ------
        EnvironmentFault
            ``download-failed``, ``query-failed``, ``package-missing``.
        """


def unreachable(address: str, why: object, hint: str = "") -> EnvironmentFault:
    """The error for data that could not be fetched."""
    return EnvironmentFault(
        "download-failed",
        f"{address} could not be fetched. Nothing was saved.",
        context=redacted(str(why)),
        hint=hint or "Check the address, the credentials and the network, then repeat.",
    )


def package_missing(what: str, extra: str, why: object = "") -> EnvironmentFault:
    """The error for a kind of source whose packages are not installed."""
    package = f'"jupyter-mlops[{extra}]"' if extra in EXTRAS else extra
    return EnvironmentFault(
        "package-missing",
        f"{what} needs packages that are not installed.",
        context=str(why),
        hint=f"pip install {package}",
    )


EXTRAS = frozenset({"s3", "gs", "azure", "ssh", "sql", "delta", "iceberg"})
