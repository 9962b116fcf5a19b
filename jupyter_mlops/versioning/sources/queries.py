"""What a database answers to a query."""

from __future__ import annotations

import importlib.util
import posixpath
import re
import sqlite3
import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import attrs

from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.records import Progress, Step, silent
from jupyter_mlops.trust.addresses import redacted, without_secrets
from jupyter_mlops.versioning.sources.answers import write_batches
from jupyter_mlops.versioning.sources.source import Source, package_missing
from jupyter_mlops.versioning.sources.tabular import DEFAULT

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMES = frozenset(
    {"sqlite", "postgresql", "postgres", "redshift", "mysql", "mariadb", "mssql", "oracle", "clickhouse", "trino"}
)
POSTGRES = frozenset({"postgresql", "postgres"})
READS = re.compile(
    r"(\s|\(|--[^\n]*\n|/\*.*?\*/)*(select|with|values|table|show|describe|explain|from)\b", re.IGNORECASE | re.DOTALL
)
"""How a query begins that only reads; where the driver can, the connection is read-only besides."""
FIRST_ROWS, MOST_ROWS = 1_000, 50_000
BATCH_BYTES = 16 << 20
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
            write_batches(self._answer(), target, progress)
        except (EnvironmentFault, MemoryError, KeyboardInterrupt):
            raise
        except BaseException as error:  # each driver raises classes of its own, and polars panics at types it lacks
            raise EnvironmentFault(
                "query-failed",
                f"{self.address} did not answer the query. Nothing was saved.",
                context=redacted(str(error)),
                hint="Check the query, the address and the credentials, then repeat.",
            ) from error
        return ""

    def _answer(self) -> Iterator[pa.RecordBatch]:
        """The rows in batches, at least one though it may be empty: never all of them in memory."""
        scheme = self.url.partition("://")[0].partition("+")[0]
        if scheme == "sqlite":
            return self._from_sqlite()
        url = self.url
        if scheme in POSTGRES:
            url = f"{self.url}{'&' if '?' in self.url else '?'}{READ_ONLY}"
            if importlib.util.find_spec("adbc_driver_postgresql"):
                return self._by_adbc(url)
        if importlib.util.find_spec("connectorx") is None:
            raise package_missing(f"{scheme}://", "sql")
        return self._by_connectorx(url)

    def _by_adbc(self, url: str) -> Iterator[pa.RecordBatch]:
        from adbc_driver_postgresql import dbapi

        with dbapi.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(self.query)
            with cursor.fetch_record_batch() as reader:
                yield _empty(reader.schema)
                yield from reader

    def _by_connectorx(self, url: str) -> Iterator[pa.RecordBatch]:
        import connectorx

        with connectorx.read_sql(url, self.query, return_type="arrow_stream", batch_size=MOST_ROWS) as reader:
            yield _empty(reader.schema)
            yield from reader

    def _from_sqlite(self) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        path = self.url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(f"file:{urllib.parse.quote(path)}?mode=ro", uri=True)) as connection:
            cursor = connection.execute(self.query)
            names = [column[0] for column in cursor.description]
            rows = cursor.fetchmany(FIRST_ROWS)
            while True:
                columns = zip(*rows, strict=True) if rows else ((),) * len(names)
                batch = pa.RecordBatch.from_arrays(list(map(_typed, names, columns)), names=names)
                yield batch
                rows = cursor.fetchmany(_next_rows(batch))
                if not rows:
                    return


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    """A batch without rows: it tells the columns of an answer that has none."""
    import pyarrow as pa

    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def _typed(name: str, cells: Sequence[object]) -> pa.Array:
    """The cells of a column, each of whatever type it has, in one type."""
    import pyarrow as pa

    try:
        return pa.array(cells)
    except (pa.ArrowException, OverflowError) as error:
        raise ValueError(f"The column {name} holds values of different types. {error}") from error


def _next_rows(batch: pa.RecordBatch) -> int:
    """How many rows to ask for next, so that wide ones do not fill the memory."""
    each: int = batch.nbytes // max(1, batch.num_rows)
    return max(1, min(MOST_ROWS, BATCH_BYTES // max(1, each)))


def _sqlite_file(url: str, folder: Path) -> Path:
    """The file that ``sqlite:///below`` or ``sqlite:////absolute`` names."""
    written = urllib.parse.unquote(url.partition(":")[2].removeprefix("///").removeprefix("//").partition("?")[0])
    path = (folder / Path(written).expanduser()).resolve()
    if not path.is_file():
        raise UsageError("no-such-file", f"There is no database {written}.", hint="Check the path: sqlite:///PATH.")
    return path
