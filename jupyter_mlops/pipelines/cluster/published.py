"""What another machine can clone: the commit whose files are those of the work tree, but for what runs write."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.stages.lock import LOCK
from jupyter_mlops.pipelines.stages.specs import StageSpec
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.names import overlaps

REMOTE = "origin"


@attrs.frozen
class Published:
    """What to clone.

    Attributes
    ----------
    repository, commit
        Where from, and what to check out.
    folder
        Where the project is in it, ``.`` for the top.
    """

    repository: str
    commit: str
    folder: str


def published(git: Git, stages: Iterable[StageSpec], repository: str = "") -> Published:
    """The newest pushed commit, provided nothing that stages may read differs from it here.

    ``dvc.lock``, outputs that git keeps and ``.gitignore`` may differ: runs write them, and who runs for us needs none.

    Parameters
    ----------
    repository
        What others clone instead of ``origin``.

    Raises
    ------
    UsageError
        ``no-git-remote``, ``not-pushed``, ``not-committed``.
    """
    address = repository or git.run("config", "--default", "", "--get", f"remote.{REMOTE}.url").strip()
    if not address:
        hint = "git remote add origin ADDRESS, git push -u origin main; or repository = … under [dask] in mlops.toml."
        raise UsageError("no-git-remote", "There is no git remote that workers could clone.", hint=hint)
    commit = _newest_pushed(git)
    folder = git.run("rev-parse", "--show-prefix").strip().rstrip("/") or "."
    if commit is None:
        raise UsageError("not-pushed", "No commit of this branch was pushed yet.", hint=f"git push -u {REMOTE} HEAD")
    written = [posixpath.normpath(posixpath.join(folder, path)) for path in _written(stages)]
    _require_same(git, commit, written)
    return Published(address, commit, folder)


def _newest_pushed(git: Git) -> str | None:
    """The newest commit of the branch that the remote is known to have."""
    if git.head() is None:
        return None
    alone = {*git.run("rev-list", "HEAD", "--not", f"--remotes={REMOTE}").split()}
    known = git.run("rev-list", "--first-parent", f"--max-count={len(alone) + 1}", "HEAD").split()
    return next((commit for commit in known if commit not in alone), None)


def _written(stages: Iterable[StageSpec]) -> Iterator[str]:
    yield LOCK
    yield from (out.path for stage in stages for out in stage.outs)


def _require_same(git: Git, commit: str, written: list[str]) -> None:
    def others(since: str) -> list[str]:
        found = git.run("diff", "--name-only", "--no-ext-diff", "--no-textconv", "--no-relative", "-z", since, "--")
        names = filter(None, found.split("\0"))
        return [
            name
            for name in names
            if posixpath.basename(name) != ".gitignore" and not any(overlaps(name, path) for path in written)
        ]

    if changed := others("HEAD"):
        names = ", ".join(changed[:5])
        hint = "Commit and push: workers clone what was pushed."
        raise UsageError("not-committed", f"{names} differ from the last commit.", hint=hint)
    if changed := others(commit):
        names = ", ".join(changed[:5])
        raise UsageError("not-pushed", f"What is committed in {names} was not pushed yet.", hint="git push")


def require_known(git: Git, paths: Iterable[str]) -> None:
    """Refuse inputs that git should keep and does not.

    Raises
    ------
    UsageError
        ``not-committed``.
    """
    wanted = sorted(path for path in paths if "://" not in path)
    tracked = git.run("ls-files", "-z", "--", *wanted).split("\0")
    lost = [path for path in wanted if not any(name == path or name.startswith(f"{path}/") for name in tracked)]
    if lost:
        line = f"git add {lost[0]}, or commit {lost[0]} when it is data; then push."
        raise UsageError("not-committed", f"{', '.join(lost)}: no commit and no version holds it.", hint=line)
