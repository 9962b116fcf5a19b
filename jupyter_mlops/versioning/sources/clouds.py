"""Data in object stores and on other machines, through fsspec: ``s3://``, ``gs://``, ``az://``, ``ssh://`` and more."""

from __future__ import annotations

import hashlib
import posixpath
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from jupyter_mlops.errors import MlopsError, UsageError
from jupyter_mlops.records import Progress, Step, silent
from jupyter_mlops.trust.addresses import without_secrets
from jupyter_mlops.versioning.sources.partial import Cut, Partial, Stream
from jupyter_mlops.versioning.sources.source import Source, package_missing, unreachable

EXTRA_OF = {
    **dict.fromkeys(("s3", "s3a"), "s3"),
    **dict.fromkeys(("gs", "gcs"), "gs"),
    **dict.fromkeys(("az", "abfs", "abfss", "adl"), "azure"),
    **dict.fromkeys(("ssh", "sftp"), "ssh"),
}
NOT_OUTSIDE = frozenset({"file", "local", "memory", "data", "git", "dvc", "zip", "tar", "reference", "cached", "ftp"})
"""Schemes of fsspec that name nothing elsewhere, wrap another, or send passwords in the clear."""
BLOCK_BYTES = 8 << 20
THREADS = 8


def known(scheme: str) -> bool:
    """Whether fsspec can read addresses of `scheme` from elsewhere."""
    from fsspec.registry import known_implementations

    return scheme in EXTRA_OF or (scheme in known_implementations and scheme not in NOT_OUTSIDE)


@attrs.frozen
class CloudFiles(Source):
    """A file, or everything below a prefix.

    Attributes
    ----------
    url
        As typed.
    parts
        Where what arrived before a cut is kept.
    """

    url: str = attrs.field(kw_only=True, repr=False)
    parts: Path = attrs.field(kw_only=True)

    @classmethod
    def at(cls, url: str, parts: Path) -> CloudFiles:
        """What lies at `url`."""
        name = posixpath.basename(url.partition("://")[2].partition("?")[0].rstrip("/"))
        return cls(without_secrets(url), name or "download", url=url, parts=parts)

    def version(self) -> str:
        """The etag of a file, or one mark for all files below a prefix."""
        with self._reached() as (fs, path):
            found = self._found(fs, path)
            return _mark(fs, path, found[path]) if path in found else _mark_of_all(fs, path, found)

    def size(self) -> int:
        """Bytes of all files."""
        with self._reached() as (fs, path):
            return sum(int(info.get("size") or 0) for info in self._found(fs, path).values())

    def bring(self, target: Path, progress: Progress = silent) -> str:
        """Download a file in ranges, or the files of a prefix, several at a time."""
        with self._reached() as (fs, path):
            found = self._found(fs, path)
            if path not in found:
                return self._bring_all(fs, path, found, target, progress)
            opening = _Ranges(fs, path, found[path])
            return Partial(self.parts, self.address).fetch(opening.opened, target, f"fetch {self.name}", progress)

    def _bring_all(self, fs: Any, path: str, found: dict[str, Any], target: Path, progress: Progress) -> str:
        """Bring every file into a folder that outlives a cut, then give that its place."""
        version = _mark_of_all(fs, path, found)
        kept = self.parts / hashlib.sha256(f"{self.address} {version}".encode()).hexdigest()[:24]
        kept.mkdir(parents=True, exist_ok=True)
        total = sum(int(info.get("size") or 0) for info in found.values())
        threads, done = ThreadPoolExecutor(THREADS), 0
        try:
            for size in threads.map(lambda one: _bring_one(fs, one, path, kept), found):
                done += size
                progress(Step(f"fetch {len(found):,} files", done, total, "bytes"))
        finally:
            threads.shutdown(cancel_futures=True)  # whoever stops waits for a few files, not for all
        shutil.move(kept, target)
        return version

    @contextmanager
    def _reached(self) -> Iterator[tuple[Any, str]]:
        """The file system and the path on it.

        Raises
        ------
        EnvironmentFault
            ``package-missing``, ``download-failed``.
        """
        from fsspec.core import url_to_fs

        scheme = self.url.partition("://")[0]
        try:
            fs, path = url_to_fs(self.url, skip_instance_cache=True)  # settings may have changed in a long session
            yield fs, path.rstrip("/")
        except MlopsError:
            raise
        except ImportError as error:
            raise package_missing(f"{scheme}://", EXTRA_OF.get(scheme, f"fsspec[{scheme}]"), error) from error
        except Exception as error:  # each store raises classes of its own
            raise unreachable(self.address, str(error) or repr(error)) from error

    def _found(self, fs: Any, path: str) -> dict[str, Any]:
        """The files there by their paths."""
        fs.invalidate_cache()
        try:
            info = fs.info(path)
        except FileNotFoundError as error:
            raise UsageError("no-such-file", f"There is no {self.address}.", hint="Check the address.") from error
        if info["type"] == "file":
            return {path: info}
        found = {name.rstrip("/"): one for name, one in fs.find(path, detail=True).items() if one["type"] == "file"}
        if not found:
            raise UsageError("no-such-file", f"There is no file below {self.address}.", hint="Check the address.")
        return found


@attrs.frozen
class _Ranges:
    """One file, read block by block."""

    fs: Any
    path: str
    info: Any

    @contextmanager
    def opened(self, start: int, version: str) -> Iterator[Stream]:
        """The file from `start`, if it still is what it was."""
        mark, size = _mark(self.fs, self.path, self.info), int(self.info["size"])
        first = start if start <= size and version == mark else 0
        try:
            yield Stream(self._blocks(first, size), first, size, mark)
        except OSError as error:
            raise Cut(str(error) or repr(error)) from error

    def _blocks(self, start: int, size: int) -> Iterator[bytes]:
        for begin in range(start, size, BLOCK_BYTES):
            yield self.fs.cat_file(self.path, start=begin, end=min(begin + BLOCK_BYTES, size))


def _bring_one(fs: Any, path: str, top: str, folder: Path) -> int:
    """One file of many, unless an earlier attempt brought it whole; returns its bytes."""
    name = posixpath.normpath(path[len(top) :].lstrip("/"))
    if name.startswith("../"):
        raise UsageError("bad-source", f"{path} lies outside its own folder.", hint="Import its files one by one.")
    target = folder / name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.part~")
        fs.get_file(path, str(partial))
        partial.replace(target)
    return target.stat().st_size


def _mark(fs: Any, path: str, info: Any) -> str:
    for key in ("VersionId", "ETag", "etag", "md5Hash", "content_md5"):
        if (found := info.get(key)) and found != "null":
            return f"{'version' if key == 'VersionId' else 'etag'} {found}"
    changed = next((info[key] for key in ("LastModified", "last_modified", "updated", "mtime") if info.get(key)), None)
    return f"modified {changed} {info.get('size')}" if changed else f"key {fs.ukey(path)}"


def _mark_of_all(fs: Any, path: str, found: dict[str, Any]) -> str:
    listed = "\n".join(
        f"{name[len(path) :]} {info.get('size')} {_mark(fs, name, info)}" for name, info in sorted(found.items())
    )
    return f"listing {hashlib.sha256(listed.encode()).hexdigest()[:32]}"
