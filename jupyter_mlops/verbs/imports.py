"""Data brought in from elsewhere: import, and import again."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, Annotated

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.records import Actor
from jupyter_mlops.trust.identity import require_known
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb
from jupyter_mlops.verbs.versions import counted
from jupyter_mlops.verbs.versions import reference as typed

if TYPE_CHECKING:
    from jupyter_mlops.versioning.datasets import Datasets
    from jupyter_mlops.versioning.importing import Importing
    from jupyter_mlops.versioning.sources import Source


@attrs.frozen
class Imported:
    """A dataset that came from elsewhere.

    Attributes
    ----------
    source, query
        Where it came from, without passwords, and what was asked there.
    source_version
        What the source called it: an etag, a table's version, another project's version and digest.
    unchanged
        Whether the source has nothing new: then nothing was written.
    added, modified, removed
        Files, against the version before.
    rows_added
        Of a table, against the version before; None when rows were not counted.
    """

    dataset: str
    version: str
    digest: str
    source: str
    bytes: int
    git_commit: str | None
    query: str = ""
    source_version: str = ""
    unchanged: bool = False
    added: int = 0
    modified: int = 0
    removed: int = 0
    rows_added: int | None = None


@verb(Group.DATA, Action.DATA, name="import", signs=True)
def import_(
    call: Call,
    url: str = "",
    path: Annotated[str, Option(names=Names.PATH)] = "",
    *,
    query: str = "",
    at: str = "",
    update: Annotated[str, Option(names=Names.DATASET)] = "",
    message: Annotated[str, Option("-m")] = "",
    git: bool = True,
    dry_run: bool = False,
) -> Imported:
    """Copy data in from outside the project and record where it came from.

    Importing again, from the same source to the same place, makes a new version when the source has something new
    and says so when it has not. Passwords, keys and tokens are never recorded. A download that was cut goes on from
    there when it is repeated.

    Parameters
    ----------
    url
        A file or folder on this machine; an ``http(s)`` address; ``s3://``, ``gs://``, ``az://`` or ``ssh://``;
        ``sqlite:///FILE`` or ``postgresql://…`` with ``--query``; a Delta or Iceberg table, ``delta+s3://…``;
        ``PROJECT::DATASET@v3``, PROJECT a folder or the address of a git repository.
    path
        Where to put it; its own name below ``data/`` when left out. For a table or an answer its ending is the format.
    query
        What to ask a database; of a table, SQL in which it is called ``self``.
    at
        The version of a Delta table or the snapshot of an Iceberg table; the newest when left out.
    update
        A dataset that was imported before: look at its source again.
    message
        What it is.
    git
        Commit the pointer file to git.
    dry_run
        Say what would be copied; write nothing.
    """
    from jupyter_mlops.versioning.importing import Importing

    project = call.project
    who = require_known(call.actor)
    importing = Importing(project.datasets)
    source, target = _understood(call, importing, Asked(url, path, query, at, update))
    known = importing.require_place(target, source)
    version = source.version() if known or dry_run else ""
    plan = Plan(source, target, known.digest if known else "")
    if known and known.has(source, version):
        return _unchanged(project.datasets, plan, version)
    if dry_run:
        return Imported(target, "new", "", source.address, source.size(), None, source.query, version)
    if git:
        project.git.require_committable()
    return _import(call, importing, plan, message or f"import {source.name}", who if git else None)


@attrs.frozen
class Asked:
    """What was typed."""

    url: str
    path: str
    query: str
    at: str
    update: str


@attrs.frozen
class Plan:
    """What is to be brought, where to, and the digest that is there now."""

    source: Source
    target: str
    before: str


def _understood(call: Call, importing: Importing, asked: Asked) -> tuple[Source, str]:
    """The source, and the path that its data is to have.

    Raises
    ------
    UsageError
        ``no-source``, ``bad-source``, ``unknown-format`` and what else `Sources.parse` raises.
    """
    from jupyter_mlops.versioning.sources.tabular import require_format

    datasets = call.project.datasets
    sources = importing.sources(call.folder)
    url, query, target = asked.url, asked.query, call.path(asked.path) if asked.path else ""
    if asked.update:
        if target:
            raise UsageError("bad-source", "--update names the dataset itself.", hint="import --update PATH")
        target = datasets.find(typed(call, asked.update)).name
        origin = importing.origin(target)
        url, query = url or (origin.address if origin else ""), query or (origin.query if origin else "")
    if not url:
        message = f"{target} does not say where it came from." if target else "Nothing was named to import."
        raise UsageError("no-source", message, hint=f"import SOURCE {quote(target) or 'PATH'}")
    source = sources.parse(url, query, asked.at)
    target = target or datasets.free_place(source.name)
    if source.is_table:
        require_format(target)
    return source, target


def _import(call: Call, importing: Importing, plan: Plan, message: str, committer: Actor | None) -> Imported:
    """Bring the data, make a version of it, and write down where it came from."""
    from jupyter_mlops.versioning.committing import Committing
    from jupyter_mlops.versioning.importing import VERSION, recorded

    datasets = call.project.datasets
    committing = Committing(datasets)
    with importing.placed(plan.source, plan.target, call.progress) as version, datasets.store.in_use():
        committing.targets([plan.target], adopt=False)
        draft = counted(datasets, committing.draft(plan.target, call.progress))
        if plan.before and draft.is_unchanged:
            return _unchanged(datasets, plan, version)
        with datasets.publisher.turn():
            meta = recorded(plan.source, version, draft)
            written = committing.publish([draft], meta)
            commit = committing.commit([draft], written, message, committer) if committer else None
    known = datasets.recorded(plan.target, draft.content.digest)
    return Imported(
        dataset=plan.target,
        version=(known.version or "new") if known else "new",
        digest=draft.content.digest,
        source=plan.source.address,
        bytes=draft.content.size,
        git_commit=commit,
        query=plan.source.query,
        source_version=str(meta[VERSION]),
        added=len(draft.change.added) if plan.before else 0,
        modified=len(draft.change.modified),
        removed=len(draft.change.removed),
        rows_added=draft.rows_added,
    )


def _unchanged(datasets: Datasets, plan: Plan, version: str) -> Imported:
    known = datasets.recorded(plan.target, plan.before)
    return Imported(
        dataset=plan.target,
        version=(known.version or "new") if known else "new",
        digest=plan.before,
        source=plan.source.address,
        bytes=known.size if known else 0,
        git_commit=None,
        query=plan.source.query,
        source_version=version,
        unchanged=True,
        rows_added=0,
    )
