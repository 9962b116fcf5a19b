"""Which files ``.dvcignore`` keeps out of every dataset."""

from __future__ import annotations

import posixpath
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from jupyter_mlops.errors import UsageError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

NAME = ".dvcignore"
ALWAYS = frozenset({".git", ".hg", ".dvc"})


class DvcIgnore:
    """The rules that hold in one folder: those of its own ``.dvcignore`` and of all above it.

    Parameters
    ----------
    root
        The folder of the project.
    folder
        A folder of it, POSIX, relative; ``""`` for the root itself.
    """

    def __init__(self, root: Path, folder: str) -> None:
        self._root = root
        self._folder = folder

    @cached_property
    def _rules(self) -> tuple[_Rules, ...]:
        """Innermost first: the first that has an opinion decides."""
        parts = [part for part in self._folder.split("/") if part]
        bases = ["/".join(parts[:depth]) for depth in range(len(parts) + 1)]
        return tuple(rules for base in reversed(bases) if (rules := _read(self._root, base)))

    def __bool__(self) -> bool:
        return bool(self._rules)

    def excludes(self, path: str, *, is_folder: bool) -> bool:
        """Whether `path` (relative to the root, its parents not excluded) is ignored."""
        if is_folder and path.rpartition("/")[2] in ALWAYS:
            return True
        for rules in self._rules:
            opinion = rules.spec.check_file(path[rules.skip :] + ("/" if is_folder else "")).include
            if opinion is not None:
                return bool(opinion)
        return False

    def excludes_whole(self, path: str) -> bool:
        """Whether the file `path`, or a folder above it, is ignored."""
        parts = path.split("/")
        above = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
        return any(self.excludes(folder, is_folder=True) for folder in above) or self.excludes(path, is_folder=False)


@attrs.frozen
class _Rules:
    """One ``.dvcignore``; `skip` is the length of its folder's path with the slash."""

    skip: int
    spec: GitIgnoreSpec


def _read(root: Path, base: str) -> _Rules | None:
    """The rules written in the folder `base`, or None.

    Raises
    ------
    UsageError
        ``bad-ignore-file``.
    """
    name = posixpath.join(base, NAME)
    try:
        lines = [line.strip() for line in (root / name).read_text(encoding="utf-8").splitlines()]
        if not any(line and not line.startswith("#") for line in lines):
            return None
        from pathspec import GitIgnoreSpec

        return _Rules(len(base) + 1 if base else 0, GitIgnoreSpec.from_lines(lines))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:
        raise UsageError("bad-ignore-file", f"{name} cannot be read.", context=str(error)) from error
