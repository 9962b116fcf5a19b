"""Remotes: where data and records are shared, and what only this repository has."""

from __future__ import annotations

import attrs

from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.records import Places, Progress, silent
from jupyter_mlops.versioning.courier import Courier
from jupyter_mlops.versioning.dvc_settings import DvcSettings
from jupyter_mlops.versioning.founding import FETCH_REFSPEC
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.ledger import REFSPEC
from jupyter_mlops.versioning.transfer import Answer, Request


@attrs.frozen
class Unshared:
    """What only this repository has.

    Attributes
    ----------
    commits, tags
        Counts.
    branch
        The branch that follows no upstream yet, else "".
    """

    commits: int = 0
    tags: int = 0
    branch: str = ""


@attrs.frozen
class Remotes:
    """The DVC remotes and the git remote of one project.

    Attributes
    ----------
    places, git, settings
        Where the project is, its repository, and the remotes DVC knows.
    """

    places: Places
    git: Git
    settings: DvcSettings

    def choose(self, name: str) -> str:
        """The remote called `name`, or the default one.

        Raises
        ------
        UsageError
            ``no-remote``, ``unknown-remote``.
        """
        chosen = name or self.settings.default_remote
        known = ", ".join(self.settings.remotes)
        if not chosen:
            hint = f"push --remote NAME, NAME one of: {known}." if known else "init --remote ADDRESS sets one up."
            raise UsageError("no-remote", "This project has no default remote.", hint=hint)
        if chosen not in self.settings.remotes:
            hint = f"Remotes: {known}." if known else "init --remote ADDRESS sets one up."
            raise UsageError("unknown-remote", f"There is no remote {chosen}.", hint=hint)
        return chosen

    def move(self, request: Request, progress: Progress = silent) -> Answer:
        """Send or bring what `request` names; what the other side lacks is told, and is no error.

        Raises
        ------
        EnvironmentFault
            ``remote-failed``, ``remote-kind-missing``.
        """
        return Courier(self.places).carry(request, progress)

    def push_records(self) -> int:
        """Send shared records to ``origin``; returns how many refs there are."""
        refs = self.git.run("for-each-ref", "--format=%(refname)", "refs/mlops").split()
        if not refs or not self._has_origin():
            return 0
        self.git.run("push", "--quiet", "origin", REFSPEC)
        return len(refs)

    def fetch_records(self) -> int:
        """Fetch the records that others shared; returns how many refs there are."""
        if not self._has_origin():
            return 0
        self.git.run("fetch", "--quiet", "origin", FETCH_REFSPEC)
        return len(self.git.run("for-each-ref", "--format=%(refname)", "refs/remotes/mlops").split())

    def _has_origin(self) -> bool:
        return "origin" in self.git.run("remote").split()

    def unshared(self) -> Unshared:
        """The commits and tags that ``origin`` does not have yet, as far as it can be asked."""
        if not self._has_origin():
            return Unshared()
        branch = self.git.branch() if self.git.head() else None
        ahead = self.git.run("rev-list", "--count", "HEAD", "--not", "--remotes=origin") if branch else "0"
        upstream = self.git.resolve("@{upstream}")
        try:
            listed = self.git.run("push", "--dry-run", "--porcelain", "--no-verify", "origin", "--tags")
        except EnvironmentFault:
            listed = ""
        tags = sum(line.startswith("*\trefs/tags/") for line in listed.splitlines())
        return Unshared(int(ahead), tags, "" if upstream else branch or "")
