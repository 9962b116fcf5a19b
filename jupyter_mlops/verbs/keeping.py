"""Keeping and letting go: retain, gc."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import attrs

from jupyter_mlops.governance.roles import Action
from jupyter_mlops.project import Project
from jupyter_mlops.records import Instant, new_id, now
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb
from jupyter_mlops.verbs.versions import Paths
from jupyter_mlops.verbs.versions import reference as typed

if TYPE_CHECKING:
    from jupyter_mlops.versioning.collecting import Collecting
    from jupyter_mlops.versioning.datasets import Dataset, Version
    from jupyter_mlops.versioning.inventory import Inventory

Folders = Annotated[tuple[str, ...], Option(names=Names.PATH)]


@attrs.frozen
class Collected:
    """What `gc` removed, or would remove.

    Attributes
    ----------
    objects, bytes
        Removed from the cache.
    kept
        Objects that stay because a version needs them.
    """

    objects: int
    bytes: int
    kept: int
    dry_run: bool = False


@verb(Group.DATA, Action.DATA)
def gc(
    call: Call,
    *,
    also: Folders = (),
    alone: bool = False,
    force: bool = False,
    dry_run: bool = False,
) -> Collected:
    """Remove objects from the cache that no version needs.

    A version counts while a commit of any branch, tag, stash or reflog names it, or a pointer of a workspace, staged
    or not, or DVC's run cache. Whoever is committing meanwhile is waited for, and loses nothing.

    Parameters
    ----------
    also
        Further projects that share this cache: their versions count too.
    alone
        No other project uses this cache, though it lies outside of this one.
    force
        Go on although lists of files are lost, so that some versions need nobody knows what.
    dry_run
        Say what would go; remove nothing.
    """
    from jupyter_mlops.versioning.collecting import Collecting, require_own_cache

    datasets = call.project.datasets
    others = [Project.find(call.folder / folder).datasets for folder in also]
    require_own_cache(datasets, others, alone=alone)
    collecting = Collecting(datasets, others)
    with nullcontext() if dry_run else collecting.alone():
        held = collecting.inventory()
        unneeded = collecting.unneeded(held, force=force)
        freed = sum(unneeded.values()) if dry_run else collecting.remove(unneeded, call.progress)
    return Collected(len(unneeded), freed, len(held.sizes) - len(unneeded), dry_run)


@attrs.frozen
class RetainedVersion:
    """A version and what the rules say of it.

    Attributes
    ----------
    state
        ``kept``, ``expired`` (its data goes, or went just now) or ``gone`` (its data is not in the cache).
    reason
        Which rule or pin decides.
    bytes
        Its size; versions share files, so the sum is more than what goes.
    """

    dataset: str
    version: str
    label: str
    digest: str
    time: Instant
    state: str
    reason: str
    bytes: int


@attrs.frozen
class Retained:
    """What the retention rules do.

    Attributes
    ----------
    objects, freed_bytes
        What goes, or went, from the cache.
    note
        Where rules are written, when there are none.
    """

    versions: tuple[RetainedVersion, ...]
    objects: int
    freed_bytes: int
    dry_run: bool = False
    note: str = ""


@verb(Group.DATA, Action.ADMINISTER)
def retain(
    call: Call,
    paths: Paths = (),
    *,
    also: Folders = (),
    alone: bool = False,
    dry_run: bool = False,
) -> Retained:
    """Let go of versions whose time is over, by the rules of ``[retention]`` in ``mlops.toml``.

    Their data leaves the cache; their entries in the history stay. A version is held whatever its age by a tag, by a
    branch that ends with it, by the workspace, by its registration as a model, and by a deployed model made from it.

    Parameters
    ----------
    paths
        Datasets; none means all.
    also
        Further projects that share this cache: their versions count too.
    alone
        No other project uses this cache, though it lies outside of this one.
    dry_run
        Say what would go and what that frees; remove nothing.
    """
    from jupyter_mlops.versioning.collecting import Collecting, require_own_cache
    from jupyter_mlops.versioning.journal import Journal
    from jupyter_mlops.versioning.retention import require_known

    datasets = call.project.datasets
    Journal.require_none(datasets.places)
    rules = call.project.section("retention")
    require_known(rules, list(datasets.versions.index.names()))
    others = [Project.find(call.folder / folder).datasets for folder in also]
    require_own_cache(datasets, others, alone=alone)
    wanted = [datasets.resolve_name(typed(call, path)) for path in paths] if paths else _every(call.project)
    collecting = Collecting(datasets, others)
    with nullcontext() if dry_run else collecting.alone():
        held = collecting.inventory()
        pins = {held.standing(digest): why for digest, why in _pins(call.project).items()}
        judged = tuple(each for dataset in wanted for each in _judged(call.project, dataset, pins, held))
        objects = _expired(judged, collecting, held)
        if not dry_run:
            _bury(call, judged, objects, held)
        freed = sum(objects.values()) if dry_run else collecting.remove(objects, call.progress)
    return Retained(judged, len(objects), freed, dry_run, _about(rules, judged))


def _bury(call: Call, judged: tuple[RetainedVersion, ...], objects: Collection[str], held: Inventory) -> None:
    """Say of every version that goes that its time was over, before it goes; of what was erased, of its heir."""
    from jupyter_mlops.versioning.tombstones import RETIRED, Tombstone

    over = [each.digest for each in judged if each.state == "expired"]
    heirs = [heir for digest in over if (heir := held.standing(digest)) in objects]
    if over:
        words = f"{len(over)} version{'s' * (len(over) > 1)}"
        gone = dict.fromkeys([*over, *heirs], "")
        call.project.datasets.tombstones.append(
            Tombstone(new_id("retired"), RETIRED, now(), call.actor, words, "its time was over", gone)
        )


def _every(project: Project) -> list[Dataset]:
    return [project.datasets.resolve_name(name) for name in project.datasets.versions.index.names()]


def _about(rules: Mapping[str, object], judged: tuple[RetainedVersion, ...]) -> str:
    if rules or any("its time" in each.reason for each in judged):
        return ""
    return "No rule says when a version goes. A table [retention] in mlops.toml does: keep_last = 10."


def _expired(judged: tuple[RetainedVersion, ...], collecting: Collecting, held: Inventory) -> dict[str, int]:
    """The objects that only expired versions need; what nothing at all needs is left to `gc`."""
    dropped = {(each.dataset, each.digest) for each in judged if each.state == "expired"}
    if not dropped:
        return {}
    theirs = {one for _, digest in dropped for one in held.objects(digest)}
    unneeded = collecting.unneeded(held, dropped)
    return {digest: size for digest, size in unneeded.items() if digest in theirs}


def _judged(project: Project, dataset: Dataset, pins: Mapping[str, str], held: Inventory) -> Iterator[RetainedVersion]:
    """What becomes of each version of `dataset`; an erased one is what took its place."""
    from jupyter_mlops.versioning.retention import Held, Rule, age, verdicts

    versions = project.datasets.history(dataset)
    said = project.datasets.descriptions(dataset.name)
    spans = {digest: str(one.meta["retain"]) for digest, one in said.items() if one.meta.get("retain")}
    aged = [
        Held(held.standing(one.digest), one.time or now(), age(spans[one.digest]) if one.digest in spans else None)
        for one in versions
    ]
    tagged = {each.digest: f"tag {one.tags[0]}" for each, one in zip(aged, versions, strict=True) if one.tags}
    rule = Rule.of(project.section("retention"), dataset.name)
    found = list(verdicts(aged, rule, {**pins, **tagged}, now()))
    kept = {each.digest for each, verdict in zip(aged, found, strict=True) if verdict.keep}
    for version, each, verdict in zip(versions, aged, found, strict=True):
        state = "gone" if each.digest not in held.sizes else "kept" if each.digest in kept else "expired"
        reason = verdict.reason if verdict.keep or each.digest not in kept else "what is left of it is kept as another"
        yield _retained(version, state, reason)


def _retained(version: Version, state: str, reason: str) -> RetainedVersion:
    return RetainedVersion(
        dataset=version.dataset,
        version=version.version or "new",
        label=version.label,
        digest=version.digest,
        time=version.time or now(),
        state=state,
        reason=reason,
        bytes=version.size,
    )


def _pins(project: Project) -> dict[str, str]:
    """What holds versions whatever their age, by digest; the most telling reason wins."""
    from jupyter_mlops.versioning.reach import tips

    found = tips(project.git)
    found.update({out.digest: "in the workspace" for _, out in project.datasets.pointers()})
    registered = (version for model in project.models.all() for version in model.versions)
    found.update({one.digest: f"registered as {one.model}@{one.label}" for one in registered if one.digest})
    graph = project.lineage
    for name, node in graph.nodes.items():
        if node.kind == "deployment":
            made_from = graph.around([name], down=False).nodes.values()
            found.update({each.digest: f"deployment {node.name}" for each in made_from if each.digest})
    return found
