"""Comparisons that were made, kept in a cache that can be rebuilt: the next page of one costs milliseconds."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import attrs
import msgspec

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.profiles.changes import Changes
from jupyter_mlops.profiles.differences import Compared, Table, compare
from jupyter_mlops.profiles.movements import ColumnMovement, movements
from jupyter_mlops.profiles.tables import translated
from jupyter_mlops.records import Progress, silent
from jupyter_mlops.versioning.consumers import Use

FORMAT = 2
"""Another layout is another folder, so two versions of this package can share a project."""
MOST_KEPT = 8
IN_USE_S = 600
SUMMARY, MOVEMENTS = "summary.json", "movements.json"


@attrs.frozen
class Opened:
    """A comparison and where its changed rows are.

    Attributes
    ----------
    identity
        What was compared, and how; equal for equal bytes.
    """

    identity: str
    found: Compared
    folder: Path

    @property
    def changes(self) -> Changes:
        """The changed rows."""
        return self.found.changes(self.folder)

    def movements(self) -> tuple[ColumnMovement, ...]:
        """How the changed cells of each column moved."""
        path = self.folder / MOVEMENTS
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            return msgspec.json.decode(path.read_bytes(), type=tuple[ColumnMovement, ...])
        made = movements(self.changes, self.found.tally.columns)
        with contextlib.suppress(OSError):
            path.write_bytes(msgspec.json.encode(made))
        return made


class Comparisons:
    """The comparisons kept below one folder.

    Parameters
    ----------
    folder
        Made when it is needed; where that fails, nothing is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def of(
        self, before: Table, after: Table, key: Sequence[str], progress: Progress = silent
    ) -> Iterator[Opened | None]:
        """The comparison of two tables, remembered or made now; None when either is no table.

        Raises
        ------
        UsageError
            ``unknown-column``, ``key-not-unique``.
        EnvironmentFault
            ``unreadable-table``.
        """
        identity = identify(before, after, key)
        if known := self._known(identity):
            try:
                with translated():
                    yield known
            except EnvironmentFault:
                # Its own files are damaged; the next call makes them again.
                shutil.rmtree(known.folder, ignore_errors=True)
                raise
            return
        with self._place() as place:
            found = compare(before, after, key, place, progress)
            if found is None:
                yield None
                return
            (place / SUMMARY).write_bytes(msgspec.json.encode(found))
            yield Opened(identity, found, self._keep(identity, place))

    def uses(self, digests: Collection[str]) -> Iterator[Use]:
        """What is kept here can be made again, so nobody need be told."""
        del digests
        return iter(())

    def forget(self, digests: Collection[str]) -> None:
        """Drop every comparison: changed rows hold what the data holds."""
        if digests:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _known(self, identity: str) -> Opened | None:
        folder = self._folder / identity
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            found = msgspec.json.decode((folder / SUMMARY).read_bytes(), type=Compared)
            os.utime(folder)
            if all(found.changes(folder).path(chunk).exists() for chunk in range(len(found.tally.chunks))):
                return Opened(identity, found, folder)
            shutil.rmtree(folder, ignore_errors=True)
        return None

    @contextlib.contextmanager
    def _place(self) -> Iterator[Path]:
        """An empty folder to write to; what is left of it goes at the end."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            place = self._folder / f"making-{os.getpid()}-{secrets.token_hex(4)}"
            place.mkdir()
        except OSError:
            place = Path(tempfile.mkdtemp(prefix="mlops-diff-"))
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _keep(self, identity: str, place: Path) -> Path:
        """Give a finished folder its name; whoever finished first is right, and so is the other."""
        target = self._folder / identity
        try:
            # What stands there is damaged, or somebody else finished in the meantime.
            if target.exists() and not self._known(identity):
                shutil.rmtree(target, ignore_errors=True)
            place.rename(target)
            self._prune()
        except OSError:
            return place
        return target

    def _prune(self) -> None:
        """Drop all but the newest; what somebody may be reading, or writing, stays."""
        folders = [(folder.stat().st_mtime, folder) for folder in self._folder.iterdir() if folder.is_dir()]
        idle = [folder for used, folder in sorted(folders, reverse=True)[MOST_KEPT:] if used < time.time() - IN_USE_S]
        for folder in idle:
            shutil.rmtree(folder, ignore_errors=True)


def identify(before: Table, after: Table, key: Sequence[str]) -> str:
    """A name for what is compared, and how."""
    sides = [sorted(zip(table.names, table.digests, strict=True)) for table in (before, after)]
    return hashlib.sha256(json.dumps([FORMAT, sides, list(key)]).encode()).hexdigest()[:32]
