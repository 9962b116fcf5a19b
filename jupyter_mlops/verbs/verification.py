"""Proof that the data is all there: verify."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import attrs

from jupyter_mlops.governance.roles import Action
from jupyter_mlops.project import Project
from jupyter_mlops.verbs.declaration import Call, Group, Option, verb
from jupyter_mlops.verbs.versions import Paths
from jupyter_mlops.verbs.versions import reference as typed
from jupyter_mlops.versioning.scrubbing import Trouble

if TYPE_CHECKING:
    from jupyter_mlops.versioning.scrubbing import Scrubbing


@attrs.frozen
class Verified:
    """What was looked at, and what is wrong.

    Attributes
    ----------
    objects, bytes
        Read and compared with their names.
    corrupt, missing
        What is left wrong.
    repaired
        What was damaged or missing, and was fetched again.
    set_aside
        How many damaged objects were moved out of the way.
    """

    objects: int
    bytes: int
    corrupt: tuple[Trouble, ...]
    missing: tuple[Trouble, ...]
    repaired: tuple[Trouble, ...] = ()
    set_aside: int = 0
    hint: str = ""

    @property
    def gate(self) -> str:
        """Why the exit code is 1; empty when all is well."""
        left = [(len(self.corrupt), "damaged"), (len(self.missing), "missing")]
        return ", ".join(f"{number} {word}" for number, word in left if number)


@verb(Group.DATA, Action.DATA, stops=True)
def verify(
    call: Call,
    paths: Paths = (),
    *,
    all_versions: bool = False,
    scrub: bool = False,
    remote: Annotated[str, Option("-r")] = "",
) -> Verified:
    """Read the data and prove that every byte is what was saved.

    Looks at what the project has now. With ``--scrub`` at the whole cache: what is damaged is set aside, what is
    missing is fetched again from the remote. Exit code 1 when something stays wrong.

    Parameters
    ----------
    paths
        Datasets; none means all.
    all_versions
        Every version that a commit names, not only the current ones.
    scrub
        Repair: set damaged objects aside and fetch them again.
    remote
        Where to fetch from; the default remote when left out.
    """
    from jupyter_mlops.versioning.scrubbing import DAMAGED, LastLook, Scrubbing

    project = call.project
    scrubbing = Scrubbing(project.datasets)
    names = {project.datasets.resolve_name(typed(call, path)).name for path in paths}
    objects = scrubbing.wanted(_versions(project, names, every=all_versions))
    if scrub and not paths:
        objects = {**scrubbing.whole_cache(), **objects}
    found = scrubbing.look(objects, call.progress)
    troubles, repaired = found.troubles, tuple[Trouble, ...]()
    if scrub and troubles:
        troubles, repaired = _repaired(call, scrubbing, found.troubles, remote)
    if not paths:
        LastLook.note(project.places, troubles)
    return Verified(
        objects=found.objects,
        bytes=found.bytes,
        corrupt=tuple(each for each in troubles if each.kind == DAMAGED),
        missing=tuple(each for each in troubles if each.kind != DAMAGED),
        repaired=repaired,
        set_aside=sum(each.kind == DAMAGED for each in found.troubles) if scrub else 0,
        hint=_hint(troubles, scrub=scrub),
    )


def _versions(project: Project, names: set[str], *, every: bool) -> Iterator[tuple[str, str, str]]:
    from jupyter_mlops.versioning.labels import Labels

    labels = Labels(project.datasets)
    for dataset, out in project.datasets.pointers():
        if out.digest and (not names or dataset.name in names):
            yield dataset.name, labels.of(dataset.name, out.digest) or "new", out.digest
    if every:
        from jupyter_mlops.versioning.reach import versions

        for name, digest in versions(project.git):
            if not names or name in names:
                yield name, labels.of(name, digest) or "on another branch", digest


def _repaired(
    call: Call, scrubbing: Scrubbing, troubles: Sequence[Trouble], remote: str
) -> tuple[tuple[Trouble, ...], tuple[Trouble, ...]]:
    """What is left wrong, and what was fetched again."""
    from jupyter_mlops.versioning.scrubbing import Place
    from jupyter_mlops.versioning.transfer import Request

    datasets = call.project.datasets
    scrubbing.set_aside(troubles)
    needed = [each for each in troubles if each.dataset]  # what no version needs is only set aside
    remotes = call.project.remotes
    if needed and (remote or datasets.settings.default_remote):
        chosen = remotes.choose(remote)
        remotes.move(Request("fetch", chosen, digests=[each.digest for each in needed]), call.progress)
    again = scrubbing.look({each.digest: Place(each.dataset, each.version, each.path) for each in needed})
    left = {each.digest for each in again.troubles}
    return again.troubles, tuple(each for each in needed if each.digest not in left)


def _hint(troubles: Sequence[Trouble], *, scrub: bool) -> str:
    if not troubles:
        return ""
    if not scrub:
        return "verify --scrub sets damaged objects aside and fetches them again"
    return "no remote has them: push, typed where the data still is, sends it"
