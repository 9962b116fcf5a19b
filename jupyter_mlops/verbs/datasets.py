"""Datasets: commit, tag."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import attrs

from jupyter_mlops.errors import MlopsError, UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.trust.identity import require_known
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb
from jupyter_mlops.verbs.versions import Paths, Reference, counted, generated_message, require_columns
from jupyter_mlops.verbs.versions import reference as typed

if TYPE_CHECKING:
    from jupyter_mlops.project import Project
    from jupyter_mlops.versioning.committing import Draft
    from jupyter_mlops.versioning.datasets import Datasets

LISTED_FILES = 10


@attrs.frozen
class CommittedVersion:
    """A version that `commit` made, or the current one when nothing changed."""

    dataset: str
    version: str
    digest: str
    files: int
    bytes: int
    added: int
    modified: int
    removed: int
    rows_added: int | None = None
    unchanged: bool = False


@attrs.frozen
class Committed:
    """What `commit` did.

    Attributes
    ----------
    git_commit
        None with ``--no-git`` or when nothing changed.
    note
        Names files in a folder given that belong to no dataset, and so have no version; or data that is missing.
    """

    versions: tuple[CommittedVersion, ...]
    git_commit: str | None
    message: str = ""
    note: str = ""


@verb(Group.DATA, Action.DATA, daily=True, signs=True)
def commit(
    call: Call,
    paths: Paths = (),
    *,
    message: Annotated[str, Option("-m")] = "",
    tag: str = "",
    owner: str = "",
    source: str = "",
    purpose: str = "",
    licence: str = "",
    pii: Annotated[tuple[str, ...], Option(comma=True, names=Names.COLUMN)] = (),
    retain: str = "",
    adopt: bool = False,
    git: bool = True,
    dry_run: bool = False,
) -> Committed:
    """Save a version of data files or folders.

    Bare, it takes every changed dataset and writes the message itself.

    Parameters
    ----------
    paths
        Files or folders; none means all changed datasets.
    message
        What changed; generated when left out, such as ``data: +12,400 rows``.
    tag
        A name for this version, ``data@TAG``.
    owner
        Who answers for the data.
    source
        Where it came from: an address or a query.
    purpose
        What it may be used for.
    licence
        Under what terms.
    pii
        Columns that hold personal data.
    retain
        How long to keep it: days, weeks or years, ``90d``, ``12w``, ``2y``.
    adopt
        Move data that git tracks over to DVC.
    git
        Commit the pointer files to git.
    dry_run
        Say what would be saved; write nothing.
    """
    from jupyter_mlops.versioning.committing import Committing
    from jupyter_mlops.versioning.retention import age

    project = call.project
    project.datasets.look_once()
    committing = Committing(project.datasets)
    places = [call.path(path) for path in paths]
    names = committing.targets(places, adopt=adopt) if paths else committing.changed()
    who = require_known(call.actor)
    note = _about(committing.left_out(places)) if paths else _gone(committing.missing())
    _require_ready(project, names, tag, git=git)
    if retain:
        age(retain)
    meta = {"owner": owner, "source": source, "purpose": purpose, "licence": licence, "pii": [*pii], "retain": retain}
    given = {key: value for key, value in meta.items() if value}
    if not names:
        return Committed((), None, "", note)
    with project.datasets.store.in_use():
        drafts = [counted(project.datasets, committing.draft(name, call.progress, save=not dry_run)) for name in names]
        for draft in drafts if pii else ():
            require_columns(project.datasets, draft, pii)
        message = message or generated_message(_worth_telling(drafts))
        if dry_run:
            planned = tuple(_committed(project.datasets, draft, git=git) for draft in drafts)
            return Committed(planned, None, message, note)
        with project.datasets.publisher.turn():
            written = committing.publish(drafts, given)
            commit = committing.commit(drafts, written, message, who) if git else None
            if tag:
                project.datasets.tags.add(names[0], tag, _holding(project.datasets, drafts[0]), who)
    versions = tuple(_committed(project.datasets, draft, git=git) for draft in drafts)
    return Committed(versions, commit, message if commit or not git else "", note)


def _require_ready(project: Project, names: Sequence[str], tag: str, *, git: bool) -> None:
    """Every reason not to commit, before anything is read or written."""
    if git and names:
        project.git.require_committable()
    if tag:
        project.datasets.tags.require_valid(tag)
        if len(names) != 1:
            raise UsageError(
                "bad-tag", "A tag names one version.", hint="commit PATH --tag NAME, one dataset at a time."
            )
        if not git:
            raise UsageError("bad-tag", "A tag needs a git commit.", hint="Leave out --no-git.")


def _worth_telling(drafts: Sequence[Draft]) -> Sequence[Draft]:
    return [draft for draft in drafts if not (draft.is_unchanged and draft.is_head)] or drafts


def _about(left_out: Sequence[str]) -> str:
    """One line on files that a folder given holds beside its datasets."""
    if not left_out:
        return ""
    more = f" and {len(left_out) - LISTED_FILES} more" if len(left_out) > LISTED_FILES else ""
    listed = ", ".join(left_out[:LISTED_FILES])
    return f"Not in any dataset, so not saved: {listed}{more}. `commit {quote(left_out[0])}` makes one of it."


def _gone(missing: Sequence[str]) -> str:
    """One line on data that is tracked and not here."""
    if not missing:
        return ""
    listed = ", ".join(missing[:LISTED_FILES])
    return f"Not in the workspace, so left alone: {listed}. `checkout {quote(missing[0])}` brings it back."


def _holding(datasets: Datasets, draft: Draft) -> str:
    """The commit that first held the content of `draft`."""
    known = datasets.recorded(draft.name, draft.content.digest, tagged=False)
    return (known.git_commit if known else None) or "HEAD"


def _committed(datasets: Datasets, draft: Draft, *, git: bool) -> CommittedVersion:
    known = datasets.recorded(draft.name, draft.content.digest, tagged=False)
    return CommittedVersion(
        dataset=draft.name,
        version=known.version or "new" if known else "new",
        digest=draft.content.digest,
        files=draft.content.count,
        bytes=draft.content.size,
        added=len(draft.change.added),
        modified=len(draft.change.modified),
        removed=len(draft.change.removed),
        rows_added=draft.rows_added,
        unchanged=draft.is_unchanged and (draft.is_head or not git),
    )


@attrs.frozen
class Tagged:
    """A tag set or removed."""

    dataset: str
    version: str
    tag: str
    removed: bool = False


@verb(Group.DATA, Action.DATA, signs=True)
def tag(call: Call, reference: Reference, name: str, *, remove: bool = False) -> Tagged:
    """Name a version, so that ``data@NAME`` stands for it.

    Parameters
    ----------
    reference
        The version.
    name
        Letters, digits, dots, dashes; not ``v`` and a number.
    remove
        Take the name away again.
    """
    datasets = call.project.datasets
    text = typed(call, reference)
    if remove:
        known = ""
        dataset = datasets.resolve_name(text.partition("@")[0]).name
        with suppress(MlopsError):  # a tag of what this branch does not count is taken away all the same
            known = datasets.resolve(f"{dataset}@{name}").version or ""
        datasets.tags.remove(dataset, name)
        return Tagged(dataset, known, name, removed=True)
    version = datasets.resolve(text)
    if version.git_commit is None:
        raise UsageError(
            "not-committed",
            f"No commit holds {version.dataset} as it is now.",
            hint=f"commit {version.dataset} --tag {name}",
        )
    datasets.tags.add(version.dataset, name, version.git_commit, require_known(call.actor))
    return Tagged(version.dataset, version.version or version.digest, name)
