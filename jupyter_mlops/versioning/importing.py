"""Data from outside the project: a file, a folder, or an http(s) address."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import IO

import attrs

from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.records import Progress, Step
from jupyter_mlops.versioning.store import CHUNK_BYTES

TIMEOUT_S = 60.0


@attrs.frozen
class Source:
    """Where data comes from.

    Attributes
    ----------
    address
        As recorded: an address without its password, or an absolute path.
    path
        The file or folder; None for an address.
    url
        The address as given; empty for a path.
    """

    address: str
    path: Path | None = None
    url: str = ""

    @classmethod
    def parse(cls, text: str, folder: Path) -> Source:
        """What `text`, typed in `folder`, names.

        Raises
        ------
        UsageError
            ``bad-source``, ``no-such-file``.
        """
        parts = urllib.parse.urlsplit(text)
        if parts.scheme in {"http", "https"}:
            host = parts.netloc.rpartition("@")[2]
            return cls(urllib.parse.urlunsplit(parts._replace(netloc=host)), url=text)
        if "://" in text and parts.scheme != "file":
            raise UsageError(
                "bad-source", f"{parts.scheme}:// is not understood here.", hint="Give a path or an http(s) address."
            )
        written = Path(urllib.parse.unquote(parts.path) if parts.scheme else text).expanduser()
        path = (folder / written).resolve()
        if not path.exists():
            raise UsageError("no-such-file", f"There is no {text}.", hint="Check the path.")
        return cls(str(path), path=path)

    @property
    def name(self) -> str:
        """The last part of the path or address."""
        if self.path is not None:
            return self.path.name
        parts = urllib.parse.urlsplit(self.url)
        return urllib.parse.unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.hostname or "download"

    def size(self) -> int:
        """Bytes; 0 when only the download will tell."""
        if self.path is None:
            return 0
        files = [self.path] if self.path.is_file() else [file for file in self.path.rglob("*") if file.is_file()]
        return sum(file.stat().st_size for file in files)

    def copy_to(self, target: Path, progress: Progress) -> None:
        """Copy or download to `target`, whole or not at all.

        Raises
        ------
        EnvironmentFault
            ``download-failed``.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.part")
        try:
            if self.path is None:
                self._download(partial, progress)
            elif self.path.is_dir():
                shutil.copytree(self.path, partial)
            else:
                shutil.copyfile(self.path, partial)
            partial.rename(target)
        finally:
            _remove(partial)

    def _download(self, target: Path, progress: Progress) -> None:
        try:
            with urllib.request.urlopen(self.url, timeout=TIMEOUT_S) as answer, target.open("wb") as file:  # noqa: S310
                length = answer.headers.get("Content-Length")
                done = _copy(answer, file, self.name, int(length) if length else None, progress)
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            raise EnvironmentFault(
                "download-failed",
                f"{self.address} could not be fetched. Nothing was saved.",
                context=str(error),
                hint="Check the address and the network, then repeat.",
            ) from error
        if length and done != int(length):
            raise EnvironmentFault(
                "download-failed",
                f"{self.address} broke off after {done:,} of {int(length):,} bytes. Nothing was saved.",
                hint="Repeat.",
            )


def _copy(source: IO[bytes], target: IO[bytes], name: str, total: int | None, progress: Progress) -> int:
    done = 0
    while chunk := source.read(CHUNK_BYTES):
        target.write(chunk)
        done += len(chunk)
        progress(Step(f"fetch {name}", done, total, "bytes"))
    return done


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
