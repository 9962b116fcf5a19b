"""The erasure under way, noted before anything goes, so that a kill cannot leave it half done for ever."""

from __future__ import annotations

from pathlib import Path

import attrs
import msgspec

from jupyter_mlops.errors import UsageError
from jupyter_mlops.records import Places, write_atomically
from jupyter_mlops.versioning.tombstones import Tombstone
from jupyter_mlops.versioning.values import CUT_OFF


@attrs.frozen
class Journal:
    """What is to be done; every step may be done again.

    Attributes
    ----------
    tombstone
        Everything that goes.
    datasets
        Those whose workspace has to follow.
    remote
        Where else the contents go; "" when nowhere.
    others
        Folders of further projects that share the cache.
    """

    tombstone: Tombstone
    datasets: tuple[str, ...]
    remote: str = ""
    others: tuple[str, ...] = ()

    @staticmethod
    def path(places: Places) -> Path:
        """Where the one erasure under way is noted."""
        return places.state / CUT_OFF

    @classmethod
    def read(cls, places: Places) -> Journal | None:
        """The erasure that was cut off, if any."""
        try:
            return msgspec.json.decode(cls.path(places).read_bytes(), type=cls)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            message = "The note of an erasure that was cut off is damaged."
            hint = "Remove the file and erase again: it finds what is left."
            raise UsageError("journal-damaged", message, context=str(cls.path(places)), hint=hint) from error

    @classmethod
    def require_none(cls, places: Places) -> None:
        """Refuse while an erasure waits to be finished.

        Raises
        ------
        UsageError
            ``erasure-cut-off``, ``journal-damaged``.
        """
        if cls.read(places):
            raise UsageError("erasure-cut-off", "An erasure was cut off.", hint="erase --resume finishes it first.")

    def write(self, places: Places) -> None:
        """Note it, before anything goes."""
        write_atomically(self.path(places), msgspec.json.encode(self), mode=0o600)

    def finish(self, places: Places) -> None:
        """Nothing is left to do."""
        self.path(places).unlink(missing_ok=True)
