"""Which versions something still names: a commit that git can reach, its index, a workspace, DVC's run cache."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path

from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.versioning.content import DIGEST
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.history import GONE, read_blobs
from jupyter_mlops.versioning.pointers import LOCK_FILE, Out, load_yaml, outs
from jupyter_mlops.versioning.stage_files import StageFiles

POINTERS = (":(top,glob)**/*.dvc", ":(top,glob)**/dvc.lock")


def named(git: Git, cache: Path, without: Collection[tuple[str, str]] = ()) -> set[str]:
    """The digest of every version that anything of the repository names.

    Commits count while a branch, a tag, a stash or a reflog of any worktree reaches them, as for ``git gc``.

    Parameters
    ----------
    cache
        DVC's; what its run cache could restore counts as well.
    without
        Dataset and digest of versions of the project in the folder of `git` that do not count; nor does it count
        then that DVC could restore them.
    """
    dropped = {digest for _, digest in without}
    kept = {out.digest for name, out in _named(git) if (name, out.digest) not in without}
    return kept | {digest for digest in _in_run_cache(cache) if digest not in dropped}


def _named(git: Git) -> Iterator[tuple[str, Out]]:
    """Every output that any pointer names, and the dataset it is of this project; "" when of another one."""
    prefix = git.run("rev-parse", "--show-prefix").strip("\n")
    stage_files = StageFiles.read(git)

    @cache  # thousands of commits name the same
    def name(path: str, place: str, wdir: str, stage: str | None) -> str:
        own = path.removeprefix(prefix) if path.startswith(prefix) else ""
        out = Out(place, "", wdir=wdir, stage=stage)
        return (own and stage_files.is_cached(out, own) and stage_files.name_of(out, own)) or ""

    for path, out in _pointed(git):
        yield name(path, out.path, out.wdir, out.stage), out


def versions(git: Git) -> list[tuple[str, str]]:
    """Dataset and digest of every version that the project in the folder of `git` ever had, on any branch."""
    return sorted({(name, out.digest) for name, out in _named(git) if name})


def tips(git: Git) -> dict[str, str]:
    """What stands on a version, by its digest: a branch, a tag, or the commit that a worktree has out."""
    form = "--format=%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end) %(refname)"
    lines = git.run("for-each-ref", form, "refs/heads", "refs/remotes", "refs/tags").splitlines() if git.head() else []
    standing = {commit: _told(ref) for commit, _, ref in (line.partition(" ") for line in reversed(lines))}
    for tree in _worktrees(git):
        if commit := Git(tree).head():
            standing.setdefault(commit, "checked out")
    found: dict[str, str] = {}
    for commit, told in standing.items():
        if git.resolve(commit):
            for _, out in _read(git, _pointers_of(git, commit)):
                found.setdefault(out.digest, told)
    return found


def _told(ref: str) -> str:
    kind, _, name = ref.removeprefix("refs/").partition("/")
    return f"tag {name}" if kind == "tags" else f"current on {name}"


def _pointers_of(git: Git, commit: str) -> dict[str, str]:
    """The pointer blobs of a commit, each with its path."""
    listed = git.run("ls-tree", "-r", "-z", "--full-tree", commit).split("\0")
    entries = (line.partition("\t") for line in listed)
    return {head.split(" ")[2]: path for head, _, path in entries if _is_pointer(path)}


def _is_pointer(path: str) -> bool:
    return path.endswith(".dvc") or path.rpartition("/")[2] == LOCK_FILE


def _pointed(git: Git) -> Iterator[tuple[str, Out]]:
    """Every output that any pointer names, and the path of that pointer from the top of the repository."""
    yield from _committed(git)
    yield from _staged(git)
    yield from _in_workspaces(git)


def _committed(git: Git) -> Iterator[tuple[str, Out]]:
    reach = ("log", "--all", "--reflog", "-m", "--raw", "--no-abbrev", "--no-renames", "-z", "--format=")
    tokens = (token.lstrip("\n") for token in git.run(*reach, "--", *POINTERS).split("\0"))
    blobs: dict[str, str] = {}
    for token in tokens:
        if token.startswith(":"):
            _, _, before, after, _ = token.split(" ")
            path = next(tokens)
            if _is_pointer(path):
                blobs.update({before: path, after: path})
    yield from _read(git, blobs)


def _worktrees(git: Git) -> Iterator[Path]:
    """The folders of all worktrees that are there, bare repositories apart."""
    listed = git.run("worktree", "list", "--porcelain").split("\n\n")
    for block in listed:
        lines = block.splitlines()
        if lines and "bare" not in lines[1:] and (tree := Path(lines[0].removeprefix("worktree "))).is_dir():
            yield tree


def _staged(git: Git) -> Iterator[tuple[str, Out]]:
    """Pointers in the index of every worktree."""
    for tree in _worktrees(git):
        listed = Git(tree).run("ls-files", "-s", "-z", "--full-name", "--", *POINTERS).split("\0")
        lines = (line.partition("\t") for line in listed if line)
        yield from _read(git, {head.split(" ")[1]: path for head, _, path in lines if _is_pointer(path)})


def _in_workspaces(git: Git) -> Iterator[tuple[str, Out]]:
    """Pointers as they lie in every worktree, committed or not."""
    for tree in _worktrees(git):
        patterns = ("--cached", "--others", "--exclude-standard", "--deduplicate", "--", *POINTERS)
        for path in filter(_is_pointer, Git(tree).run("ls-files", "-z", *patterns).split("\0")):
            if (tree / path).is_file():
                yield from _outs((tree / path).read_bytes(), path)


def _read(git: Git, blobs: Mapping[str, str]) -> Iterator[tuple[str, Out]]:
    """What the pointers in `blobs`, blob id to path, name.

    Raises
    ------
    EnvironmentFault
        ``git-incomplete``: what an unreadable pointer needs cannot be told, so nothing may be removed.
    """
    asked = [blob for blob in blobs if blob != GONE]
    found = read_blobs(git, asked)
    if lost := [blob for blob in asked if blob not in found]:
        raise EnvironmentFault(
            "git-incomplete",
            f"git cannot read {blobs[lost[0]]} of an earlier commit. Nothing was removed.",
            context=f"object {lost[0]}",
            hint="git fsck says what is missing; git fetch --refetch origin may bring it back.",
        )
    for blob, data in found.items():
        yield from _outs(data, blobs[blob])


def _outs(data: bytes, path: str) -> Iterator[tuple[str, Out]]:
    """The outputs of a pointer; a broken one names nothing."""
    with contextlib.suppress(UsageError):
        yield from ((path, out) for out in outs(data, path) if out.digest)


def _in_run_cache(cache: Path) -> Iterator[str]:
    """What DVC could restore instead of running a stage again."""
    for path in (cache / "runs").glob("??/*/*"):
        with contextlib.suppress(UsageError, OSError):
            document = load_yaml(path.read_bytes(), path.name)
            for out in document.get("outs") or () if isinstance(document, dict) else ():
                if isinstance(out, dict) and DIGEST.fullmatch(str(out.get("md5"))):
                    yield out["md5"]
