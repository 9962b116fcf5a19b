"""Data from outside the project: files, addresses, object stores, databases, tables, other projects."""

from __future__ import annotations

import urllib.parse
from pathlib import Path

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.versioning.dvc_settings import DvcSettings
from jupyter_mlops.versioning.sources.source import Source

__all__ = ["Source", "Sources"]


@attrs.frozen
class Sources:
    """Understands what people type as a source.

    Attributes
    ----------
    folder
        Where the user stands; relative paths start here.
    parts
        Where what arrived before a cut is kept.
    settings
        Of the project that takes the data.
    """

    folder: Path
    parts: Path
    settings: DvcSettings

    def parse(self, text: str, query: str = "", version: str = "") -> Source:
        """What `text` names.

        Parameters
        ----------
        query
            What to ask a database or a table.
        version
            Which version of a table.

        Raises
        ------
        UsageError
            ``bad-source``, ``no-such-file``, ``no-query``, ``bad-version``.
        """
        from jupyter_mlops.versioning.sources.projects import ProjectVersion
        from jupyter_mlops.versioning.sources.tables import LakeTable

        if table := self._table(text):
            return LakeTable.at(*table, query, version)
        if version:
            raise UsageError("bad-source", "--at is for tables.", hint="A version of a project: PROJECT::DATASET@v3.")
        if "://" in text and (found := self._queried(text, query)):
            return found
        if query:
            raise UsageError("bad-source", "--query is for databases and tables.", hint='import "sqlite:///x.db" PATH')
        return ProjectVersion.parse(text, self.folder, self.settings) or self._files(text)

    def _table(self, text: str) -> tuple[str, str] | None:
        from jupyter_mlops.versioning.sources.tables import CATALOG, kind_of

        if text.startswith(CATALOG):
            return "iceberg", text
        for kind in ("delta", "iceberg"):
            if text.startswith(f"{kind}+"):
                place = text.removeprefix(f"{kind}+")
                return kind, place if "://" in place else str(self._existing(place))
        folder = self._path(text) if "::" not in text else None
        found = kind_of(folder) if folder and folder.is_dir() else ""
        return (found, str(folder)) if found else None

    def _queried(self, text: str, query: str) -> Source | None:
        from jupyter_mlops.versioning.sources.queries import SCHEMES, Query

        scheme = text.partition("://")[0].partition("+")[0].lower()
        return Query.at(text, query, self.folder) if scheme in SCHEMES else None

    def _files(self, text: str) -> Source:
        from jupyter_mlops.versioning.sources.paths import LocalFiles

        scheme = text.partition("://")[0].lower() if "://" in text else ""
        if scheme in {"http", "https"}:
            from jupyter_mlops.versioning.sources.web import WebFile

            return WebFile.at(text, self.parts)
        if scheme and scheme != "file":
            from jupyter_mlops.versioning.sources.clouds import CloudFiles, known

            if known(scheme):
                return CloudFiles.at(text, self.parts)
            raise UsageError(
                "bad-source",
                f"{scheme}:// is not understood here.",
                hint="Give a path, an http(s) address, s3://BUCKET/KEY, sqlite:///FILE, or PROJECT::DATASET@v3.",
            )
        return LocalFiles.at(self._existing(text))

    def _existing(self, text: str) -> Path:
        path = self._path(text)
        if path is None or not path.exists():
            raise UsageError("no-such-file", f"There is no {text}.", hint="Check the path.")
        return path

    def _path(self, text: str) -> Path | None:
        """The path that `text` names, None when it is an address."""
        parts = urllib.parse.urlsplit(text) if "://" in text else None
        if parts and parts.scheme != "file":
            return None
        written = Path(urllib.parse.unquote(parts.path) if parts else text).expanduser()
        return (self.folder / written).resolve()
