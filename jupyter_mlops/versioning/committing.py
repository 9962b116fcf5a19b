"""New versions: what may become one, its content saved, its pointer published."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

import attrs

from jupyter_mlops.errors import EnvironmentFault, UsageError, nearest
from jupyter_mlops.records import Actor, Progress, silent
from jupyter_mlops.versioning.content import Content, FileChanges
from jupyter_mlops.versioning.datasets import Dataset, Datasets
from jupyter_mlops.versioning.dvcignore import DvcIgnore
from jupyter_mlops.versioning.founding import uncommitted_dvc_files
from jupyter_mlops.versioning.pointers import COLUMNS, ROWS, ROWS_OF, SUFFIX, render
from jupyter_mlops.versioning.publishing import Publication

MOST_COLUMNS = 500
"""A wider table would make its pointer, which git diffs line by line, hard to read."""


@attrs.frozen
class Draft:
    """A version about to be published.

    Attributes
    ----------
    name
        The dataset.
    before
        The digest that its pointer names now; empty for a new dataset.
    change
        The files that differ from it.
    adopted
        Whether git tracked the data until now.
    recorded
        ``v1``, when a commit of this branch holds this content already.
    is_head
        Whether HEAD holds this content.
    rows_before
        Rows of the version `before`, when its pointer tells them.
    rows, rows_added
        Rows of the table, and how many more than before; None when they were not counted.
    columns
        Its columns and their types; empty when they were not looked at.
    """

    name: str
    before: str
    content: Content
    change: FileChanges
    adopted: bool = False
    recorded: str | None = None
    is_head: bool = False
    rows_before: int | None = None
    rows: int | None = None
    rows_added: int | None = None
    columns: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def pointer(self) -> str:
        """The ``.dvc`` file."""
        return self.name + SUFFIX

    @property
    def is_unchanged(self) -> bool:
        """Whether the pointer names this very content already."""
        return self.content.digest == self.before

    @property
    def counted(self) -> dict[str, object]:
        """What ``meta`` of the pointer says of rows and columns; that of unchanged data stays as it is."""
        if self.is_unchanged:
            return {}
        columns = dict(self.columns) if len(self.columns) <= MOST_COLUMNS else {}
        told = self.content.digest if self.rows is not None else None
        return {ROWS: self.rows, ROWS_OF: told, COLUMNS: columns or None}


class Committing:
    """Makes versions of data.

    Parameters
    ----------
    datasets
        The datasets of the project.
    """

    def __init__(self, datasets: Datasets) -> None:
        self._datasets = datasets
        self._git = datasets.git
        self._tracked: dict[str, bool] = {}

    def changed(self) -> tuple[str, ...]:
        """Every dataset whose content, or whose pointer, no commit holds yet."""
        states = [state for state in self._datasets.states() if state.kind == "data"]
        return tuple(
            state.path for state in states if state.state == "changed" or self._is_pointer_new(state.path + SUFFIX)
        )

    def _is_pointer_new(self, pointer: str) -> bool:
        return (self._git.root / pointer).exists() and not self._git.is_clean(pointer)

    def targets(self, paths: Iterable[str], *, adopt: bool) -> tuple[str, ...]:
        """The datasets that `paths` (below the root) stand for, each allowed to become a version.

        Raises
        ------
        UsageError
            ``stage-output``, ``tracked-by-git``, ``not-data``, ``no-such-file``.
        """
        known = self._datasets.all()
        names = [name for path in paths for name in self._named(path, known)]
        for name in names:
            self._require_data(name, known, adopt=adopt)
        return tuple(dict.fromkeys(names))

    def _named(self, path: str, known: Sequence[Dataset]) -> list[str]:
        for dataset in known:
            if path in {dataset.name, dataset.name + SUFFIX} or path.startswith(dataset.name + "/"):
                return [dataset.name]
        below = [one.name for one in known if one.kind == "data" and (path == "." or one.name.startswith(path + "/"))]
        if below:
            return below
        if not self._datasets.workspace.exists(path):
            return [self._datasets.find(path).name if self._datasets.knows(path) else self._no_file(path, known)]
        return [path]

    def _no_file(self, path: str, known: Sequence[Dataset]) -> NoReturn:
        near = nearest(path, [one.name for one in known], likeness_ratio=0.5)
        hint = f"Did you mean {near}?" if near else "Name a file or a folder that is there: commit data/prices.csv."
        raise UsageError("no-such-file", f"There is no file {path}.", hint=hint)

    def missing(self) -> tuple[str, ...]:
        """Datasets whose pointer is here and whose data is not."""
        return tuple(
            one.name
            for one in self._datasets.all()
            if one.kind == "data" and not self._datasets.workspace.exists(one.name)
        )

    def left_out(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Files below `paths` that neither git nor a dataset tracks: a folder of datasets stands for those only."""
        known = self._datasets.all()
        above = [path for path in paths if path != "." and any(one.name.startswith(path + "/") for one in known)]
        if not above:
            return ()
        listed = self._git.run("ls-files", "-z", "--others", "--exclude-standard", "--", *above).split("\0")
        return tuple(name for name in listed if name and not self._is_kept(name, known))

    def _is_kept(self, name: str, known: Sequence[Dataset]) -> bool:
        """Whether the untracked file `name` is a dataset, a pointer, or kept out on purpose."""
        if name.endswith((SUFFIX, "/.gitignore")) or any(f"{name}/".startswith(f"{one.name}/") for one in known):
            return True
        return DvcIgnore(self._git.root, posixpath.dirname(name)).excludes_whole(name)

    def _require_data(self, name: str, known: Sequence[Dataset], *, adopt: bool) -> None:
        made_by = next((one.stage for one in known if one.name == name and one.stage), None)
        if made_by:
            raise UsageError(
                "stage-output",
                f"{name} is made by the stage {made_by}.",
                hint=f"run {made_by} makes a new version of it.",
            )
        if name == "." or name.split("/", maxsplit=1)[0] in {".git", ".dvc", ".mlops"} or name.endswith(SUFFIX):
            raise UsageError(
                "not-data", f"{name} is not data.", hint="Name a file or a folder: commit data/prices.csv."
            )
        if not self._datasets.workspace.exists(name):
            raise UsageError("no-such-file", f"{name} is not in the workspace.", hint=f"checkout {name} puts it back.")
        if not adopt and self._is_tracked(name):
            raise UsageError(
                "tracked-by-git",
                f"{name} is already tracked by git.",
                hint=f"commit {name} --adopt moves it over: git lets go of it, the file stays.",
            )

    def draft(self, name: str, progress: Progress = silent, *, save: bool = True) -> Draft:
        """Look at `name` and, with `save`, bring its content into the cache; no pointer is touched."""
        workspace = self._datasets.workspace
        content = workspace.save(name, progress) if save else workspace.scan(name, progress=progress)
        pointer = self._datasets.pointer(name)
        if self._datasets.tombstones.is_erased(content.digest):
            raise UsageError(
                "erased-data",
                f"{name} holds what was erased. No version was made.",
                hint=f"checkout {name}@HEAD puts what is left of it in its place (in a clone after git pull).",
            )
        before, rows = (pointer[1].digest, pointer[1].rows) if pointer else ("", None)
        change = self._datasets.changes(content, before)
        known = self._datasets.recorded(name, content.digest, tagged=False)
        is_head = self._datasets.versions.index.digest_at(name) == content.digest
        version = known.version if known else None
        return Draft(name, before, content, change, self._is_tracked(name), version, is_head, rows)

    def _is_tracked(self, name: str) -> bool:
        """Whether git tracks the data `name`; asked once."""
        if name not in self._tracked:
            self._tracked[name] = self._git.is_tracked(name)
        return self._tracked[name]

    def publish(self, drafts: Sequence[Draft], meta: Mapping[str, object]) -> tuple[str, ...]:
        """Write the pointers of `drafts`; returns every path that git should commit.

        The caller holds `Publisher.turn`.
        """
        root = self._git.root
        founding = {name: text.encode() for name, text in uncommitted_dvc_files(self._git).items()}
        pointers = {
            draft.pointer: render(
                root / draft.pointer, posixpath.basename(draft.name), draft.content, {**meta, **draft.counted}
            )
            for draft in drafts
        }
        ignored = [draft.name for draft in drafts]
        written = self._datasets.publisher.publish(Publication({**founding, **pointers}, ignored))
        for draft in drafts:
            self._datasets.restoring.relink(draft.name, draft.content)
        return written

    def commit(self, drafts: Sequence[Draft], paths: Sequence[str], message: str, author: Actor) -> str | None:
        """Commit the published `paths`; data that git tracked leaves git.

        Raises
        ------
        EnvironmentFault
            ``git-failed``: the data is in the cache, and a repeated commit takes it from there.
        """
        untrack = [draft.name for draft in drafts if draft.adopted]
        try:
            return self._git.commit_only(paths, message, author, untrack=untrack)
        except EnvironmentFault as error:
            message = f"{', '.join(draft.name for draft in drafts)}: saved in the cache, but git made no commit."
            hint = "Mend what git says, then commit again."
            raise EnvironmentFault(error.reference, message, context=error.context, hint=hint) from error
