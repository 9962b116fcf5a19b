"""Git, through git itself: hooks, signing and identity apply; user text never becomes an option."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.records import Actor

INDEX_WAIT_S = 10.0
PLAIN = ("log.showSignature=false", "log.showRoot=true", "log.diffMerges=separate")
"""A history is read whole, whatever somebody likes to see of it."""
TALKS = frozenset({"fetch", "push", "ls-remote"})
"""What may reach another repository; else a missing object would be fetched, by commands that the settings name."""


class Git:
    """The git repository around one project folder.

    Parameters
    ----------
    root
        The folder in which git runs; paths given and returned are relative to it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *arguments: str, stdin: bytes | None = None, environment: dict[str, str] | None = None) -> str:
        """Run ``git ARGUMENTS`` and return what it prints.

        Raises
        ------
        EnvironmentFault
            ``git-failed`` with git's own words as context.
        """
        done = self._spawn(arguments, stdin, environment)
        if done.returncode:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise EnvironmentFault("git-failed", f"git {arguments[0]} failed.", context=said)
        return done.stdout.decode(errors="surrogateescape")

    def succeeds(self, *arguments: str) -> bool:
        """Whether ``git ARGUMENTS`` exits with 0."""
        return self._spawn(arguments, None, None).returncode == 0

    def _spawn(
        self, arguments: Sequence[str], stdin: bytes | None, environment: dict[str, str] | None
    ) -> subprocess.CompletedProcess[bytes]:
        settings = (*PLAIN, "core.quotepath=off", "core.fsmonitor=false")
        command = ["git", *(word for setting in settings for word in ("-c", setting)), *arguments]
        surroundings = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
        if arguments[0] not in TALKS:
            surroundings["GIT_ALLOW_PROTOCOL"] = "none"
        try:
            return subprocess.run(
                command,
                cwd=self.root,
                env={**surroundings, **(environment or {})},
                capture_output=True,
                check=False,
                input=stdin or b"",
            )
        except FileNotFoundError as error:
            raise EnvironmentFault("git-missing", "git is not installed.", hint="Install git 2.30 or newer.") from error

    def head(self) -> str | None:
        """The commit checked out, or None on an unborn branch."""
        return self.resolve("HEAD")

    def resolve(self, revision: str) -> str | None:
        """The commit a revision names, or None."""
        done = self._spawn(
            ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"), None, None
        )
        return done.stdout.decode().strip() or None

    def branch(self) -> str | None:
        """The branch checked out, or None when HEAD is detached."""
        done = self._spawn(("symbolic-ref", "--quiet", "--short", "HEAD"), None, None)
        return done.stdout.decode().strip() or None

    def unfinished(self) -> str | None:
        """``merge``, ``rebase``, ``cherry-pick``, ``revert`` when one waits to be finished, else None."""
        marks = {
            "MERGE_HEAD": "merge",
            "rebase-merge": "rebase",
            "rebase-apply": "rebase",
            "CHERRY_PICK_HEAD": "cherry-pick",
            "REVERT_HEAD": "revert",
        }
        own = Path(self.root, self.run("rev-parse", "--git-dir").strip())
        return next((word for mark, word in marks.items() if (own / mark).exists()), None)

    def author(self) -> Actor | None:
        """Who git would say commits here, or None when git lacks a name or an e-mail."""
        return self._who("author")

    def _who(self, role: str) -> Actor | None:
        """The ``author`` or ``committer`` of git, as its environment and its settings name them."""
        listed = self._spawn(("config", "-z", "--get-regexp", r"^(user|author|committer)\.(name|email)$"), None, None)
        settings = dict(pair.split("\n", 1) for pair in listed.stdout.decode().split("\0") if "\n" in pair)

        def said(field: str) -> str:
            variable = os.environ.get(f"GIT_{role.upper()}_{field.upper()}")
            return variable or settings.get(f"{role}.{field}") or settings.get(f"user.{field}", "")

        name, email = said("name").strip(), said("email").strip() or os.environ.get("EMAIL", "")
        return Actor(name, email) if name and email else None

    def is_tracked(self, path: str) -> bool:
        """Whether git itself tracks `path`, or anything below it."""
        return bool(self.run("ls-files", "-z", "--", path))

    def is_clean(self, path: str) -> bool:
        """Whether the file `path` equals its content in HEAD; no filter of the repository is run to know."""
        held = self._spawn(("cat-file", "blob", f"HEAD:./{path}"), None, None)
        there = self.root / path
        if held.returncode:
            return not there.is_file()
        return there.is_file() and there.read_bytes() == held.stdout

    def commit_only(
        self, paths: Iterable[str], message: str, author: Actor, *, untrack: Sequence[str] = ()
    ) -> str | None:
        """Commit exactly `paths`; whatever else is staged stays staged.

        Hooks, ``commit.gpgsign`` and ignore rules apply. Returns the new commit, or None
        when `paths` hold nothing new. What `untrack` names leaves git but stays in the workspace.

        Raises
        ------
        UsageError
            ``unfinished-merge``, ``detached-head``.
        EnvironmentFault
            ``git-failed``, such as a hook that refused.
        """
        chosen = sorted(set(paths))
        if not chosen or self._nothing_new([*chosen, *untrack]):
            return None
        self.require_committable()
        there = [path for path in chosen if (self.root / path).exists()]
        if untrack:
            self._commit_untracking(there, message, author, untrack)
        else:
            self._patiently("add", "--intent-to-add", "--", *there)
            self._patiently("commit", "-q", "--only", "-m", message, "--", *chosen, environment=self.identity(author))
        return self.head()

    def _commit_untracking(self, paths: Sequence[str], message: str, author: Actor, untrack: Sequence[str]) -> None:
        """Commit by way of an index of its own: ``--only`` would add again what lies in the workspace."""
        with tempfile.TemporaryDirectory() as folder:
            own = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            if self.head():
                self.run("read-tree", "HEAD", environment=own)
            self.run("rm", "-r", "-q", "--cached", "--ignore-unmatch", "--", *untrack, environment=own)
            self.run("add", "--", *paths, environment=own)
            self.run("commit", "-q", "-m", message, environment={**own, **self.identity(author)})
        self._patiently("rm", "-r", "-q", "--cached", "--ignore-unmatch", "--", *untrack)
        self._patiently("add", "--", *paths)

    def _patiently(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        """Run git, waiting for another git that holds the index."""
        deadline = time.monotonic() + INDEX_WAIT_S
        while True:
            try:
                self.run(*arguments, environment=environment)
            except EnvironmentFault as error:
                if "index.lock" not in error.context or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def tag(self, name: str, commit: str, message: str, author: Actor, *, seconds: int | None = None) -> None:
        """Make an annotated tag; it is signed when ``tag.gpgsign`` says so.

        Parameters
        ----------
        seconds
            The time written into it, since the epoch; now when None.
        """
        dated = {} if seconds is None else {"GIT_COMMITTER_DATE": f"@{seconds} +0000"}
        environment = {**self.identity(author), **dated}
        self.run("tag", "--annotate", "--message", message, "--", name, commit, environment=environment)

    def require_committable(self) -> None:
        """Raise the error that explains why a commit cannot be made now, if one cannot."""
        if word := self.unfinished():
            raise UsageError(
                "unfinished-merge",
                f"A {word} is in progress.",
                hint=f"Finish it (git {word} --continue) or drop it (git {word} --abort), then repeat.",
            )
        if self.branch() is None:
            raise UsageError(
                "detached-head",
                "HEAD is detached: a commit made here would belong to no branch.",
                hint=f"git switch -c NAME keeps the work, or git switch {self._home()} goes back; or use --no-git.",
            )

    def _home(self) -> str:
        """The branch that a detached HEAD came from, else the newest."""
        before = self._spawn(("rev-parse", "--abbrev-ref", "@{-1}"), None, None).stdout.decode().strip()
        if before and not before.startswith("@") and before != "HEAD":
            return before
        newest = ("for-each-ref", "--count=1", "--sort=-committerdate", "--format=%(refname:short)", "refs/heads")
        return self.run(*newest).strip() or "main"

    def _nothing_new(self, paths: Sequence[str]) -> bool:
        """Whether HEAD holds `paths` as they are; a git that was killed may have moved HEAD, and not its index."""
        said = self._changes(paths)
        if any(each[:1] not in " ?!" for each in said.split("\0")) and all(self.is_clean(path) for path in paths):
            self._patiently("reset", "-q", "--", *paths)
            said = self._changes(paths)
        return not said

    def _changes(self, paths: Sequence[str]) -> str:
        return self.run("status", "--porcelain", "-z", "--", *paths)

    def identity(self, author: Actor) -> dict[str, str]:
        """The environment under which git records `author`; git's own settings decide unless one was given."""
        email = author.email or f"{author.name.replace(' ', '.').lower()}@localhost"
        lacking = [] if self._who("author") and author.source != "given" else ["AUTHOR"]
        lacking += [] if self._who("committer") else ["COMMITTER"]
        fields = {"NAME": author.name, "EMAIL": email}
        return {f"GIT_{role}_{field}": text for role in lacking for field, text in fields.items()}
