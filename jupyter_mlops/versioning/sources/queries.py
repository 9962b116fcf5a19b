"""What a database answers to a query."""

from __future__ import annotations

import importlib.util
import posixpath
import re
import sqlite3
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import attrs

from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.records import Progress, Step, silent
from jupyter_mlops.trust.addresses import redacted, without_secrets
from jupyter_mlops.versioning.sources.source import Source, package_missing
from jupyter_mlops.versioning.sources.tabular import DEFAULT, write

if TYPE_CHECKING:
    import polars as pl

SCHEMES = frozenset(
    {"sqlite", "postgresql", "postgres", "redshift", "mysql", "mariadb", "mssql", "oracle", "clickhouse", "trino"}
)
POSTGRES = frozenset({"postgresql", "postgres"})
READS = re.compile(
    r"(\s|\(|--[^\n]*\n|/\*.*?\*/)*(select|with|values|table|show|describe|explain|from)\b", re.IGNORECASE | re.DOTALL
)
"""How a query begins that only reads; where the driver can, the connection is read-only besides."""
NUMBER = r"-?\d{1,28}(\.\d{1,9})?"
SCALE = 9
READ_ONLY = "options=-c%20default_transaction_read_only%3Don"


@attrs.frozen
class Query(Source):
    """A query of a database; it is only read.

    Attributes
    ----------
    url
        As typed, with whatever opens the door.
    """

    is_table: ClassVar[bool] = True
    url: str = attrs.field(kw_only=True, repr=False)

    @classmethod
    def at(cls, url: str, query: str, folder: Path) -> Query:
        """What the database at `url`, typed in `folder`, answers to `query`.

        Raises
        ------
        UsageError
            ``no-query``, ``only-reads``, ``no-such-file``.
        """
        if not query.strip():
            raise UsageError(
                "no-query",
                "A database needs to be asked something.",
                hint=f'import {without_secrets(url)} PATH --query "SELECT …"',
            )
        if not READS.match(query):
            raise UsageError("only-reads", "An import only reads.", hint="Begin the query with SELECT or WITH.")
        if url.startswith("sqlite:"):
            url = f"sqlite:///{_sqlite_file(url, folder)}"
        name = posixpath.basename(urllib.parse.urlsplit(url).path).partition(".")[0]
        return cls(without_secrets(url), f"{name or 'query'}{DEFAULT}", query.strip(), url=url)

    def bring(self, target: Path, progress: Progress = silent) -> str:
        """Ask, and write the answer as the ending of `target` says."""
        progress(Step(f"ask {self.address.partition('://')[0]}"))
        try:
            table = self._answer()
        except (EnvironmentFault, MemoryError, KeyboardInterrupt):
            raise
        except BaseException as error:  # each driver raises classes of its own, and polars panics at types it lacks
            raise EnvironmentFault(
                "query-failed",
                f"{self.address} did not answer the query. Nothing was saved.",
                context=redacted(str(error)),
                hint="Check the query, the address and the credentials, then repeat.",
            ) from error
        progress(Step("write rows", table.height, table.height, "rows"))
        write(table.lazy(), target, target.suffix.lower())
        return ""

    def _answer(self) -> pl.DataFrame:
        import polars as pl

        scheme = self.url.partition("://")[0].partition("+")[0]
        if scheme == "sqlite":
            return self._from_sqlite()
        if scheme in POSTGRES:
            url = f"{self.url}{'&' if '?' in self.url else '?'}{READ_ONLY}"
            if importlib.util.find_spec("adbc_driver_postgresql"):
                return _plain(pl.read_database_uri(self.query, url, engine="adbc"))
        else:
            url = self.url
        if importlib.util.find_spec("connectorx") is None:
            raise package_missing(f"{scheme}://", "sql")
        return pl.read_database_uri(self.query, url, engine="connectorx")

    def _from_sqlite(self) -> pl.DataFrame:
        import polars as pl

        path = self.url.removeprefix("sqlite:///")
        connection = sqlite3.connect(f"file:{urllib.parse.quote(path)}?mode=ro", uri=True)
        try:
            return pl.read_database(self.query, connection, infer_schema_length=None)
        finally:
            connection.close()


def _plain(table: pl.DataFrame) -> pl.DataFrame:
    """`table` without types that only its driver knows; ``numeric`` as decimals where all of them fit."""
    import polars as pl

    columns: list[pl.Series] = []
    for column in table:
        if not isinstance(column.dtype, pl.BaseExtension):
            columns.append(column)
            continue
        stored = column.ext.storage()
        is_number = '"numeric"' in (column.dtype.ext_metadata() or "") and stored.dtype == pl.String
        fits = is_number and stored.str.contains(f"^{NUMBER}$").all()
        columns.append(stored.str.to_decimal(scale=SCALE) if fits else stored)
    return pl.DataFrame(columns)


def _sqlite_file(url: str, folder: Path) -> Path:
    """The file that ``sqlite:///below`` or ``sqlite:////absolute`` names."""
    written = urllib.parse.unquote(url.partition(":")[2].removeprefix("///").removeprefix("//").partition("?")[0])
    path = (folder / Path(written).expanduser()).resolve()
    if not path.is_file():
        raise UsageError("no-such-file", f"There is no database {written}.", hint="Check the path: sqlite:///PATH.")
    return path
