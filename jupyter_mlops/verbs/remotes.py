"""Remotes: push, pull."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import attrs

from jupyter_mlops.governance.roles import Action
from jupyter_mlops.verbs.declaration import Call, Group, Option, verb
from jupyter_mlops.verbs.versions import Paths
from jupyter_mlops.verbs.versions import reference as typed

if TYPE_CHECKING:
    from jupyter_mlops.versioning.datasets import Dataset
    from jupyter_mlops.versioning.remotes import Remotes


@attrs.frozen
class Transferred:
    """What moved between the cache and a remote."""

    remote: str
    files: int
    bytes: int
    refs: int = 0


@verb(Group.DATA, Action.DATA, daily=True)
def push(call: Call, paths: Paths = (), *, remote: Annotated[str, Option("-r")] = "") -> Transferred:
    """Send data to a DVC remote, and records to the git remote.

    Parameters
    ----------
    paths
        Datasets; none means all.
    remote
        A remote of ``.dvc/config``; the default one when left out.
    """
    datasets = call.project.datasets
    remotes = _remotes(call)
    chosen, wanted = remotes.choose(remote), _wanted(call, paths)
    call.report("push")
    remotes.push(_targets(wanted), chosen)
    files, size = datasets.weight(wanted)
    return Transferred(chosen, files, size, remotes.push_records())


def _remotes(call: Call) -> Remotes:
    from jupyter_mlops.versioning.remotes import Remotes

    datasets = call.project.datasets
    return Remotes(datasets.places, datasets.git, datasets.settings)


def _wanted(call: Call, paths: Sequence[str]) -> tuple[Dataset, ...]:
    datasets = call.project.datasets
    return tuple(datasets.resolve_name(typed(call, path)) for path in paths) if paths else datasets.all()


def _targets(wanted: Sequence[Dataset]) -> list[str]:
    """As dvc names them: the ``.dvc`` file, or the out itself."""
    return [one.pointer if one.stage is None else one.name for one in wanted]


@verb(Group.DATA, Action.DATA, daily=True)
def pull(call: Call, paths: Paths = (), *, remote: Annotated[str, Option("-r")] = "") -> Transferred:
    """Fetch data from a DVC remote and records from the git remote, and check the data out.

    Parameters
    ----------
    paths
        Datasets; none means all.
    remote
        A remote of ``.dvc/config``; the default one when left out.
    """
    from jupyter_mlops.versioning.checkout import Checkout

    datasets = call.project.datasets
    remotes = _remotes(call)
    records = remotes.fetch_records()
    wanted = _wanted(call, paths)
    absent = [one for one in wanted if not datasets.is_stored(datasets.out_of(one).digest)]
    chosen = remotes.choose(remote) if absent or remote else (datasets.settings.default_remote or "")
    if absent:
        call.report("pull")
        remotes.fetch(_targets(absent), chosen)
    for one in wanted:
        Checkout(datasets).pointed(one, call.progress)
    return Transferred(chosen, *datasets.weight(absent), records)
