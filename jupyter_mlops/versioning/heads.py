"""What is checked out, read from git's own files: asked at every look, and a process costs more than the look.

Whatever is not as plain as usual (another layout of references, an environment that moves the repository) is left
to git itself.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import attrs

from jupyter_mlops.versioning.git import Git

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


def head(git: Git, common: Path) -> Head:
    """What is checked out around the root of `git`; `common` is the git directory that all worktrees share."""
    return _read(git.root, common) or Head(git.head(), git.branch())


def _read(root: Path, common: Path) -> Head | None:
    """The head as the files tell it, None when only git can."""
    try:
        own = None if any(name in os.environ for name in MOVED) else _own(root, common)
        text = (own / "HEAD").read_text().strip() if own else ""
    except (OSError, UnicodeDecodeError):
        return None
    if COMMIT.fullmatch(text):
        return Head(text, None)
    name = text.removeprefix("ref: ")
    if name == text or not name.startswith(BRANCH) or ".." in name or (common / "reftable").exists():
        return None
    commit = _loose(common, name) or _packed(common, name)
    return Head(commit, name.removeprefix(BRANCH)) if commit else None


def _own(root: Path, common: Path) -> Path | None:
    """The git directory of this very worktree."""
    top = root.resolve()
    here = next((folder for folder in (top, *top.parents) if os.path.lexists(folder / ".git")), top)
    mark = here / ".git"
    if mark.is_dir():
        return common if mark.samefile(common) else None
    target = mark.read_text().strip()
    return here / target.removeprefix("gitdir: ") if target.startswith("gitdir: ") else None


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
