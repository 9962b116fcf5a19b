"""Remotes: push, pull."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import attrs

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.verbs.declaration import Call, Group, Option, verb
from jupyter_mlops.verbs.versions import Paths
from jupyter_mlops.verbs.versions import reference as typed
from jupyter_mlops.versioning.content import FOLDER_SUFFIX

if TYPE_CHECKING:
    from jupyter_mlops.versioning.datasets import Dataset
    from jupyter_mlops.versioning.remotes import Remotes, Unshared


@attrs.frozen
class Transferred:
    """What moved between the cache and a remote.

    Attributes
    ----------
    remote
        Its name, "" when the project has none.
    files, bytes
        What moved; nothing when the other side had it all.
    refs
        Lists of records (runs, profiles, plans) shared through git.
    direction
        ``push`` or ``pull``.
    missing
        Files that neither the cache nor the remote holds.
    note
        What is left to do.
    """

    remote: str
    files: int
    bytes: int
    refs: int = 0
    direction: str = "push"
    missing: int = 0
    note: str = ""


@verb(Group.DATA, Action.DATA, daily=True)
def push(call: Call, paths: Paths = (), *, remote: Annotated[str, Option("-r")] = "") -> Transferred:
    """Send data to a DVC remote, and records to the git remote.

    Without paths: what the project has now, every registered model version and every tagged version.
    Commits and tags travel by ``git push``.

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
    answer = remotes.push(_targets(wanted), () if paths else {*_registered(call), *datasets.tagged()}, chosen)
    files, size = _weight(call, answer.moved)
    records = remotes.push_records()
    note = "" if paths else _reminder(remotes.unshared())
    return Transferred(chosen, files, size, records, "push", _files(answer.missing), note)


def _registered(call: Call) -> set[str]:
    """The digests of the model files that DVC keeps."""
    versions = (version for model in call.project.models.all() for version in model.versions)
    return {version.digest for version in versions if version.source == "dvc"}


def _files(digests: Iterable[str]) -> int:
    return sum(not digest.endswith(FOLDER_SUFFIX) for digest in digests)


def _weight(call: Call, digests: Collection[str]) -> tuple[int, int]:
    """Files and bytes of the objects `digests`; the listing of a folder is no file."""
    found = [call.project.datasets.store.find(one) for one in digests if not one.endswith(FOLDER_SUFFIX)]
    return len(found), sum(path.stat().st_size for path in found if path)


def _reminder(left: Unshared) -> str:
    """What only ``git push`` shares."""
    here = [(left.commits, "commit"), (left.tags, "tag")]
    told = " and ".join(f"{number:,} {word}{'s' if number > 1 else ''}" for number, word in here if number)
    if not told:
        return ""
    line = f"git push -u --follow-tags origin {left.branch}" if left.branch else "git push --follow-tags"
    return f"{told} only here: {line}"


def _remotes(call: Call) -> Remotes:
    from jupyter_mlops.versioning.remotes import Remotes

    datasets = call.project.datasets
    return Remotes(datasets.places, datasets.git, datasets.settings)


def _wanted(call: Call, paths: Sequence[str]) -> tuple[Dataset, ...]:
    datasets = call.project.datasets
    return tuple(datasets.resolve_name(typed(call, path)) for path in paths) if paths else datasets.all()


def _targets(wanted: Sequence[Dataset]) -> list[str]:
    """As dvc addresses them: the ``.dvc`` file, or the stage that makes the out."""
    return list(dict.fromkeys(_target(one) for one in wanted))


def _target(dataset: Dataset) -> str:
    if dataset.stage is None:
        return dataset.pointer
    return posixpath.join(posixpath.dirname(dataset.pointer), f"dvc.yaml:{dataset.stage}")


@verb(Group.DATA, Action.DATA, daily=True)
def pull(call: Call, paths: Paths = (), *, remote: Annotated[str, Option("-r")] = "") -> Transferred:
    """Fetch data from a DVC remote and records from the git remote, and check the data out.

    Without paths, the files of every registered model version come too. What arrives is checked out, even when
    the remote lacks the rest.

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
    models = set() if paths else {digest for digest in _registered(call) if not datasets.store.find(digest)}
    chosen = remotes.choose(remote) if absent or remote else (datasets.settings.default_remote or "")
    if absent or (models and chosen):
        call.report("pull")
        remotes.fetch(_targets(absent), models, chosen)
    lost = [one.name for one in absent if not datasets.is_stored(datasets.out_of(one).digest)]
    for one in wanted:
        if one.name not in lost:
            Checkout(datasets).pointed(one, call.progress)
    _require_all(lost, chosen)
    own = {datasets.out_of(one).digest for one in absent}
    arrived, lacking = _weight(call, [one for one in models - own if datasets.store.find(one)]), models - own
    files, size = (sum(pair) for pair in zip(datasets.weight(absent), arrived, strict=True))
    return Transferred(chosen, files, size, records, "pull", len(lacking) - arrived[0])


def _require_all(lost: Sequence[str], remote: str) -> None:
    """Say what the remote lacks.

    Raises
    ------
    EnvironmentFault
        ``not-on-remote``.
    """
    if lost:
        raise EnvironmentFault(
            "not-on-remote",
            f"{', '.join(lost)} {'is' if len(lost) == 1 else 'are'} not on {remote}. All else is here.",
            hint="push, typed in a project that has the data, sends it.",
        )
