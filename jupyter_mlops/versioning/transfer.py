"""The process in which DVC's file systems move objects: one JSON request on standard input, JSON lines as answers.

A line is ``{"step": …}`` while it works, and ``{"answer": …}`` or ``{"failed": …}`` at the end. Whoever asked keeps
standard input open; when it closes, nobody waits for the answer any more, and the process ends at once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from jupyter_mlops.records import Step
from jupyter_mlops.versioning.channel import Channel
from jupyter_mlops.versioning.content import LEGACY_MD5, MD5
from jupyter_mlops.versioning.dvc_settings import DvcSettings
from jupyter_mlops.versioning.store import Store

if TYPE_CHECKING:
    from dvc.data_cloud import Remote
    from dvc.repo import Repo
    from dvc_data.hashfile.hash_info import HashInfo

    from jupyter_mlops.versioning.shelves import Shelf


@attrs.frozen
class Request:
    """What to move.

    Attributes
    ----------
    direction
        ``push``, ``fetch`` or ``delete``; of the last, `digests` name single objects.
    remote
        Its name in ``.dvc/config``.
    targets
        ``.dvc`` files and stages, as DVC addresses them.
    digests
        Versions by digest: what only an earlier commit names.
    look_only
        Say what would move; move nothing.
    thorough
        Compare sizes too, and read listings that only the remote has.
    runs
        What of the run-cache goes along: entries ``xx/KEY/VALUE`` or folders of them; ``""`` is all of it.
    """

    direction: str
    remote: str
    targets: Sequence[str] = ()
    digests: Sequence[str] = ()
    look_only: bool = False
    thorough: bool = False
    runs: Sequence[str] = ()


@attrs.frozen
class Answer:
    """What moved, or would.

    Attributes
    ----------
    files, bytes
        Of the data; listings of folders are not counted. `bytes` is 0 where a remote was only looked at.
    moved
        The digests of the objects.
    missing
        Digests that the side they were to come from does not have, and neither does the other.
    damaged
        Digests whose bytes in the remote are not what they should be.
    runs
        Entries of the run-cache; an entry comes or goes only when all the data that it names does, or did.
    note
        Why the run-cache stayed where it was.
    """

    files: int = 0
    bytes: int = 0
    moved: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    runs: int = 0
    note: str = ""

    def __add__(self, other: Answer) -> Answer:
        pairs = zip(attrs.astuple(self), attrs.astuple(other), strict=True)
        return Answer(*(one + two for one, two in pairs))


def transfer(request: Request, channel: Channel) -> Answer:
    """Do what `request` says in the project of the current folder.

    No lock of DVC is held meanwhile: objects are only added, each whole or not at all, so nobody has to wait.

    Raises
    ------
    DvcException, OSError
        The remote cannot be reached, or some objects did not get through.
    """
    from dvc.repo import Repo

    channel(Step(f"reach {request.remote}"))
    with Repo() as repo:
        remote = repo.cloud.get_remote(request.remote)
        if remote.worktree or remote.fs.version_aware:  # it keeps what the workspace has, and nothing by digest
            if request.direction == "delete":
                raise OSError(f"{request.remote} keeps plain files or versions of its own: remove them there")
            return _by_dvc(repo, request)
        settings = DvcSettings.read(Path.cwd())
        if request.direction == "delete":
            return _delete(_shelves(remote, Store(settings)), request.digests, channel)
        if request.direction == "fetch":
            answer = _fetch(repo, remote, settings, request, channel)
        else:
            answer = _push(repo, remote, Store(settings), request, channel)
        return answer + _runs(remote, settings, request, channel) if request.runs else answer


def _shelves(remote: Remote, store: Store) -> dict[str, Shelf]:
    from jupyter_mlops.versioning.shelves import Shelf

    return {MD5: Shelf(MD5, remote.odb, store), LEGACY_MD5: Shelf(LEGACY_MD5, remote.legacy_odb, store)}


def _by_dvc(repo: Repo, request: Request) -> Answer:
    if not request.look_only:
        act = repo.push if request.direction == "push" else repo.fetch
        act(list(request.targets), remote=request.remote)
    note = "A remote that keeps plain files or versions of its own holds no run-cache." if request.runs else ""
    return Answer(missing=tuple(sorted(request.digests)) if request.direction == "push" else (), note=note)


def _push(repo: Repo, remote: Remote, store: Store, request: Request, channel: Channel) -> Answer:
    from jupyter_mlops.versioning.sending import sent

    found = repo.used_objs(list(request.targets), remote=request.remote, push=True) if request.targets else {}
    wanted = {(one.name, one.value) for one in found.pop(None, ()) if one.value}
    wanted |= {(store.algorithm(one), one) for digest in request.digests for one in store.objects(digest)}
    answer = sent(_shelves(remote, store), wanted, request, channel)
    return sum((_elsewhere(repo, odb, infos) for odb, infos in found.items() if not request.look_only), answer)


def _runs(remote: Remote, settings: DvcSettings, request: Request, channel: Channel) -> Answer:
    """Send or bring what `request` names of the run-cache."""
    from jupyter_mlops.versioning.run_entries import FOLDER, RunEntries, travelled

    fs, shelves = remote.fs, _shelves(remote, Store(settings))
    entries = RunEntries(fs, fs.join(remote.legacy_odb.path, FOLDER), settings.cache / FOLDER)
    return travelled(entries, shelves, request, channel)


def _delete(shelves: dict[str, Shelf], digests: Sequence[str], channel: Channel) -> Answer:
    """Take objects out of the remote; one that is not there is no error."""
    gone: set[str] = set()
    for shelf in shelves.values():
        for digest in sorted(shelf.there(digests, channel)):
            shelf.remove(digest)
            gone.add(digest)
            channel(Step("erase from the remote", len(gone), len(digests), "files"))
    return Answer(files=len(gone), moved=tuple(sorted(gone)))


def _elsewhere(repo: Repo, odb: object, infos: set[HashInfo]) -> Answer:
    """Push what ``dvc.yaml`` or a pointer sends to a remote of its own."""
    from dvc.exceptions import UploadError

    done = repo.cloud.push(infos, odb=odb)
    if done.failed:
        raise UploadError(len(done.failed))
    moved = tuple(sorted(info.value for info in done.transferred if info.value))
    return Answer(files=sum(not info.isdir for info in done.transferred), moved=moved)


def _fetch(repo: Repo, remote: Remote, settings: DvcSettings, request: Request, channel: Channel) -> Answer:
    from jupyter_mlops.versioning.receiving import Receiving

    store = Store(settings)
    shelves = tuple(_shelves(remote, store).values())
    receiving = Receiving(shelves, store, channel, look_only=request.look_only, shared=settings.shared)
    answer = receiving.receive(request.digests)
    if answer.missing and request.targets and not request.look_only and _comes_from_elsewhere(repo, request.targets):
        _fetch_elsewhere(repo, request)
        answer = attrs.evolve(answer, missing=tuple(one for one in answer.missing if store.find(one) is None))
    return answer


def _fetch_elsewhere(repo: Repo, request: Request) -> None:
    """Let DVC fetch by ways that only it knows; what it finds nowhere is told as missing."""
    from dvc.exceptions import DownloadError

    is_default = request.remote == repo.config["core"].get("remote")
    with suppress(DownloadError):  # an output with a remote of its own is left out when another is named
        repo.fetch(list(request.targets), remote=None if is_default else request.remote)


def _comes_from_elsewhere(repo: Repo, targets: Iterable[str]) -> bool:
    """Whether a target was imported by DVC, or has a remote of its own: then only DVC knows the way."""
    return any(stage.is_import or any(out.remote for out in stage.outs) for stage in _stages(repo, targets))


def _stages(repo: Repo, targets: Iterable[str]) -> Iterator[Any]:
    for target in targets:
        yield from repo.stage.collect(target)


def _watch_over() -> None:
    """End with whoever asked, however they ended."""

    def wait() -> None:
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Read the request, do it, answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a key press reaches us too; whoever asked decides
    channel = Channel()
    request = Request(**json.loads(sys.stdin.buffer.readline()))
    _watch_over()
    try:
        answer = transfer(request, channel)
    except Exception as error:  # noqa: BLE001 (each kind of remote raises classes of its own; all end in one message)
        number = getattr(error, "errno", None)
        channel.end("failed", {"kind": type(error).__name__, "message": str(error) or repr(error), "errno": number})
        os._exit(1)
    channel.end("answer", attrs.asdict(answer))
    os._exit(0)  # nothing is left to do, and the libraries take their time to leave


if __name__ == "__main__":
    main()
