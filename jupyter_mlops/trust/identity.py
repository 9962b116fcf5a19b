"""Who acts: git's identity, else the Hub's name, else nobody yet."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from jupyter_mlops.errors import UsageError
from jupyter_mlops.records import Actor

AUTHOR = re.compile(r"(?P<name>[^<>\n]*[^<>\s][^<>\n]*?)(?:<(?P<email>[^<>\s]*)>)?")
UNKNOWN = Actor("unknown", source="unknown")


def identify(git_author: Actor | None, environment: Mapping[str, str] = os.environ) -> Actor:
    """The person at the keyboard, or `UNKNOWN`."""
    if git_author:
        return git_author
    if hub_user := environment.get("JUPYTERHUB_USER"):
        return Actor(hub_user, source="hub")
    return UNKNOWN


def parse(text: str) -> Actor:
    """``Sara <sara@example.org>`` or ``Sara`` as an actor.

    Raises
    ------
    UsageError
        ``bad-author``.
    """
    if found := AUTHOR.fullmatch(text.strip()):
        return Actor(found["name"].strip(), found["email"] or "", source="given")
    message = f"{text} is no author." if text.strip() else "The author is empty."
    raise UsageError("bad-author", message, hint='For example: --author "Sara <sara@example.org>".')


def require_known(actor: Actor) -> Actor:
    """`actor`, or the one question that has to be answered before work carries a name."""
    if actor.source != "unknown":
        return actor
    raise UsageError(
        "identity-unknown",
        "Who are you? Versions carry the name of whoever made them.",
        hint='Add --author "Your Name <you@example.org>", or for ever: '
        'git config --global user.name "Your Name" && git config --global user.email "you@example.org".',
    )
