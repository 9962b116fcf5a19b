"""What the routes answer: loaded with the first request, for a server that starts needs none of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_server.auth import User

from jupyter_mlops.governance.roles import Action
from jupyter_mlops.server.catalogue import catalogue
from jupyter_mlops.server.documents import Catalogue, Job, Jobs, JobStarted
from jupyter_mlops.server.jobs import JobBook
from jupyter_mlops.server.requests import acting, folder_below, from_body, from_query, project_around
from jupyter_mlops.verbs import find
from jupyter_mlops.verbs.declaration import Verb
from jupyter_mlops.verbs.invoking import Origin, checked, invoke

STARTS_WORK = frozenset({Action.RUN, Action.RELEASE, Action.ADMINISTER})


def verb_at(path: str) -> Verb:
    """The verb whose address ends in `path`.

    Raises
    ------
    UnknownReference
        ``unknown-verb``.
    """
    return find(path.replace("/", " "))


def starts_work(verb: Verb) -> bool:
    """Whether a POST to `verb` starts work; the others write."""
    return verb.action in STARTS_WORK


def read(verb: Verb, query: Mapping[str, Sequence[bytes]], folder: Path, user: User) -> Any:
    """The result of a reading verb."""
    return invoke(verb, from_query(verb, query), Origin("rest", folder, acting(folder, user)))


class Desk:
    """What a visitor may ask of one folder besides the result of a verb.

    Parameters
    ----------
    root
        The root of the server.
    private_jobs
        Where jobs are kept that start before there is a project.
    user
        The visitor.
    """

    def __init__(self, root: Path, private_jobs: Path, user: User) -> None:
        self._root = root
        self._private_jobs = private_jobs
        self._user = user

    def start(self, verb: Verb, data: bytes) -> JobStarted:
        """Start a job; refuse at once what cannot succeed, everything else is said by the job."""
        body = from_body(data)
        folder = folder_below(self._root, body.pop("project", ""))
        arguments = checked(verb, body)
        actor = acting(folder, self._user)
        if project := project_around(folder, needed=not verb.anywhere):
            project.roles.require(actor, verb.action, verb.name)
        return JobStarted(self._book(folder).start(verb, arguments, actor))

    def jobs(self, folder: Path) -> Jobs:
        """The jobs of `folder`, without their results."""
        return Jobs(tuple(self._book(folder).documents()))

    def job(self, folder: Path, name: str) -> Job:
        """One job."""
        return self._book(folder).find(name).document()

    def cancel(self, folder: Path, name: str) -> Job:
        """Stop a job."""
        found = self._book(folder).find(name)
        found.cancel()
        return found.document()

    def catalogue(self, folder: Path) -> Catalogue:
        """The verbs, and what the visitor may do."""
        return catalogue(project_around(folder, needed=False), acting(folder, self._user))

    def _book(self, folder: Path) -> JobBook:
        project = project_around(folder, needed=False)
        return JobBook(folder, project.places.state if project else None, self._private_jobs)
