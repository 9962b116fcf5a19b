"""Remotes: the one place that runs the real DVC, in a process of its own.

A process, because DVC prints, changes the current folder, and keeps locks per process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import attrs

from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.records import Places
from jupyter_mlops.versioning.dvc_settings import DvcSettings
from jupyter_mlops.versioning.founding import FETCH_REFSPEC
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.ledger import REFSPEC


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

    def push(self, targets: Sequence[str], remote: str) -> None:
        """Send the objects of `targets` (pointers or stages; none: all) to `remote`."""
        self.dvc("push", "-r", remote, "--", *targets)

    def fetch(self, targets: Sequence[str], remote: str) -> None:
        """Bring the objects of `targets` into the cache."""
        self.dvc("fetch", "-r", remote, "--", *targets)

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

    def dvc(self, *arguments: str) -> str:
        """Run ``dvc ARGUMENTS`` in the project and return what it prints.

        Raises
        ------
        EnvironmentFault
            ``remote-failed`` with DVC's last words.
        """
        command = [sys.executable, "-m", "dvc", *arguments]
        surroundings = {**os.environ, "DVC_SITE_CACHE_DIR": str(self._site_cache()), "DVC_NO_ANALYTICS": "1"}
        done = subprocess.run(
            command,
            cwd=self.places.root,
            env=surroundings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            said = [line for line in (done.stderr or done.stdout).splitlines() if line.startswith("ERROR")]
            raise EnvironmentFault(
                "remote-failed",
                f"dvc {arguments[0]} failed. What had arrived by then stays; nothing else was changed.",
                context="\n".join(said) or done.stderr.strip()[-500:],
                hint="Check the address and the credentials of the remote: dvc remote list.",
            )
        return done.stdout

    def _site_cache(self) -> Path:
        """A private folder: DVC's own default can be written by everybody and holds pickles."""
        folder = self.places.state / "dvc-site"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        return folder
