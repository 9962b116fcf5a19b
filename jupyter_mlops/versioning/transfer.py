"""The process in which DVC moves objects: a JSON request on standard input, what moved as the last line of output.

Objects are named by target (what DVC tracks now) and by digest (what only an earlier commit names), which the
command line of DVC cannot.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc_data.hashfile.hash_info import HashInfo


@attrs.frozen
class Request:
    """What to move.

    Attributes
    ----------
    direction
        ``push`` or ``fetch``.
    targets
        ``.dvc`` files and stages, as DVC addresses them.
    digests
        Algorithm and md5 of further objects.
    """

    direction: str
    remote: str
    targets: Sequence[str]
    digests: Sequence[tuple[str, str]]


@attrs.frozen
class Answer:
    """The digests that moved, and those that neither side has."""

    moved: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def transfer(request: Request) -> Answer:
    """Do what `request` says in the project of the current folder.

    Raises
    ------
    DvcException
        The remote cannot be reached, or some objects did not get through.
    """
    from dvc.repo import Repo, lock_repo

    with Repo() as repo, lock_repo(repo):
        further = _infos(request.digests)
        if request.direction == "fetch":
            return _fetch(repo, request, further)
        remote = repo.cloud.get_remote(request.remote)
        if remote.worktree or remote.fs.version_aware:  # it keeps what the workspace has, and nothing by digest
            repo.push(list(request.targets), remote=request.remote)
            return Answer(missing=tuple(sorted(digest for _, digest in request.digests)))
        return _push(repo, request, further)


def _infos(digests: Sequence[tuple[str, str]]) -> set[HashInfo]:
    from dvc_data.hashfile.hash_info import HashInfo

    return {HashInfo(algorithm, digest) for algorithm, digest in digests}


def _digests(infos: Iterable[HashInfo]) -> set[str]:
    return {info.value for info in infos if info.value}


def _push(repo: Repo, request: Request, further: set[HashInfo]) -> Answer:
    from dvc.exceptions import UploadError

    found = repo.used_objs(list(request.targets), remote=request.remote, push=True) if request.targets else {}
    wanted = {**found, None: {*found.get(None, ()), *further}}
    moved: set[str] = set()
    missing: set[str] = set()
    for odb, infos in wanted.items():
        standing = repo.cloud.status(infos, remote=request.remote, odb=odb)
        missing.update(_digests(standing.missing))
        if not standing.new:
            continue
        done = repo.cloud.push(infos, remote=request.remote, odb=odb)
        if done.failed:
            raise UploadError(len(done.failed))
        moved.update(_digests(done.transferred))
    return Answer(tuple(sorted(moved)), tuple(sorted(missing)))


def _fetch(repo: Repo, request: Request, further: set[HashInfo]) -> Answer:
    from dvc.exceptions import DownloadError

    if request.targets:
        repo.fetch(list(request.targets), remote=request.remote)
    done = repo.cloud.pull(further, remote=request.remote)
    if done.failed:
        raise DownloadError(len(done.failed))
    return Answer(tuple(sorted(_digests(done.transferred))))


if __name__ == "__main__":
    try:
        answer = transfer(Request(**json.load(sys.stdin)))
    except Exception as error:  # noqa: BLE001 (each kind of remote raises classes of its own; all end in one message)
        sys.exit(f"ERROR: {error}")
    print(json.dumps(attrs.asdict(answer)))  # noqa: T201 (the answer of this process)
