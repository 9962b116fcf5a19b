"""What a stage may take: kept beside it in ``dvc.yaml`` under ``meta``, which DVC carries and never reads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import attrs

from jupyter_mlops.errors import UsageError

SECTION = "mlops"
BYTES_PER_GB = 10**9
LEAST: Mapping[str, tuple[float, bool]] = {
    "retries": (0, True),
    "timeout_s": (0, False),
    "cpus": (0, False),
    "memory_gb": (0, False),
}
"""As written in ``dvc.yaml``: the bound of each limit, and whether the bound itself is allowed."""


@attrs.frozen
class Limits:
    """What a stage may take.

    Attributes
    ----------
    retries
        How often it is run again after a failure.
    timeout_s
        How long one attempt may take, in seconds; None for ever.
    cpus
        How many processors it keeps busy; runs at once share what the machine has.
    memory_bytes
        How much memory it needs; None when nobody said.
    """

    retries: int = 0
    timeout_s: float | None = None
    cpus: float = 1
    memory_bytes: int | None = None

    @property
    def memory_gb(self) -> float | None:
        """How much memory it needs, in GB as people write it."""
        return None if self.memory_bytes is None else _whole(self.memory_bytes / BYTES_PER_GB)

    @classmethod
    def read(cls, meta: object) -> Limits:
        """The limits in the ``meta`` of a stage; what is not there keeps its default.

        Raises
        ------
        ValueError
            A name or a value that means nothing.
        """
        written = meta.get(SECTION) if isinstance(meta, Mapping) else None
        if written is None:
            return cls()
        if not isinstance(written, Mapping):
            raise ValueError(f"meta.{SECTION} holds no names with values")  # noqa: TRY004  # a value of the file, not a type of ours
        for name, value in written.items():
            _require(name, value)
        given = dict(written)
        memory_gb = given.pop("memory_gb", None)
        return cls(**given, memory_bytes=None if memory_gb is None else round(memory_gb * BYTES_PER_GB))

    @classmethod
    def of(cls, retries: int, timeout_s: float | None, cpus: float, memory_gb: float | None) -> Limits:
        """The limits as a person gives them.

        Raises
        ------
        UsageError
            ``bad-limit``.
        """
        given = {"retries": retries, "timeout_s": timeout_s, "cpus": cpus, "memory_gb": memory_gb}
        try:
            return cls.read({SECTION: {name: value for name, value in given.items() if value is not None}})
        except ValueError as error:
            hint = "--retries counts from 0; --timeout is in seconds, --memory in GB, both above 0, as is --cpus."
            raise UsageError("bad-limit", f"A stage cannot be limited so: {error}.", hint=hint) from error

    def edited(
        self, retries: int | None, timeout_s: float | None, cpus: float | None, memory_gb: float | None
    ) -> Limits:
        """These limits with those that are given changed; 0 takes a time or a memory limit away.

        Raises
        ------
        UsageError
            ``bad-limit``.
        """
        return self.of(
            self.retries if retries is None else retries,
            self.timeout_s if timeout_s is None else timeout_s or None,
            self.cpus if cpus is None else cpus,
            self.memory_gb if memory_gb is None else memory_gb or None,
        )

    def entry(self) -> dict[str, Any]:
        """As the ``meta`` of a stage holds it; empty when nothing was said."""
        whole = {"retries": self.retries, "timeout_s": self.timeout_s, "cpus": self.cpus, "memory_gb": self.memory_gb}
        usual = {"retries": 0, "timeout_s": None, "cpus": 1, "memory_gb": None}
        said = {name: _whole(value) for name, value in whole.items() if value is not None and value != usual[name]}
        return {SECTION: said} if said else {}


UNLIMITED = Limits()


def _require(name: object, value: object) -> None:
    if not isinstance(name, str) or name not in LEAST:
        raise ValueError(f"{name} is no limit; there are {', '.join(LEAST)}")
    least, is_allowed = LEAST[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or (name == "retries" and not isinstance(value, int)):
        raise ValueError(f"{name} is {value!r}, not a number")
    if value < least or (value == least and not is_allowed):  # type: ignore[operator]  # a number by now
        raise ValueError(f"{name} is {value}, {'below' if is_allowed else 'not above'} {least:g}")


def _whole(value: float) -> float:
    """``2`` for ``2.0``, as a person would write it."""
    return int(value) if value == int(value) else value
