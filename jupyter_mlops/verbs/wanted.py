"""What is to be moved: datasets as they are now, versions of theirs, registered models."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.verbs.declaration import Call
from jupyter_mlops.verbs.versions import reference as typed

if TYPE_CHECKING:
    from jupyter_mlops.versioning.datasets import Dataset, Datasets
    from jupyter_mlops.versioning.pointers import Out
    from jupyter_mlops.versioning.store import Store
    from jupyter_mlops.versioning.values import Version


@attrs.frozen
class Wanted:
    """What is to be moved.

    Attributes
    ----------
    datasets
        Those whose present content is wanted.
    names
        What each wanted digest stands for: ``data@v3``.
    present
        The digest that each of `datasets` has now.
    optional
        Digests that are welcome but need not be anywhere: those of registered models and old versions.
    """

    datasets: tuple[Dataset, ...]
    names: Mapping[str, str]
    present: Mapping[str, str]
    optional: frozenset[str] = frozenset()

    @property
    def targets(self) -> tuple[str, ...]:
        """The datasets as dvc addresses them."""
        return tuple(dict.fromkeys(_target(one) for one in self.datasets))

    @property
    def digests(self) -> tuple[str, ...]:
        """The versions that are no dataset's present content."""
        return tuple(self.names.keys() - set(self.present.values()))

    def without(self, has: Callable[[str], bool]) -> Wanted:
        """The same, less what `has` says is there."""
        names = {digest: name for digest, name in self.names.items() if not has(digest)}
        datasets = tuple(one for one in self.datasets if self.present[one.name] in names or not self.present[one.name])
        return attrs.evolve(self, datasets=datasets, names=names)


def _target(dataset: Dataset) -> str:
    """The ``.dvc`` file, or the stage that makes the out."""
    if dataset.stage is None:
        return dataset.pointer
    return posixpath.join(posixpath.dirname(dataset.pointer), f"dvc.yaml:{dataset.stage}")


def wanted(call: Call, paths: Sequence[str], *, all_versions: bool, tagged: bool, models: bool) -> Wanted:
    """What `paths` (none: everything) stand for, with their older versions, and registered models."""
    datasets = call.project.datasets
    texts = [typed(call, path) for path in paths]
    references = [text for text in texts if "@" in text and not datasets.knows(text)]
    plain = [datasets.resolve_name(text) for text in texts if text not in references]
    chosen = tuple(plain) if paths else datasets.all()
    present = {one.name: _digest(datasets, one) for one in chosen}
    asked = {one.digest: _label(one) for one in map(datasets.resolve, references)}
    everything = datasets.versions.index.names() if all_versions or tagged else ()
    names = [one.name for one in chosen] if paths else list(everything)
    older = {digest: label for name in names for digest, label in _older(datasets, name, all_versions, tagged)}
    registered = _registered(call) if models else {}
    needed = {**asked, **{digest: name for name, digest in present.items() if digest}}
    optional = frozenset({*registered, *older} - needed.keys())
    return _following(datasets, Wanted(chosen, {**registered, **older, **needed}, present, optional))


def _following(datasets: Datasets, what: Wanted) -> Wanted:
    """`what`, with what took the place of contents that were erased: those are neither sent nor fetched."""
    erased = {digest for digest in what.names if datasets.tombstones.is_erased(digest)}
    if not erased:
        return what
    heirs = {heir: what.names[digest] for digest in erased if (heir := datasets.tombstones.successor(digest))}
    return Wanted(
        tuple(one for one in what.datasets if what.present[one.name] not in erased),
        {**{digest: name for digest, name in what.names.items() if digest not in erased}, **heirs},
        {name: digest for name, digest in what.present.items() if digest not in erased},
        (what.optional - erased) | heirs.keys(),
    )


def with_pushed(call: Call, what: Wanted) -> Wanted:
    """`what`, and whatever the commit names that the upstream branch is known to have."""
    from jupyter_mlops.versioning.blobs import read_blobs
    from jupyter_mlops.versioning.pointers import LOCK_FILE, SUFFIX

    datasets = call.project.datasets
    git = datasets.git
    commit = git.resolve("@{upstream}")
    listed = git.run("ls-tree", "-r", "-z", "--name-only", commit).split("\0") if commit else ()
    pointers = [name for name in listed if name.endswith(SUFFIX) or posixpath.basename(name) == LOCK_FILE]
    blobs = read_blobs(git, [f"{commit}:./{name}" for name in pointers])
    found = {out.digest: name for path in pointers for name, out in _pointed(datasets, f"{commit}:./{path}", blobs)}
    names = {digest: f"{name}@{str(commit)[:7]}" for digest, name in found.items()}
    return attrs.evolve(what, names={**names, **what.names})


def _pointed(datasets: Datasets, blob: str, blobs: Mapping[str, bytes]) -> Iterable[tuple[str, Out]]:
    return datasets.pointed(blob.partition(":./")[2], blobs[blob]).items() if blob in blobs else ()


def _digest(datasets: Datasets, dataset: Dataset) -> str:
    found = datasets.pointer(dataset.name)
    return found[1].digest if found else ""


def _label(version: Version) -> str:
    return f"{version.dataset}@{version.version or version.digest[:8]}"


def _older(datasets: Datasets, name: str, all_versions: bool, tagged: bool) -> Iterator[tuple[str, str]]:  # noqa: FBT001
    """The versions of `name` along the branch, and those with a tag, which may lie elsewhere."""
    if tagged:
        for digest, tags in datasets.versions.tags_by_digest(name).items():
            yield digest, f"{name}@{tags[0]}"
    if all_versions:
        yield from ((one.digest, _label(one)) for one in datasets.history(name))


def _registered(call: Call) -> dict[str, str]:
    """The model files that DVC keeps, by digest."""
    versions = (version for model in call.project.models.all() for version in model.versions)
    return {one.digest: f"{one.model}@{one.label}" for one in versions if one.source == "dvc"}


def stored(store: Store) -> Callable[[str], bool]:
    """Says whether every object of a version is in the cache; the cache is listed once."""
    present = store.present()

    def has(digest: str) -> bool:
        if digest not in present and store.find(digest) is None:
            return False
        return all(one in present or store.find(one) for one in whole(store, digest))

    return has


def whole(store: Store, digest: str) -> Sequence[str]:
    """Every object of a version; of one whose listing is damaged, the listing, which was set aside."""
    with suppress(EnvironmentFault):
        return store.objects(digest)
    return (digest,)
