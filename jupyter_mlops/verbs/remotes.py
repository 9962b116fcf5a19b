"""Remotes: push, fetch, pull."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import attrs

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.verbs.declaration import Call, Group, Option, verb
from jupyter_mlops.verbs.transfers import Transferred, files_among, lacking_of, noted, reminder
from jupyter_mlops.verbs.versions import Paths
from jupyter_mlops.verbs.wanted import Wanted, stored, wanted, with_pushed

RemoteName = Annotated[str, Option("-r")]
ALL_RUNS = ("",)


@verb(Group.DATA, Action.DATA, daily=True)
def push(
    call: Call,
    paths: Paths = (),
    *,
    remote: RemoteName = "",
    all_versions: bool = False,
    run_cache: bool = False,
    check: bool = False,
    dry_run: bool = False,
) -> Transferred:
    """Send data to a DVC remote, and records to the git remote.

    Without paths: what the project has now, every registered model version and every tagged version. What the remote
    has is not sent again, so after a cut it goes on where it was; what was sent is looked at when it arrived.
    Commits and tags travel by ``git push``.

    Parameters
    ----------
    paths
        Datasets; none means all.
    remote
        A remote of ``.dvc/config``; the default one when left out.
    all_versions
        Every version of the branch, not just what the project has now.
    run_cache
        Also what stages made before: DVC's run-cache, with the data that it names.
    check
        Send nothing; ask the remote whether it has every file in its full size, those of the commit that the upstream
        branch has among them. Exit 1 when something is lacking.
    dry_run
        Say what would be sent; send nothing.
    """
    from jupyter_mlops.versioning.transfer import Request

    remotes = call.project.remotes
    chosen = remotes.choose(remote)
    what = wanted(call, paths, all_versions=all_versions, tagged=not paths, models=not paths)
    what = with_pushed(call, what) if check and not paths else what
    call.report("push")
    look, runs = check or dry_run, ALL_RUNS if run_cache else ()
    answer = remotes.move(Request("push", chosen, what.targets, what.digests, look, check, runs), call.progress)
    records = 0 if look else remotes.push_records()
    note = "" if paths or look else reminder(remotes.unshared())
    note = " ".join(filter(None, (answer.note, note)))
    lost = {*answer.missing, *(answer.moved if look else ())}
    return Transferred(
        remote=chosen,
        files=answer.files,
        bytes=answer.bytes,
        refs=records,
        direction="push",
        missing=files_among(answer.missing),
        note=note,
        lacking=lacking_of(call, what, lost),
        dry_run=look,
        checked=check,
        runs=answer.runs,
    )


@verb(Group.DATA, Action.DATA)
def fetch(
    call: Call,
    paths: Paths = (),
    *,
    remote: RemoteName = "",
    all_versions: bool = False,
    tagged: bool = False,
    run_cache: bool = False,
    dry_run: bool = False,
) -> Transferred:
    """Bring data from a DVC remote into the cache, and records from the git remote; the workspace stays as it is.

    What is here is not fetched again, so after a cut it goes on where it was. Without paths, the files of every
    registered model version come too.

    Parameters
    ----------
    paths
        Datasets, or versions such as ``data@v2``; none means all datasets.
    remote
        A remote of ``.dvc/config``; the default one when left out.
    all_versions
        Every version of the branch, not just what the pointers name now.
    tagged
        The tagged versions too.
    run_cache
        Also the entries of DVC's run-cache, which say what stages made before; ``run --pull`` brings the data itself.
    dry_run
        Say what would come, and what the remote lacks; fetch nothing.
    """
    what = wanted(call, paths, all_versions=all_versions, tagged=tagged, models=not paths)
    done = _fetch(call, what, remote, run_cache=run_cache, dry_run=dry_run)
    if not dry_run:
        _require_all(_lost(call, what), done.remote)
    return done


def _lost(call: Call, what: Wanted) -> list[str]:
    """What was asked for by name and is not here."""
    has = stored(call.project.datasets.store)
    return [name for digest, name in what.names.items() if digest not in what.optional and not has(digest)]


def _fetch(call: Call, what: Wanted, remote: str, *, run_cache: bool, dry_run: bool = False) -> Transferred:
    from jupyter_mlops.versioning.transfer import Request

    datasets = call.project.datasets
    remotes = call.project.remotes
    records = 0 if dry_run else remotes.fetch_records()
    absent = what.without(stored(datasets.store))
    needed = absent.names.keys() - what.optional  # without a remote, what is merely welcome is not asked for
    chosen = remotes.choose(remote) if needed or remote or run_cache else (datasets.settings.default_remote or "")
    if not (absent.names or run_cache) or not chosen:
        return Transferred(chosen, 0, 0, records, "fetch", len(absent.names), dry_run=dry_run)
    call.report("fetch")
    runs = ALL_RUNS if run_cache else ()
    request = Request("fetch", chosen, absent.targets, tuple(absent.names), dry_run, runs=runs)
    with datasets.store.in_use():
        answer = remotes.move(request, call.progress)
    return Transferred(
        remote=chosen,
        files=answer.files,
        bytes=answer.bytes,
        refs=records,
        direction="fetch",
        missing=len(answer.missing),
        note=noted(answer),
        lacking=lacking_of(call, absent, set(answer.missing)),
        dry_run=dry_run,
        runs=answer.runs,
    )


@verb(Group.DATA, Action.DATA, daily=True)
def pull(
    call: Call,
    paths: Paths = (),
    *,
    remote: RemoteName = "",
    all_versions: bool = False,
    tagged: bool = False,
    run_cache: bool = False,
) -> Transferred:
    """Fetch data from a DVC remote and records from the git remote, and check the data out.

    Without paths, the files of every registered model version come too. What arrives is checked out, even when
    the remote lacks the rest.

    Parameters
    ----------
    paths
        Datasets; none means all.
    remote
        A remote of ``.dvc/config``; the default one when left out.
    all_versions
        Every version of the branch into the cache, not just what the pointers name now.
    tagged
        The tagged versions into the cache too.
    run_cache
        Also the entries of DVC's run-cache, which say what stages made before; ``run --pull`` brings the data itself.
    """
    from jupyter_mlops.versioning.checkout import Checkout
    from jupyter_mlops.versioning.founding import set_merge_driver

    datasets = call.project.datasets
    set_merge_driver(call.project.git)
    what = wanted(call, paths, all_versions=all_versions, tagged=tagged, models=not paths)
    done = _fetch(call, what, remote, run_cache=run_cache)
    lost = _lost(call, what)
    for one in what.datasets:
        if one.name not in lost:
            Checkout(datasets).pointed(one, call.progress)
    _require_all(lost, done.remote)
    return attrs.evolve(done, direction="pull")


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
