"""What the server sends besides the results of verbs."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.records import Instant, Step
from jupyter_mlops.server.sight import Topic

JobState = Literal["running", "succeeded", "failed", "cancelled"]


@attrs.frozen
class ErrorDetail:
    """What went wrong; `reference` never changes, `hint` is a line to type, `link` a page to read."""

    reference: str
    message: str
    context: str
    hint: str
    link: str

    @classmethod
    def of(cls, error: MlopsError) -> ErrorDetail:
        """The five fields of `error`."""
        return cls(**error.as_json()["error"])


@attrs.frozen
class ErrorDocument:
    """The body of every answer that is not a result."""

    error: ErrorDetail


@attrs.frozen
class JobStarted:
    """The id under which the started job is found."""

    job: str


@attrs.frozen
class Job:
    """A verb that runs, or ran, in a process of its own.

    Attributes
    ----------
    line
        What to type after ``%mlops`` to do the same.
    result
        What the verb returned, once it succeeded.
    gate
        Why the result counts as failed although the verb ended well: drift, a red check.
    seconds
        How long it ran, or has been running.
    """

    job: str
    verb: str
    line: str
    state: JobState
    progress: Step | None
    result: Any
    gate: str | None
    error: ErrorDetail | None
    started: Instant
    seconds: float


@attrs.frozen
class Jobs:
    """The jobs of a project, newest first."""

    jobs: tuple[Job, ...]


@attrs.frozen
class VerbArgument:
    """An argument as a face needs it.

    Attributes
    ----------
    flag, short
        ``--message`` and ``-m``; a positional argument is given without.
    type
        Its JSON schema.
    names
        What it names, for completion: ``dataset``, ``reference``, ``path`` …
    """

    name: str
    flag: str
    short: str
    type: dict[str, Any]
    required: bool
    positional: bool
    default: Any
    text: str
    names: str | None


@attrs.frozen
class VerbEntry:
    """A verb as a face needs it; `denied` says why the user's role does not permit it."""

    name: str
    group: str
    summary: str
    description: str
    reads: bool
    daily: bool
    action: str
    permitted: bool
    denied: str
    arguments: tuple[VerbArgument, ...]


@attrs.frozen
class Catalogue:
    """Every verb, and the role of whoever asks."""

    role: str
    actor: str
    verbs: tuple[VerbEntry, ...]


@attrs.frozen
class Changed:
    """What the watch socket sends: ask again for these."""

    changed: tuple[Topic, ...]
