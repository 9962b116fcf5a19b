"""The port through which whatever was made from data, or remembers it, is asked and told when data is erased."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol

import attrs


@attrs.frozen
class Use:
    """Something that was made from a content, or remembers it.

    Attributes
    ----------
    kind, name
        ``run`` ``#18 train``, ``model`` ``credit@v2``, ``deployment`` ``credit``, ``profile`` ``wages@v3``.
    fate
        What becomes of it: ``removed with it``, or what is left to do.
    """

    kind: str
    name: str
    fate: str


class Consumer(Protocol):
    """A capability that may hold something of erased contents."""

    def uses(self, digests: Collection[str]) -> Iterator[Use]:
        """What was made from the contents `digests`, or remembers them."""

    def forget(self, digests: Collection[str]) -> None:
        """Remove what is remembered of them; calling it twice does no harm."""
