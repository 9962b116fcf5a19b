"""Delta and Iceberg tables: one version of them, written as one file."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from jupyter_mlops.errors import MlopsError, UsageError
from jupyter_mlops.records import Progress, Step, silent
from jupyter_mlops.trust.addresses import without_secrets
from jupyter_mlops.versioning.sources.source import Source, package_missing, unreachable
from jupyter_mlops.versioning.sources.tabular import DEFAULT, write

if TYPE_CHECKING:
    import polars as pl

MARK = {"delta": "_delta_log", "iceberg": "metadata"}
PACKAGE = {"delta": "deltalake", "iceberg": "pyiceberg"}
CATALOG = "iceberg://"


def kind_of(folder: Path) -> str:
    """``delta`` or ``iceberg`` when `folder` is a table, else an empty text."""
    if (folder / MARK["delta"]).is_dir():
        return "delta"
    return "iceberg" if any((folder / MARK["iceberg"]).glob("*.metadata.json")) else ""


@attrs.frozen
class LakeTable(Source):
    """A table.

    Attributes
    ----------
    kind
        ``delta`` or ``iceberg``.
    place
        The folder, the address, or ``iceberg://CATALOG/NAMESPACE.TABLE``.
    at_version
        The version or snapshot asked for; empty means the newest.
    """

    is_table: ClassVar[bool] = True
    kind: str = attrs.field(kw_only=True)
    place: str = attrs.field(kw_only=True, repr=False)
    at_version: str = attrs.field(kw_only=True, default="")

    @classmethod
    def at(cls, kind: str, place: str, query: str, version: str) -> LakeTable:
        """The table of `kind` at `place`."""
        last = place.rstrip("/").removesuffix("/metadata").rpartition("/")[2]
        name = last.rpartition(".")[2] if place.startswith(CATALOG) else last.partition(".")[0]
        address = place if place.startswith(CATALOG) else f"{kind}+{without_secrets(place)}"
        if version and not version.isdigit():
            raise UsageError("bad-version", f"{version} is no version of a table.", hint="Give a number: --at 12.")
        return cls(address, f"{name}{DEFAULT}", query, kind=kind, place=place, at_version=version)

    def version(self) -> str:
        """The version of a Delta table, the snapshot of an Iceberg table."""
        with self._reached():
            return self._delta()[1] if self.kind == "delta" else self._iceberg()[1]

    def bring(self, target: Path, progress: Progress = silent) -> str:
        """Read the table and write it as the ending of `target` says."""
        progress(Step(f"read {self.name}"))
        with self._reached():
            table, version = self._delta() if self.kind == "delta" else self._iceberg()
            write(table.sql(self.query) if self.query else table, target, target.suffix.lower())
        return version

    def _delta(self) -> tuple[pl.LazyFrame, str]:
        import polars as pl
        from deltalake import DeltaTable

        table = DeltaTable(self.place, version=int(self.at_version) if self.at_version else None)
        return pl.scan_delta(table), f"version {table.version()}"

    def _iceberg(self) -> tuple[pl.LazyFrame, str]:
        import polars as pl

        table = self._iceberg_table()
        chosen = int(self.at_version) if self.at_version else None
        snapshot = table.snapshot_by_id(chosen) if chosen else table.current_snapshot()
        if chosen and snapshot is None:
            raise UsageError(
                "bad-version", f"{self.address} has no snapshot {chosen}.", hint="Leave out --at for the newest."
            )
        return pl.scan_iceberg(table, snapshot_id=chosen), f"snapshot {snapshot.snapshot_id if snapshot else 'none'}"

    def _iceberg_table(self) -> Any:
        if self.place.startswith(CATALOG):
            from pyiceberg.catalog import load_catalog

            catalog, _, name = self.place.removeprefix(CATALOG).partition("/")
            return load_catalog(catalog).load_table(name)
        from pyiceberg.table import StaticTable

        return StaticTable.from_metadata(self._metadata_file())

    def _metadata_file(self) -> str:
        """The newest metadata of a table in a folder."""
        if self.place.endswith(".json") or "://" in self.place:
            return self.place
        found = sorted((Path(self.place) / MARK["iceberg"]).glob("*.metadata.json"), key=_number)
        return str(found[-1])

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Translates what the libraries raise."""
        if importlib.util.find_spec(PACKAGE[self.kind]) is None:
            raise package_missing(f"A table of {self.kind.title()}", self.kind)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # polars advises on packages that would plan a scan faster
                yield
        except MlopsError:
            raise
        except Exception as error:  # each store raises classes of its own
            raise unreachable(self.address, str(error) or repr(error)) from error


def _number(path: Path) -> tuple[int, float]:
    """``v12.metadata.json`` and ``00012-….metadata.json`` in their order."""
    digits = "".join(letter for letter in path.name.partition(".")[0].partition("-")[0] if letter.isdigit())
    return int(digits or 0), path.stat().st_mtime
