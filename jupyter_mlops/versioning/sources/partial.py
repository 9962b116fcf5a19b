"""One file on its way in: what arrived before a cut is kept, and gone on from."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path

import attrs

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.records import Progress, Step, alone

TRIES = 3
"""So often a cut line is tried again before anything new arrived."""
PAUSE_S = 0.5


@attrs.frozen
class Stream:
    """An open source.

    Attributes
    ----------
    start
        The first byte it gives: what was asked for, or 0 when it starts anew.
    total
        Bytes of the whole; None when it does not say.
    version
        What it has now; empty when it does not say, and then nothing is gone on from.
    """

    chunks: Iterable[bytes]
    start: int
    total: int | None
    version: str


class Cut(Exception):
    """The line was cut; it is worth trying again."""


Opening = Callable[[int, str], AbstractContextManager[Stream]]
"""Opens a source at a byte, if it still has the version given; raises `Cut` for what may pass."""


class Partial:
    """A file on its way in.

    Parameters
    ----------
    folder
        Where parts are kept.
    address
        What the file is a part of.
    """

    def __init__(self, folder: Path, address: str) -> None:
        key = hashlib.sha256(address.encode()).hexdigest()[:24]
        self._address = address
        self._part = folder / f"{key}.part"
        self._note = folder / f"{key}.version"
        self._lock = folder / f"{key}.lock"

    def fetch(self, opening: Opening, target: Path, what: str, progress: Progress) -> str:
        """Bring the whole to `target`; returns its version.

        Raises
        ------
        EnvironmentFault
            ``download-failed``; what had arrived stays for the next call.
        """
        with alone(self._lock):
            tries = 0
            while True:
                before = self._kept()
                try:
                    version = self._go_on(opening, what, progress)
                except Cut as error:
                    tries = 0 if self._kept() > before else tries + 1
                    if tries >= TRIES:
                        raise self._broken(error) from error
                    time.sleep(PAUSE_S * tries)
                else:
                    self._part.replace(target)
                    self._note.unlink(missing_ok=True)
                    return version

    def _kept(self) -> int:
        return self._part.stat().st_size if self._part.exists() and self._note.exists() else 0

    def _go_on(self, opening: Opening, what: str, progress: Progress) -> str:
        known = self._note.read_text() if self._kept() else ""
        with opening(self._kept() if known else 0, known) as stream:
            if stream.start and stream.version != known:
                self._note.unlink()
                raise Cut("it changed meanwhile")
            if not stream.start:
                self._part.unlink(missing_ok=True)
            self._note.write_text(stream.version)
            with self._part.open("ab") as file:
                done = file.tell()
                for chunk in stream.chunks:
                    file.write(chunk)
                    done += len(chunk)
                    progress(Step(what, done, stream.total, "bytes"))
        if stream.total is not None and done != stream.total:
            raise Cut(f"{done:,} of {stream.total:,} bytes")
        return stream.version

    def _broken(self, error: Cut) -> EnvironmentFault:
        return EnvironmentFault(
            "download-failed",
            f"{self._address} broke off. Nothing was saved.",
            context=str(error),
            hint="Repeat: it goes on from there where the source allows.",
        )
