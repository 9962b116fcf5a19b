"""Remotes: the one place that runs the real DVC, in a process of its own.

A process, because DVC prints, changes the current folder, and keeps locks per process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.records import Places
from jupyter_mlops.versioning import transfer
from jupyter_mlops.versioning.content import LEGACY_MD5, MD5
from jupyter_mlops.versioning.dvc_settings import DvcSettings
from jupyter_mlops.versioning.founding import FETCH_REFSPEC
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.ledger import REFSPEC
from jupyter_mlops.versioning.store import Store
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

    def push(self, targets: Sequence[str], digests: Iterable[str], remote: str) -> Answer:
        """Send the objects of `targets` (pointers or stages) and of the versions `digests` to `remote`.

        Raises
        ------
        EnvironmentFault
            ``remote-failed``.
        """
        store = Store(self.settings)
        named = sorted({one for digest in digests for one in store.objects(digest)})
        return self._transfer(Request("push", remote, targets, [(store.algorithm(one), one) for one in named]))

    def fetch(self, targets: Sequence[str], digests: Iterable[str], remote: str) -> Answer:
        """Bring the objects of `targets`, and the files `digests`, into the cache.

        A file of `digests` that the remote lacks is no error.

        Raises
        ------
        EnvironmentFault
            ``remote-failed``.
        """
        # Which of its two layouts an object has in the remote is known only where it is.
        named = [(algorithm, digest) for digest in sorted(set(digests)) for algorithm in (MD5, LEGACY_MD5)]
        return self._transfer(Request("fetch", remote, targets, named))

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

    def _transfer(self, request: Request) -> Answer:
        command = [sys.executable, "-P", "-m", transfer.__name__]
        surroundings = {**os.environ, "DVC_SITE_CACHE_DIR": str(self._site_cache()), "DVC_NO_ANALYTICS": "1"}
        done = subprocess.run(
            command,
            cwd=self.places.root,
            env=surroundings,
            input=json.dumps(attrs.asdict(request)),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            said = [line for line in (done.stderr or done.stdout).splitlines() if line.startswith("ERROR")]
            raise EnvironmentFault(
                "remote-failed",
                f"dvc {request.direction} failed. What had arrived by then stays; nothing else was changed.",
                context="\n".join(said) or done.stderr.strip()[-500:],
                hint="Check the address and the credentials of the remote: dvc remote list.",
            )
        answer = json.loads(done.stdout.splitlines()[-1])
        return Answer(tuple(answer["moved"]), tuple(answer["missing"]))

    def _site_cache(self) -> Path:
        """A private folder: DVC's own default can be written by everybody and holds pickles."""
        folder = self.places.state / "dvc-site"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        return folder
