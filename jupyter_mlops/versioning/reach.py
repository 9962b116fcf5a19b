"""Which versions something still names: a commit that git can reach, its index, a workspace, DVC's run cache."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from jupyter_mlops.errors import UsageError
from jupyter_mlops.versioning.content import DIGEST
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.history import GONE, read_blobs
from jupyter_mlops.versioning.pointers import LOCK_FILE, Out, load_yaml, outs
from jupyter_mlops.versioning.stage_files import StageFiles

POINTERS = (":(top,glob)**/*.dvc", ":(top,glob)**/dvc.lock")


def named(git: Git, cache: Path) -> set[str]:
    """The digest of every version that anything of the repository names.

    Commits count while a branch, a tag, a stash or a reflog of any worktree reaches them, as for ``git gc``.

    Parameters
    ----------
    cache
        DVC's; what its run cache could restore counts as well.
    """
    return {*(out.digest for _, out in _pointed(git)), *_in_run_cache(cache)}


def versions(git: Git) -> list[tuple[str, str]]:
    """Dataset and digest of every version that the project in the folder of `git` ever had, on any branch."""
    prefix = git.run("rev-parse", "--show-prefix").strip("\n")
    stage_files = StageFiles.read(git)
    own = ((path.removeprefix(prefix), out) for path, out in _pointed(git) if path.startswith(prefix))
    pairs = ((stage_files.name_of(out, path), out.digest) for path, out in own if stage_files.is_cached(out, path))
    return sorted({(name, digest) for name, digest in pairs if name})


def tips(git: Git) -> dict[str, str]:
    """The branch (or ``HEAD``) that ends with a version, by the digest of the version."""
    refs = git.run("for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes").split() if git.head() else []
    found: dict[str, str] = {}
    for ref in ["HEAD", *refs] if refs else []:
        listed = git.run("ls-tree", "-r", "-z", "--full-tree", ref).split("\0")
        entries = (line.partition("\t") for line in listed)
        blobs = {head.split(" ")[2]: path for head, _, path in entries if _is_pointer(path)}
        for _, out in _read(git, blobs):
            found.setdefault(out.digest, ref.removeprefix("refs/heads/").removeprefix("refs/remotes/"))
    return found


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
            blobs.update({before: path, after: path})
    yield from _read(git, blobs)


def _staged(git: Git) -> Iterator[tuple[str, Out]]:
    listed = git.run("ls-files", "-s", "-z", "--full-name", "--", *POINTERS).split("\0")
    lines = (line.partition("\t") for line in listed if line)
    yield from _read(git, {head.split(" ")[1]: path for head, _, path in lines})


def _in_workspaces(git: Git) -> Iterator[tuple[str, Out]]:
    """Pointers as they lie in every worktree, committed or not."""
    listed = git.run("worktree", "list", "--porcelain").splitlines()
    for tree in (Path(line.removeprefix("worktree ")) for line in listed if line.startswith("worktree ")):
        if not tree.is_dir():
            continue
        patterns = ("--cached", "--others", "--exclude-standard", "--deduplicate", "--", *POINTERS)
        for path in filter(None, Git(tree).run("ls-files", "-z", *patterns).split("\0")):
            if (tree / path).is_file():
                yield from _outs((tree / path).read_bytes(), path)


def _read(git: Git, blobs: Mapping[str, str]) -> Iterator[tuple[str, Out]]:
    """What the pointers in `blobs`, blob id to path, name."""
    for blob, data in read_blobs(git, [blob for blob in blobs if blob != GONE]).items():
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
