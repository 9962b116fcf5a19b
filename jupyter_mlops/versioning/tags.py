"""Names given to versions: the git tag ``DATASET@NAME``, which dvc and gto pass over."""

from __future__ import annotations

import re

from jupyter_mlops.errors import UsageError
from jupyter_mlops.records import Actor
from jupyter_mlops.versioning import heads
from jupyter_mlops.versioning.git import Git

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
TAKEN = re.compile(r"v?\d.*|deprecated|HEAD|[0-9a-f]{4,32}|.*\.lock|.*\.\..*|.*\.")
FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\%]|\.\.|@\{|//|(?:^|(?<=/))\.|\.lock(?=/|$)")


class VersionTags:
    """The tags of one repository.

    Parameters
    ----------
    git
        Keeps them; ``tag.gpgsign`` applies.
    """

    def __init__(self, git: Git) -> None:
        self._git = git

    def commit(self, dataset: str, name: str) -> str | None:
        """The commit that ``dataset@name`` points at, or None."""
        return self._git.resolve(f"refs/tags/{ref_of(dataset, name)}") if NAME.fullmatch(name) else None

    def names(self, dataset: str) -> tuple[str, ...]:
        """The name of every tag of `dataset`, in their order; most often none, which costs no process to know."""
        start = f"refs/tags/{ref_of(dataset, '')}"
        refs = heads.references(self._git.common_folder(), start)
        if refs is None:
            refs = self._git.run("for-each-ref", "--format=%(refname)", f"{start}*").splitlines()
        return tuple(sorted(ref.removeprefix(start) for ref in refs))

    def require_valid(self, name: str) -> None:
        """Refuse a name that could be taken for another form of reference.

        Raises
        ------
        UsageError
            ``bad-tag``.
        """
        if not NAME.fullmatch(name) or TAKEN.fullmatch(name):
            raise UsageError(
                "bad-tag",
                f"{name} cannot be the name of a version.",
                context="Letters, digits, dots, dashes; not a number, a date or a digest.",
                hint="For example: gold, may-fix, before-cleaning.",
            )

    def add(self, dataset: str, name: str, commit: str, author: Actor) -> None:
        """Tag `commit`.

        Raises
        ------
        UsageError
            ``bad-tag``, ``tag-exists``.
        """
        self.require_valid(name)
        known = self.commit(dataset, name)
        if known == commit:
            return
        if known:
            raise UsageError(
                "tag-exists",
                f"{dataset}@{name} exists already.",
                context=f"It names the version of commit {known[:7]}.",
                hint=f"tag --remove {dataset} {name} takes it away first.",
            )
        message = f"{dataset}: {name}"
        identity = self._git.identity(author)
        self._git.run(
            "tag", "-a", "-m", message, "--end-of-options", ref_of(dataset, name), commit, environment=identity
        )

    def remove(self, dataset: str, name: str) -> None:
        """Take the tag away.

        Raises
        ------
        UsageError
            ``unknown-tag``.
        """
        if not self.commit(dataset, name):
            known = ", ".join(self.names(dataset)) or "none"
            raise UsageError("unknown-tag", f"{dataset} has no tag {name}.", hint=f"Its tags: {known}.")
        self._git.run("tag", "-d", "--end-of-options", ref_of(dataset, name))


def ref_of(dataset: str, name: str) -> str:
    """The tag as git spells it: what git forbids in a name is written as ``%xx``."""
    spelled = FORBIDDEN.sub(lambda found: "".join(f"%{ord(sign):02x}" for sign in found[0]), dataset)
    return f"{spelled}@{name}"
