"""A replica of the project: a work tree of git's own, on the same cache, beside which the user's stays untouched.

Runs on older data, trials of a sweep and reproductions work in one. It lives as long as the block that made it;
what a kill leaves behind is swept by the next.
"""

from __future__ import annotations

import configparser
import contextlib
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import attrs

from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.records import Places, Progress, silent
from jupyter_mlops.versioning.datasets import Datasets
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.names import exact, overlaps
from jupyter_mlops.versioning.occupancy import private_folder

QUIET = ("-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")
"""A work tree of ours is no checkout of the user's: no hook runs for it."""


@attrs.frozen
class Replica:
    """A replica, while it is there.

    Attributes
    ----------
    places
        Its root, beside the git directory of the project itself.
    datasets
        The data in it.
    """

    places: Places
    datasets: Datasets

    @property
    def root(self) -> Path:
        """The folder of the project in it."""
        return self.places.root

    def furnish(self, paths: tuple[str, ...], progress: Progress = silent) -> tuple[str, ...]:
        """Bring the data at `paths` (below the root) from the cache; all that pointers name when there are none.

        Returns
        -------
        tuple[str, ...]
            Datasets whose data the cache lacks: a stage that reads them will say so.
        """
        lacking = []
        for dataset, out in self.datasets.pointers():
            if paths and not any(overlaps(path, dataset.name) for path in paths):
                continue
            if self.datasets.workspace.exists(dataset.name):
                continue
            if out.digest and self.datasets.is_stored(out.digest):
                self.datasets.restore(dataset.name, out.digest, progress, is_executable=out.is_executable)
            else:
                lacking.append(dataset.name)
        return tuple(lacking)


@contextlib.contextmanager
def replica(datasets: Datasets, commit: str = "") -> Iterator[Replica]:
    """A replica of `commit`, or of the work tree as it is: tracked changes and new files that git does not ignore.

    Raises
    ------
    UsageError
        ``no-commits``: a repository without a commit has nothing to replicate.
    EnvironmentFault
        ``git-failed``.
    """
    git, places = datasets.git, datasets.places
    wanted = commit or git.head()
    if wanted is None:
        raise UsageError("no-commits", "There is no commit yet.", hint="Commit your work first: git commit.")
    with private_folder(places.claim_scratch() / "replicas") as folder:
        git.run("worktree", "prune")
        top = folder / "tree"
        git.run(*QUIET, "worktree", "add", "--quiet", "--detach", "--", str(top), wanted)
        mine = Places(root=top / places.root.resolve().relative_to(places.repository), git_dir=places.git_dir)
        try:
            if not commit:
                _bring_changes(datasets, top)
            _share_cache(datasets, mine.root)
            yield Replica(mine, Datasets(mine, Git(mine.root)))
        finally:
            _remove(git, top, mine)


def _bring_changes(datasets: Datasets, top: Path) -> None:
    """What HEAD lacks: tracked changes, staged or not, and files that git would add."""
    repository = Git(datasets.places.repository)
    if patch := repository.run("diff", "--binary", "--no-ext-diff", "--no-textconv", "HEAD", "--"):
        Git(top).run("apply", "--whitespace=nowarn", "-", stdin=patch.encode(errors="surrogateescape"))
    known = datasets.all()
    for name in repository.run("ls-files", "-z", "--others", "--exclude-standard").split("\0"):
        source = repository.root / name
        if name and source.is_file() and not source.is_symlink() and not exact(known, name):
            target = top / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _share_cache(datasets: Datasets, root: Path) -> None:
    """Let the replica use the project's own cache; ``.dvc/config.local`` is never committed."""
    local = configparser.ConfigParser(interpolation=None)
    local["cache"] = {"dir": str(datasets.settings.cache.resolve())}
    text = io.StringIO()
    local.write(text)
    folder = root / ".dvc"
    if folder.is_dir():
        (folder / "config.local").write_text(text.getvalue())


def _remove(git: Git, top: Path, places: Places) -> None:
    """Forget the work tree and all that is kept by its name."""
    with contextlib.suppress(EnvironmentFault):
        git.run("worktree", "remove", "--force", "--force", "--", str(top))
    if places.scratch != places.root / ".mlops":
        shutil.rmtree(places.scratch, ignore_errors=True)
    for path in (*places.state.glob(f"*-{places.mark}.*"), places.state / "scratch" / places.mark):
        path.unlink(missing_ok=True)
