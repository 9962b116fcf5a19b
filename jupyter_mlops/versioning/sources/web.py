"""Data behind an http(s) address."""

from __future__ import annotations

import base64
import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import attrs

from jupyter_mlops.records import Progress, silent
from jupyter_mlops.trust.addresses import without_secrets
from jupyter_mlops.versioning.sources.partial import Cut, Partial, Stream
from jupyter_mlops.versioning.sources.source import Source, unreachable

TIMEOUT_S = 60.0
CHUNK_BYTES = 1 << 18
NO_HEAD = frozenset({400, 403, 405, 501})
"""How servers answer that do not like to be asked without being asked for the data."""
UNSATISFIABLE = 416


@attrs.frozen
class WebFile(Source):
    """A file behind an http(s) address.

    Attributes
    ----------
    url
        As typed, with whatever opens the door.
    parts
        Where what arrived before a cut is kept.
    """

    url: str = attrs.field(kw_only=True, repr=False)
    parts: Path = attrs.field(kw_only=True)

    @classmethod
    def at(cls, url: str, parts: Path) -> WebFile:
        """The file at `url`."""
        split = urllib.parse.urlsplit(url)
        name = urllib.parse.unquote(split.path.rstrip("/").rpartition("/")[2]).replace("/", "_")
        return cls(without_secrets(url), name or split.hostname or "download", url=url, parts=parts)

    def version(self) -> str:
        """Its etag, or when it was last changed."""
        return _version(self._asked())

    def size(self) -> int:
        """Bytes, as the server says."""
        return int(self._asked().get("Content-Length") or 0)

    def _asked(self) -> http.client.HTTPMessage:
        try:
            with urllib.request.urlopen(self._request(method="HEAD"), timeout=TIMEOUT_S) as answer:  # noqa: S310
                headers: http.client.HTTPMessage = answer.headers
                return headers
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in NO_HEAD:
                return http.client.HTTPMessage()
            raise unreachable(self.address, error) from error
        except (OSError, http.client.HTTPException) as error:
            raise unreachable(self.address, error) from error

    def bring(self, target: Path, progress: Progress = silent) -> str:
        """Download it."""
        return Partial(self.parts, self.address).fetch(self._opened, target, f"fetch {self.name}", progress)

    @contextmanager
    def _opened(self, start: int, version: str) -> Iterator[Stream]:
        request = self._request()
        if start and (mark := version.partition(" ")[2]) and not mark.startswith("W/"):
            request.add_header("Range", f"bytes={start}-")
            request.add_header("If-Range", mark)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                first = start if answer.status == http.HTTPStatus.PARTIAL_CONTENT else 0
                length = answer.headers.get("Content-Length")
                total = first + int(length) if length else None
                yield Stream(_chunks(answer), first, total, _version(answer.headers))
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == UNSATISFIABLE and start:
                with self._opened(0, "") as stream:
                    yield stream
                return
            if error.code >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
                raise Cut(str(error)) from error
            raise unreachable(self.address, error) from error
        except (OSError, http.client.HTTPException) as error:
            raise Cut(str(error) or repr(error)) from error

    def _request(self, method: str = "GET") -> urllib.request.Request:
        """The request; a name and password in the address are told to its own host alone, not where it leads on."""
        parts = urllib.parse.urlsplit(self.url)
        user, _, host = parts.netloc.rpartition("@")
        plain = urllib.parse.urlunsplit(parts._replace(netloc=host, fragment=""))
        request = urllib.request.Request(plain, method=method, headers={"Accept-Encoding": "identity"})  # noqa: S310
        if user:
            word = base64.b64encode(urllib.parse.unquote(user).encode()).decode()
            request.add_unredirected_header("Authorization", f"Basic {word}")
        return request


def _chunks(answer: IO[bytes]) -> Iterator[bytes]:
    while chunk := answer.read(CHUNK_BYTES):
        yield chunk


def _version(headers: http.client.HTTPMessage) -> str:
    if etag := headers.get("ETag"):
        return f"etag {etag}"
    modified = headers.get("Last-Modified")
    return f"modified {modified}" if modified else ""
