"""Erasure across all stores: versions, cache, remote, workspace, and whatever was made from them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path

import attrs

from jupyter_mlops.profiles.redaction import Subject, without_rows
from jupyter_mlops.profiles.unsearched import doubts
from jupyter_mlops.records import Actor, Progress, now
from jupyter_mlops.versioning.collecting import Collecting
from jupyter_mlops.versioning.committing import Committing
from jupyter_mlops.versioning.consumers import Consumer, Use
from jupyter_mlops.versioning.datasets import Datasets
from jupyter_mlops.versioning.erasing import Erasing, Search, files_of, going, new_erasure_id, text_in
from jupyter_mlops.versioning.heirs import keep
from jupyter_mlops.versioning.inventory import Inventory
from jupyter_mlops.versioning.journal import Journal
from jupyter_mlops.versioning.pointers import SUFFIX
from jupyter_mlops.versioning.reach import versions
from jupyter_mlops.versioning.remotes import Remotes
from jupyter_mlops.versioning.tombstones import ERASED, Tombstone
from jupyter_mlops.versioning.transfer import Request

NAMED_COMMITS = 5
NAMED_FILES = 3


@attrs.frozen
class Outcome:
    """What left the cache, and the commit that says so."""

    objects: int
    bytes: int
    git_commit: str | None


class Erasure:
    """Erases from one project.

    Parameters
    ----------
    datasets
        Its datasets.
    consumers
        Whatever may hold something of them.
    remotes
        Its remotes.
    remote
        The one from which it goes as well; "" for none.
    others
        Further projects that share the cache: what they need stays.
    """

    def __init__(
        self,
        datasets: Datasets,
        consumers: Sequence[Consumer],
        remotes: Remotes,
        remote: str,
        others: Sequence[Datasets] = (),
    ) -> None:
        self._datasets = datasets
        self._consumers = consumers
        self._remotes = remotes
        self._remote = remote
        self._others = others

    def versions(self, names: Collection[str], progress: Progress) -> list[tuple[str, str]]:
        """Dataset and digest of every version of `names` (all datasets when empty), brought here where possible."""
        found = [pair for pair in versions(self._datasets.git) if not names or pair[0] in names]
        held = Inventory(self._datasets.store, self._datasets.tombstones)
        absent = [digest for _, digest in found if not held.is_whole(digest)]
        lost = [digest for digest in absent if not self._datasets.tombstones.is_erased(digest)]
        if lost and self._remote:
            self._remotes.move(Request("fetch", self._remote, digests=lost), progress)
        return found

    def search(
        self, found: Sequence[tuple[str, str]], path: str, subject: Subject | None, progress: Progress, *, keep: bool
    ) -> Search:
        """Which of the versions `found` hold `path`, or rows of `subject`.

        Parameters
        ----------
        keep
            Store what takes the place of what goes; the caller holds `Store.in_use`.
        """
        erasing = Erasing(self._datasets, keep=keep)
        if subject is None:
            return erasing.paths(found, path)
        return erasing.rows(found, partial(_redacted, subject), progress)

    def require_saved(self, search: Search) -> None:
        """Refuse while the workspace holds what no version does; see `Erasing.require_saved`."""
        Erasing(self._datasets).require_saved([each.dataset for each in search.affected])

    def uses(self, search: Search) -> tuple[Use, ...]:
        """What was made from what goes, or remembers it."""
        return tuple(use for consumer in self._consumers for use in consumer.uses(set(search.contents)))

    def unreached(self, found: Sequence[tuple[str, str]], search: Search, subject: Subject | None) -> Iterator[str]:
        """What stays all the same, in words that name no person."""
        if search.unseen:
            names = ", ".join(sorted({dataset for dataset, _ in search.unseen}))
            yield f"{len(search.unseen)} versions are neither in the cache nor on a remote: {names}"
        if subject:
            yield from self._doubtful(found, search, subject)
            yield from self._notebooks(subject)
        yield from self._elsewhere(search)
        if subject and self._loose(found, search, subject):
            yield "objects that no version names, such as those of a dvc add that was not committed: gc"
        yield "clones, caches and backups of others: they erase in theirs"

    def _elsewhere(self, search: Search) -> Iterator[str]:
        """Stores of this machine that are left alone: other remotes, worktrees, projects."""
        for name in self._remotes.settings.remotes:
            if name != self._remote:
                yield f"the remote {name}: erase --remote {name}"
        if self._datasets.git.run("worktree", "list", "--porcelain").count("worktree ") > 1:
            yield "the files in other worktrees: checkout DATASET@HEAD there, after git pull or merge"
        if shared := Collecting(self._datasets, self._others).elsewhere() & search.contents.keys():
            yield f"{len(shared)} versions that another project of the same cache has: erase there"

    def _loose(self, found: Sequence[tuple[str, str]], search: Search, subject: Subject) -> bool:
        """Whether objects that nothing names hold the text; what takes the place of others is named soon."""
        collecting = Collecting(self._datasets, self._others)
        held = collecting.inventory()
        loose = held.sizes.keys() - collecting.needed({digest for _, digest in found}, held)
        if loose := loose - set(search.contents.values()):  # seldom any: all of git is not asked for nothing
            loose -= collecting.needed(collecting.versions(), held)
        paths = map(self._datasets.store.find, loose)
        return any(path and text_in(path, subject.value) for path in paths)

    def _doubtful(self, found: Sequence[tuple[str, str]], search: Search, subject: Subject) -> Iterator[str]:
        """Files that were not searched for rows, or that may hold the value all the same."""
        files: dict[str, dict[str, None]] = {}
        for path, location in files_of(self._datasets, found, set(search.contents)):
            for doubt in doubts(location, path, subject):
                files.setdefault(doubt, {})[path] = None
        for doubt, paths in files.items():
            more = f" and {len(paths) - NAMED_FILES} more" if len(paths) > NAMED_FILES else ""
            yield f"{', '.join(list(paths)[:NAMED_FILES])}{more} {doubt} (erase --path FILE erases a whole file)"

    def _notebooks(self, subject: Subject) -> Iterator[str]:
        """Commits whose notebooks hold the text: git's history is never rewritten."""
        git = self._datasets.git
        for what, paths in (("notebooks", ["*.ipynb"]), ("other files", [".", ":(exclude)*.ipynb"])):
            commits = git.run("log", "--all", "--format=%h", f"-S{subject.value}", "--", *paths).split()
            if commits:
                more = f" and {len(commits) - NAMED_COMMITS} more" if len(commits) > NAMED_COMMITS else ""
                yield f"{what} in git's history hold the text: commits {', '.join(commits[:NAMED_COMMITS])}{more}"

    def begin(self, search: Search, what: str, reason: str, actor: Actor) -> Journal:
        """Note what is to be done, so that a kill cannot leave it half done for ever.

        The caller still holds `Store.in_use`: what takes the place of what goes is named before anybody collects.
        """
        stone = Tombstone(new_erasure_id(), ERASED, now(), actor, what, reason, search.contents, search.rows)
        here = {dataset.name: out.digest for dataset, out in self._datasets.pointers()}
        follow = tuple(sorted(name for name, digest in here.items() if digest in search.contents))
        others = tuple(str(each.places.root) for each in self._others)
        self._keep(search)
        journal = Journal(stone, follow, self._remote, others)
        journal.write(self._datasets.places)
        self._datasets.tombstones.append(stone)
        return journal

    def _keep(self, search: Search) -> None:
        """Keep what takes the place of what goes from plain ``dvc gc``, which finds no commit that names it."""
        held = Inventory(self._datasets.store, self._datasets.tombstones)
        heirs = {heir for heir in search.contents.values() if heir}
        objects = {one for heir in heirs for one in held.objects(heir)}
        keep(self._datasets.store, sorted(objects), shared=self._datasets.settings.shared)

    def carry_out(self, journal: Journal, author: Actor, progress: Progress, *, git: bool = True) -> Outcome:
        """Do all of `journal`; every step may be done again after a kill."""
        places, contents = self._datasets.places, journal.tombstone.contents
        self._datasets.tombstones.append(journal.tombstone)
        collecting = Collecting(self._datasets, self._others)
        with collecting.alone():
            held = collecting.inventory()
            needed = collecting.needed((collecting.versions() - contents.keys()) | collecting.elsewhere(), held)
            gone = going(contents, needed, held)
            freed = collecting.remove(gone, progress)
            self._datasets.store.forget_damaged()
        for consumer in self._consumers:
            consumer.forget(contents.keys())
        commit = self._follow(journal, author, progress, git=git)
        if journal.remote:
            heirs = sorted({heir for heir in contents.values() if heir})
            self._remotes.move(Request("push", journal.remote, digests=heirs), progress)
            self._remotes.move(Request("delete", journal.remote, digests=sorted(contents.keys() - needed)), progress)
        journal.finish(places)
        return Outcome(len(gone), freed, commit)

    def _follow(self, journal: Journal, author: Actor, progress: Progress, *, git: bool) -> str | None:
        """Bring the workspace to what took the place of what went; data gets a new version, stages run again."""
        datasets, committing = self._datasets, Committing(self._datasets)
        here = {dataset.name: (dataset, out) for dataset, out in datasets.pointers()}
        names = []
        for name in journal.datasets:
            if name not in here or here[name][1].digest not in journal.tombstone.contents:
                continue
            dataset, out = here[name]
            if heir := datasets.tombstones.successor(out.digest):
                datasets.restore(name, heir, progress, is_executable=out.is_executable)
            else:
                datasets.restoring.remove(name)
            if dataset.kind == "data":
                names.append(name)
        with datasets.store.in_use(), datasets.publisher.turn():
            left = [name for name in names if datasets.workspace.exists(name)]
            drafts = [committing.draft(name, progress) for name in left]
            written = committing.publish(drafts, {}) if drafts else ()
            lost = [name + SUFFIX for name in names if name not in left]
            for pointer in lost:
                (datasets.places.root / pointer).unlink(missing_ok=True)
            message = f"data: erase {journal.tombstone.what}"
            paths = {*written, *lost, *self._moved_on(journal)}
            return datasets.git.commit_only(paths, message, author) if git and paths else None

    def _moved_on(self, journal: Journal) -> Iterator[str]:
        """Pointers that had been rewritten, or removed, when the erasure was cut off: no commit may hold them yet."""
        heirs = set(journal.tombstone.contents.values())
        here = {dataset.name: out.digest for dataset, out in self._datasets.pointers() if dataset.kind == "data"}
        for name in journal.datasets:
            pointer = name + SUFFIX
            if here[name] in heirs if name in here else self._datasets.git.is_tracked(pointer):
                yield pointer


def _redacted(subject: Subject, source: Path, name: str, target: Path) -> int | None:
    return without_rows(source, name, target, subject)
