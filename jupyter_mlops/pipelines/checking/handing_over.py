"""What a check made, handed over: ``dvc.lock`` on a branch of its own, for people to merge."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.records import Actor
from jupyter_mlops.versioning.git import Git


def commit_aside(git: Git, paths: Sequence[str], message: str, author: Actor) -> str:
    """A commit on top of HEAD with `paths` as they lie in the workspace; no branch, index or file is touched."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
        git.run("read-tree", "HEAD", environment=own)
        git.run("add", "--force", "--", *paths, environment=own)
        tree = git.run("write-tree", environment=own).strip()
    words = ("commit-tree", tree, "-p", "HEAD", "-m", message)
    return git.run(*words, environment=git.identity(author)).strip()


def push_branch(git: Git, commit: str, branch: str, remote: str = "origin") -> str:
    """Let `branch` of `remote` be `commit`; the reason when the remote refuses, empty when it did not.

    A branch of an earlier check is replaced, but only as long as nobody else moved it since it was looked at.
    """
    reference = f"refs/heads/{branch}"
    try:
        known = git.run("ls-remote", "--", remote, reference).split("\t")[0]
        git.run("push", "--quiet", f"--force-with-lease={reference}:{known}", "--", remote, f"{commit}:{reference}")
    except EnvironmentFault as error:
        return error.context.splitlines()[-1] if error.context else error.message
    return ""


def deepen(git: Git, remote: str = "origin") -> str:
    """Fetch the history that a shallow clone lacks, without old file contents; why not, when that fails."""
    if git.run("rev-parse", "--is-shallow-repository").strip() != "true":
        return ""
    try:
        git.run("fetch", "--quiet", "--unshallow", "--", remote)
    except EnvironmentFault as error:
        return f"The clone is shallow, and stays so: {(error.context or error.message).splitlines()[-1]}"
    return ""
