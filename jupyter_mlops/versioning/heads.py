"""Where a repository is and what is checked out, read from git's own files: a process costs more than the look.

Whatever is not as plain as usual (another layout of references, an environment that moves the repository) is left
to git itself: then every answer here is None.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

import attrs

COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
BRANCH = "refs/heads/"
MOVED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_CEILING_DIRECTORIES")


@attrs.frozen
class Head:
    """What is checked out.

    Attributes
    ----------
    commit
        None on a branch without a commit.
    branch
        None when HEAD is detached.
    """

    commit: str | None
    branch: str | None


def own_folder(root: Path) -> Path | None:
    """The git directory of the very worktree around `root`."""
    if any(name in os.environ for name in MOVED):
        return None
    top = root.resolve()
    here = next((folder for folder in (top, *top.parents) if os.path.lexists(folder / ".git")), top)
    mark = here / ".git"
    try:
        target = "" if mark.is_dir() else mark.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None
    own = here / target.removeprefix("gitdir: ") if target.startswith("gitdir: ") else mark
    return own.resolve() if (own / "HEAD").is_file() else None


def common_folder(root: Path) -> Path | None:
    """The git directory that all worktrees share."""
    own = own_folder(root)
    try:
        return (own / (own / "commondir").read_text().strip()).resolve() if own else None
    except FileNotFoundError:
        return own
    except (OSError, UnicodeDecodeError):
        return None


def head(root: Path) -> Head | None:
    """What is checked out around `root`."""
    own, common = own_folder(root), common_folder(root)
    try:
        text = (own / "HEAD").read_text().strip() if own else ""
    except (OSError, UnicodeDecodeError):
        return None
    if COMMIT.fullmatch(text):
        return Head(text, None)
    name = text.removeprefix("ref: ")
    if common is None or name == text or not name.startswith(BRANCH) or ".." in name or is_tabled(common):
        return None
    commit = _loose(common, name) or _packed(common, name)
    return Head(commit, name.removeprefix(BRANCH)) if commit else None


def references(common: Path, start: str) -> list[str] | None:
    """The full names of all references whose last part begins as `start` does; each may name any object."""
    if is_tabled(common):
        return None
    folder, _, beginning = start.rpartition("/")
    found: set[str] = set()
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        found.update(f"{folder}/{name}" for name in os.listdir(common / folder) if name.startswith(beginning))  # noqa: PTH208
    found -= {name for name in found if name.endswith(".lock") or (common / name).is_dir()}
    with contextlib.suppress(FileNotFoundError):
        lines = (common / "packed-refs").read_text(errors="surrogateescape").splitlines()
        names = (line.partition(" ")[2] for line in lines)
        found.update(name for name in names if name.startswith(start) and "/" not in name[len(start) :])
    return list(found)


def is_tabled(common: Path) -> bool:
    """Whether references lie in tables, which only git reads."""
    return (common / "reftable").exists()


def _loose(common: Path, name: str) -> str | None:
    try:
        text = (common / name).read_text().strip()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    return text if COMMIT.fullmatch(text) else None


def _packed(common: Path, name: str) -> str | None:
    if os.path.lexists(common / name):
        return None  # a reference to a reference, or one half written
    try:
        lines = (common / "packed-refs").read_text(errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return None
    found = (line.partition(" ") for line in lines)
    return next((commit for commit, _, ref in found if ref == name and COMMIT.fullmatch(commit)), None)
