"""`invoke()`: the one door through which every verb of every face goes.

It checks the arguments, opens the project, authorises, runs, translates what went
wrong, writes the audit line and tells whoever watches that something changed.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import msgspec

from jupyter_mlops.errors import Cancelled, EnvironmentFault, MlopsError, UsageError
from jupyter_mlops.project import Project
from jupyter_mlops.records import Actor, Progress, silent, write_atomically
from jupyter_mlops.trust.detecting import require_no_secret
from jupyter_mlops.trust.identity import parse
from jupyter_mlops.verbs.declaration import SIGNER, Ask, Call, Verb, nobody

JSON_PATH = re.compile(r"`\$\.(\w+)`")
UNSPEAKABLE = re.compile("[\0\ud800-\udfff]")
FAULTS = {
    errno.ENOSPC: ("disk-full", "The disk is full; nothing was published.", "Free some space and repeat."),
    errno.EDQUOT: ("disk-full", "The disk quota is used up; nothing was published.", "Free some space and repeat."),
    errno.EFBIG: ("disk-full", "A file is larger than may be written here; nothing was published.", "ulimit -f -H"),
    errno.EROFS: ("read-only", "The file system is read-only.", "Work in a folder that can be written."),
    errno.EACCES: ("no-permission", "Permission denied.", "Check the owner and the mode of the path."),
    errno.EPERM: ("no-permission", "Permission denied.", "Check the owner and the mode of the path."),
    errno.ENOENT: ("file-missing", "A file is missing.", "It may have been moved while the verb ran; repeat."),
    errno.EADDRINUSE: ("port-in-use", "The port is in use.", "Choose another with --port, or leave it out."),
}


@attrs.frozen
class Origin:
    """Where a call comes from.

    Attributes
    ----------
    face
        ``cli``, ``magic``, ``python``, ``rest`` or the name of a service.
    folder
        Where the user stands.
    actor
        Who asks; found from git or the Hub when None.
    """

    face: str
    folder: Path = attrs.field(factory=Path.cwd)
    actor: Actor | None = None
    progress: Progress = silent
    ask: Ask = nobody


def invoke(verb: Verb, arguments: Mapping[str, Any], origin: Origin) -> Any:
    """Run `verb` and return its result.

    Raises
    ------
    MlopsError
        Whatever went wrong, always one of the error tree.
    """
    with translated(verb.name):
        request = checked(verb, arguments)
        project = _open(verb, origin)
        asking = Call(origin.folder.resolve(), origin.actor, origin.progress, origin.ask, project)
        if project and project.roles.are_given:
            project.roles.require(asking.actor, verb.action, verb.name)
        own = dict(request)
        named = own.pop(SIGNER.name, "") if verb.signs else ""
        call = attrs.evolve(asking, signer=parse(named)) if named else asking
        try:
            with translated(verb.name):
                result = verb.function(call, **own)
        except MlopsError as error:
            _record(verb, asking, origin.face, error.reference, request)
            raise
        _record(verb, asking, origin.face, "ok", request)
        return result


def checked(verb: Verb, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`arguments` converted to the declared types, defaults filled in.

    Raises
    ------
    UsageError
        ``bad-argument``; ``secret-in-the-open``: before any log or record of the call sees it.
    """
    given = {name: _as_many(verb, name, value) for name, value in arguments.items()}
    for name, value in given.items():
        _require_text(verb, name, value)
    try:
        request = msgspec.convert(given, verb.request, strict=False)
    except msgspec.ValidationError as error:
        message = f"`{verb.name}` was given a wrong argument."
        context = JSON_PATH.sub(lambda path: f"--{path[1].replace('_', '-')}", str(error))
        raise UsageError("bad-argument", message, context=context, hint=f"{verb.name} --help lists them.") from error
    values = {name: getattr(request, name) for name in request.__struct_fields__}
    for argument in verb.arguments():
        if argument.option.pairs:
            require_no_secret(values[argument.name])
    return values


def _as_many(verb: Verb, name: str, value: Any) -> Any:
    """A single text where many are declared counts as one of them."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    many = isinstance(value, str) and any(a.name == name and a.is_repeated for a in verb.arguments())
    return (value,) if many else value


def _require_text(verb: Verb, name: str, value: Any) -> None:
    """Refuse what no file, no commit and no log can hold: a NUL, half a character.

    Raises
    ------
    UsageError
        ``bad-argument``.
    """
    if isinstance(value, Mapping):
        value = (*value, *value.values())
    for text in value if isinstance(value, (tuple, list)) else (value,):
        if isinstance(text, str) and UNSPEAKABLE.search(text):
            message = f"`{verb.name}` was given a wrong argument."
            raise UsageError(
                "bad-argument", message, context=f"`{name}` holds bytes that are no text.", hint="Write it in UTF-8."
            )


def _open(verb: Verb, origin: Origin) -> Project | None:
    try:
        return Project.find(origin.folder)
    except UsageError:
        if verb.anywhere:
            return None
        raise


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Whatever foreign error `what` lets through becomes one of ours.

    Raises
    ------
    MlopsError
        ``cancelled``, one of `FAULTS`, ``input-output``, or ``internal`` for what nobody foresaw.
    """
    try:
        yield
    except MlopsError:
        raise
    except KeyboardInterrupt as error:
        raise Cancelled(what) from error
    except OSError as error:
        reference, message, hint = _fault(error)
        raise EnvironmentFault(reference, message, context=str(error), hint=hint) from error
    except Exception as error:
        raise EnvironmentFault(
            "internal",
            f"`{what}` met an error we did not foresee.",
            context=f"{type(error).__name__}: {error}",
            hint="Repeat with --debug and report what it prints.",
        ) from error


def _fault(error: OSError) -> tuple[str, str, str]:
    """Reference, message and hint of what a disk, or whatever else the system gives, refused."""
    told = str(error)
    if "No usable temporary directory" in told:  # Python's words for full disks everywhere
        return "disk-full", "No folder for temporary files can be written.", "Free some space, or set TMPDIR."
    number = error.errno or next((each for each in FAULTS if os.strerror(each) in told), 0)  # libgit2 gives words only
    return FAULTS.get(number, ("input-output", "Reading or writing failed.", "See the context."))


def _record(verb: Verb, call: Call, face: str, outcome: str, request: dict[str, Any]) -> None:
    """Write the audit line and touch what watchers look at; reading verbs leave no trace."""
    project = call.opened
    if verb.reads or project is None:
        return
    try:
        project.audit.append(call.actor, face, verb.name, outcome, msgspec.to_builtins(verb.recordable(request)))
        write_atomically(project.places.live / "changed", verb.name.encode())
    except OSError as error:
        if outcome == "ok":
            raise EnvironmentFault(
                "audit-failed", "Done, but the audit line could not be written.", context=str(error)
            ) from error
