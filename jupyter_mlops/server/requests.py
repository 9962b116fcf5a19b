"""From what a request carries to a folder, arguments and a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from jupyter_server.auth import User

from jupyter_mlops.errors import UsageError
from jupyter_mlops.project import Project
from jupyter_mlops.records import Actor
from jupyter_mlops.trust.identity import identify
from jupyter_mlops.verbs.declaration import Verb
from jupyter_mlops.versioning.git import Git

NOT_ARGUMENTS = frozenset({"project", "token", "no_track_activity", "_xsrf"})
"""What Jupyter's front end and its authentication add to a query."""


def folder_below(root: Path, text: str) -> Path:
    """The folder that `text` names, which must lie below the server's root when all links are followed.

    Raises
    ------
    UsageError
        ``outside-server-root``, ``no-such-folder``.
    """
    if not text.isprintable() or text.startswith(("/", "\\", "~")):
        raise _outside(text)
    top = root.resolve()
    try:
        folder = (top / text).resolve()
        known = folder.is_dir()
    except OSError as error:
        raise UsageError("no-such-folder", "The folder cannot be read.", context=str(error)) from error
    if not folder.is_relative_to(top):
        raise _outside(text)
    if not known:
        raise UsageError("no-such-folder", f"There is no folder {text}.", hint="Choose another in the file browser.")
    return folder


def _outside(text: str) -> UsageError:
    hint = "Start the server in a folder that holds the project."
    return UsageError(
        "outside-server-root", "The folder lies outside the root of this server.", context=repr(text), hint=hint
    )


def from_query(verb: Verb, query: Mapping[str, Sequence[bytes]]) -> dict[str, Any]:
    """The arguments in a query; what is declared as many keeps all its values.

    Raises
    ------
    UsageError
        ``bad-argument``.
    """
    many = {argument.name for argument in verb.arguments() if argument.is_repeated}
    arguments: dict[str, Any] = {}
    for name, values in query.items():
        if name in NOT_ARGUMENTS or _is_cache_buster(name, values):
            continue
        arguments[name] = tuple(_text(name, value) for value in values) if name in many else single(query, name)
    return arguments


def single(query: Mapping[str, Sequence[bytes]], name: str) -> str:
    """The one value of `name` exactly as it was sent, empty when there is none.

    Raises
    ------
    UsageError
        ``bad-argument`` when it is given twice, or is no text.
    """
    values = query.get(name, ())
    if len(values) > 1:
        raise UsageError("bad-argument", f"{name} is given more than once.")
    return _text(name, values[0]) if values else ""


def _is_cache_buster(name: str, values: Sequence[bytes]) -> bool:
    """JupyterLab appends the time to a GET that no cache may answer."""
    return name.isdigit() and not any(values)


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise UsageError("bad-argument", f"{name} is no UTF-8 text.") from error


def from_body(body: bytes) -> dict[str, Any]:
    """The JSON object in a body.

    Raises
    ------
    UsageError
        ``bad-body``.
    """
    try:
        document = msgspec.json.decode(body or b"{}", type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise UsageError("bad-body", "The body is no JSON object.", context=str(error)) from error
    if not isinstance(document.get("project", ""), str):
        raise UsageError("bad-argument", "`project` is no text.")
    return document


def acting(folder: Path, user: User) -> Actor:
    """Who acts: git's identity, else whoever Jupyter knows by name, else nobody."""
    return Git(folder).author() or _named(user) or identify(None)


def _named(user: User) -> Actor | None:
    """A user whom a Hub or an identity provider named; a shared token stands for nobody."""
    name = user.display_name or user.name or user.username
    return None if name.startswith("Anonymous ") else Actor(name, source="hub")


def project_around(folder: Path, *, needed: bool = True) -> Project | None:
    """The project around `folder`, or None where none is needed.

    Raises
    ------
    UsageError
        ``not-a-git-repository``.
    """
    try:
        return Project.find(folder)
    except UsageError:
        if needed:
            raise
        return None
