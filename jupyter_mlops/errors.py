"""The one error tree.

Every error a user can meet is a `MlopsError`: a reference that never changes,
what happened, where, what to do next, and a page to read. Each face renders the
same five fields in its own way; none shows a traceback unless asked to.

    MlopsError                  exit code
    ├── GateFailed              1   a gate failed, drift was found, a comparison differs
    ├── UsageError              2   the request itself is wrong
    │   └── UnknownReference    2   a name that stands for nothing
    ├── EnvironmentFault        3   a disk, a network, a tool, a file
    │   └── Cancelled           3   the user stopped it
    └── Denied                  4   not allowed
        └── Pending             4   waiting for somebody's approval
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

DOCS = "https://jupyter-mlops.readthedocs.io/errors.html"


class MlopsError(Exception):
    """An error with a reference, a message, its context, a hint and a link.

    Parameters
    ----------
    reference
        Stable identifier in kebab-case, such as ``not-a-git-repository``.
    message
        What happened, in one sentence.
    context
        Where it happened: a path, a stage, the last line of a foreign tool.
    hint
        What to do next, preferably a line to type.
    """

    exit_code: ClassVar[int] = 3
    http_status: ClassVar[int] = 503

    def __init__(self, reference: str, message: str, *, context: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.reference = reference
        self.message = message
        self.context = context
        self.hint = hint

    @property
    def link(self) -> str:
        """The documentation page of this error."""
        return f"{DOCS}#{self.reference}"

    def as_json(self) -> dict[str, dict[str, str]]:
        """The document every face sends: ``{"error": {...}}``."""
        fields = ("reference", "message", "context", "hint", "link")
        return {"error": {name: getattr(self, name) for name in fields}}

    def __str__(self) -> str:
        lines = [f"{self.message} [{self.reference}]", self.context, self.hint]
        return "\n".join(line for line in lines if line)


def nearest(text: str, known: Iterable[str], *, likeness_ratio: float = 0.6) -> str | None:
    """The name among `known` most like `text`, when one is at least `likeness_ratio` (0 to 1) alike."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(text, list(known), 1, likeness_ratio)), None)


def bad_cursor(cursor: str) -> UsageError:
    """The error for a page that no other page led to."""
    return UsageError("bad-cursor", f"{cursor} is no cursor.", hint="Give the next_cursor of the page before.")


def did_you_mean(text: str, known: Iterable[str], otherwise: str) -> str:
    """The hint for a mistyped name: the nearest of `known`, or what to say `otherwise`."""
    near = nearest(text, known)
    return f"Did you mean {near}?" if near else otherwise


class GateFailed(MlopsError):
    """A gate failed, drift was found or a comparison differs."""

    exit_code = 1
    http_status = 200


class UsageError(MlopsError):
    """The request itself is wrong; repeating it cannot help."""

    exit_code = 2
    http_status = 400


class UnknownReference(UsageError):
    """A dataset, version, stage, model or deployment that does not exist."""


class EnvironmentFault(MlopsError):
    """A disk, a network, a foreign tool or a file failed."""


class Cancelled(EnvironmentFault):
    """The user stopped it; what was finished stays."""

    def __init__(self, what: str) -> None:
        super().__init__("cancelled", f"Stopped: {what}.", hint="Run it again to go on.")


class Denied(MlopsError):
    """The role of the actor does not allow the action."""

    exit_code = 4
    http_status = 403


class Pending(Denied):
    """The action waits for an approval."""

    http_status = 202
