"""Forgetting for good: erase."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.project import Project
from jupyter_mlops.records import Actor, short
from jupyter_mlops.trust.identity import require_known
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb
from jupyter_mlops.verbs.keeping import Folders
from jupyter_mlops.verbs.versions import Paths
from jupyter_mlops.verbs.versions import reference as typed
from jupyter_mlops.versioning.consumers import Use

if TYPE_CHECKING:
    from jupyter_mlops.governance.erasure import Erasure
    from jupyter_mlops.profiles.redaction import Subject
    from jupyter_mlops.versioning.datasets import Datasets
    from jupyter_mlops.versioning.erasing import Affected, Search
    from jupyter_mlops.versioning.journal import Journal


@attrs.frozen
class ErasedVersion:
    """A version that held what was erased.

    Attributes
    ----------
    label
        As it was, ``v3·7f3a``.
    after
        The digest of what took its place; "" when nothing is left.
    files, rows
        Files rewritten or removed, and rows left out of them.
    """

    dataset: str
    label: str
    digest: str
    after: str
    files: int
    rows: int


@attrs.frozen
class Erased:
    """What was erased, or would be.

    Attributes
    ----------
    erasure
        The id of the tombstone.
    objects, bytes
        Gone from the cache.
    remote
        The remote they are gone from as well, "" when there is none.
    consumers
        What was made from the erased data, or remembers it, and what becomes of that.
    unreached
        What erasing cannot reach, in words.
    """

    erasure: str
    versions: tuple[ErasedVersion, ...]
    objects: int
    bytes: int
    remote: str
    consumers: tuple[Use, ...]
    unreached: tuple[str, ...]
    git_commit: str | None = None
    dry_run: bool = False


@verb(Group.GOVERN, Action.ADMINISTER, signs=True)
def erase(
    call: Call,
    datasets: Paths = (),
    *,
    path: Annotated[str, Option(names=Names.PATH)] = "",
    subject: Annotated[str, Option(personal=True)] = "",
    reason: str = "",
    remote: Annotated[str, Option("-r")] = "",
    also: Folders = (),
    alone: bool = False,
    yes: bool = False,
    resume: bool = False,
    dry_run: bool = False,
) -> Erased:
    """Erase a file, or a person's rows, from all versions, the cache and the remote.

    A tombstone without personal data stays: what, why, who, when. The versions that held it are rewritten, and every
    verb follows from the old to the new; git's history is not rewritten, so plain ``dvc`` fails on an old pointer.
    What cannot be reached, such as rows printed in notebooks that git holds, is said beforehand.

    Parameters
    ----------
    datasets
        Where to look; none means in all.
    path
        The file or folder to erase.
    subject
        Whose rows to erase: ``COLUMN=VALUE``.
    reason
        Why; it is kept, so it should name nobody.
    remote
        Where else it goes; the default remote when left out.
    also
        Further projects that share this cache: what they need stays.
    alone
        No other project uses this cache, though it lies outside of this one.
    yes
        Do not ask.
    resume
        Finish an erasure that was cut off.
    dry_run
        Say what would go, what was made from it and what cannot be reached; change nothing.
    """
    from jupyter_mlops.versioning.collecting import require_own_cache
    from jupyter_mlops.versioning.journal import Journal

    project, who = call.project, require_known(call.actor)
    if resume:
        return _resumed(call, Journal.read(project.places), who)
    Journal.require_none(project.places)
    wanted = _Wanted.of(call.path(path) if path else "", subject)
    names = [project.datasets.resolve_name(typed(call, name)).name for name in datasets]
    others = [Project.find(call.folder / folder).datasets for folder in also]
    require_own_cache(project.datasets, others, alone=alone)
    erasure = _erasure(project, remote, others)
    with project.datasets.store.in_use():
        found = erasure.versions(names, call.progress)
        search = erasure.search(found, wanted.path, wanted.subject, call.progress, keep=not dry_run)
        uses, unreached = erasure.uses(search), tuple(erasure.unreached(found, search, wanted.subject))
        plan = Erased("", _versions(project, search.affected), 0, 0, "", uses, unreached, dry_run=dry_run)
        if dry_run or not search.affected:
            return plan
        erasure.require_saved(search)
        _confirm(call, plan, yes=yes)
        journal = erasure.begin(search, wanted.words(search), reason, who)
    done = erasure.carry_out(journal, who, call.progress)
    return attrs.evolve(
        plan,
        erasure=journal.tombstone.id,
        objects=done.objects,
        bytes=done.bytes,
        remote=journal.remote,
        git_commit=done.git_commit,
    )


@attrs.frozen
class _Wanted:
    """What to erase: a path, or the rows of a subject."""

    path: str
    subject: Subject | None

    @classmethod
    def of(cls, path: str, subject: str) -> _Wanted:
        """As it was typed.

        Raises
        ------
        UsageError
            ``nothing-to-erase``.
        """
        from jupyter_mlops.profiles.redaction import Subject

        column, mark, value = subject.partition("=")
        if bool(path) is bool(subject) or (subject and not (column and mark and value.strip())):
            message = "Say what to erase: --path FILE, or --subject COLUMN=VALUE."
            raise UsageError("nothing-to-erase", message, hint="erase --help")
        return cls(path, Subject(column, value) if subject else None)

    def words(self, search: Search) -> str:
        """What goes, without personal data."""
        if self.subject:
            rows = max((each.rows for each in search.affected), default=0)
            return f"{rows:,} row{'s' * (rows != 1)} by {self.subject.column}"
        files = max((each.files for each in search.affected), default=0)
        return f"{files:,} file{'s' * (files != 1)}"


def _erasure(project: Project, remote: str, others: Sequence[Datasets]) -> Erasure:
    from jupyter_mlops.governance.erasure import Erasure

    datasets = project.datasets
    remotes = project.remotes
    chosen = remotes.choose(remote) if remote or datasets.settings.default_remote else ""
    return Erasure(datasets, project.consumers, remotes, chosen, others)


def _resumed(call: Call, journal: Journal | None, who: Actor) -> Erased:
    if journal is None:
        raise UsageError("nothing-to-resume", "No erasure was cut off.", hint="erase --help tells how to begin one.")
    others = [Project.find(Path(folder)).datasets for folder in journal.others]
    done = _erasure(call.project, journal.remote, others).carry_out(journal, who, call.progress)
    stone = journal.tombstone
    return Erased(stone.id, (), done.objects, done.bytes, journal.remote, (), (), done.git_commit)


def _versions(project: Project, affected: Sequence[Affected]) -> tuple[ErasedVersion, ...]:
    from jupyter_mlops.versioning.labels import Labels

    labels = Labels(project.datasets)
    names = (labels.of(each.dataset, each.before) or f"new·{short(each.before)}" for each in affected)
    return tuple(
        ErasedVersion(each.dataset, name, each.before, each.after, each.files, each.rows)
        for name, each in zip(names, affected, strict=True)
    )


def _confirm(call: Call, plan: Erased, *, yes: bool) -> None:
    """Ask once: there is no way back.

    Raises
    ------
    UsageError
        ``not-confirmed``.
    """
    number = len(plan.versions)
    question = f"Erase from {number} version{'s' * (number != 1)} for good? There is no way back."
    if not yes and not call.ask(question):
        hint = "--dry-run shows what would go; --yes erases it."
        raise UsageError("not-confirmed", "Nothing was erased: nobody said yes.", hint=hint)
