"""A stage proposed from what its notebook did: a rule over values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.authoring.draft import Draft
from jupyter_mlops.pipelines.capturing.capture import Captured
from jupyter_mlops.pipelines.stages.notebooks import Notebook
from jupyter_mlops.pipelines.stages.papermill_command import Value, require_quotable
from jupyter_mlops.pipelines.stages.specs import StageSpec
from jupyter_mlops.trust.detecting import is_secret
from jupyter_mlops.versioning.names import overlaps


@attrs.frozen
class Proposal:
    """A stage, and what its author should know of it.

    Attributes
    ----------
    notes
        One line each: what was left out, and why.
    """

    draft: Draft
    notes: tuple[str, ...] = ()


def propose(
    named: Draft,
    notebook: Notebook,
    captured: Captured,
    *,
    metrics: Collection[str] = (),
    tracked: Collection[str] = (),
) -> Proposal:
    """The stage of a notebook that did what was `captured`.

    Parameters
    ----------
    named
        What its author says of it: its name, the parameters it ran with, and what else he names.
    metrics
        Those of the files it wrote that hold metrics.
    tracked
        Those that git tracks: DVC cannot keep them.
    """
    kept, lost = _parameters(notebook, named)
    draft = attrs.evolve(_joined(named, _found(captured, metrics, tracked)), parameters=kept)
    by_git = (f"git tracks {path}, so DVC cannot keep it." for path in sorted({*tracked} - {*metrics}))
    return Proposal(draft, (*lost, *by_git, *_notes(notebook, captured)))


@attrs.frozen
class Undeclared:
    """What the notebook of a stage did that ``dvc.yaml`` does not say.

    Attributes
    ----------
    reads, writes
        Files and folders below the root.
    unsure
        Files below the root that it opened, or another notebook that ran at the same time.
    outside
        Files elsewhere.
    """

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()


def undeclared(stage: StageSpec, captured: Captured) -> Undeclared:
    """What of `captured` the stage does not declare: a change of it makes nothing stale, or nothing keeps it."""
    outs = [out.path for out in stage.outs]
    known = [*stage.deps, *stage.params, *outs, *filter(None, [stage.notebook])]

    def left(paths: Iterable[str], declared: Collection[str]) -> tuple[str, ...]:
        return tuple(path for path in paths if not any(overlaps(path, other) for other in declared))

    found = _found(captured.without(captured.unsure), (), ())
    return Undeclared(left(found.deps, known), left(found.outs, outs), left(captured.unsure, known), captured.outside)


@attrs.frozen
class _Files:
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    metrics: tuple[str, ...]


def _found(captured: Captured, metrics: Collection[str], tracked: Collection[str]) -> _Files:
    written = set(captured.writes)
    scores = tuple(path for path in captured.writes if path in metrics)
    others = {*captured.reads, *scores, *tracked}
    outs = tuple(_united(sorted(written - {*scores, *tracked}), _whole_folders(captured, others)))
    folders = [folder for folder in captured.listed if not any(_is_in(path, folder) for path in written)]
    inputs = [path for path in captured.reads if path not in written and not any(_is_in(path, out) for out in outs)]
    return _Files((*captured.modules, *_united(inputs, folders)), outs, scores)


def _joined(named: Draft, found: _Files) -> Draft:
    """What the author named, with what was found besides."""
    own = (*named.deps, *named.outs, *named.metrics)

    def both(first: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
        return (*first, *(path for path in more if not any(overlaps(path, other) for other in own)))

    deps, outs = both(named.deps, found.deps), both(named.outs, found.outs)
    return attrs.evolve(named, deps=deps, outs=outs, metrics=both(named.metrics, found.metrics))


def _whole_folders(captured: Captured, others: Collection[str]) -> list[str]:
    """Folders that the notebook made and that hold nothing but its outputs."""
    return [folder for folder in captured.folders if not any(_is_in(path, folder) for path in others)]


def _united(paths: Iterable[str], folders: Collection[str]) -> Iterator[str]:
    """`paths`, with the topmost of `folders` in place of all that lies in it."""
    found = dict.fromkeys(
        min((folder for folder in folders if _is_in(path, folder)), key=len, default=path) for path in paths
    )
    return iter(found)


def _is_in(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")


def _parameters(notebook: Notebook, named: Draft) -> tuple[dict[str, Value], list[str]]:
    """The parameters that a command line can carry, and a line on each other; those of other files stand there."""
    kept: dict[str, Value] = {}
    lost: list[str] = []
    elsewhere = {*named.measured, *(name for file in named.files for name in file.names)}
    own = {name: value for name, value in notebook.defaults().items() if name not in elsewhere}
    for name, value in {**own, **named.parameters}.items():
        if is_secret(name, value):
            lost.append(f"{name} looks like a secret: give it as secret://env/{name.upper()}.")
            continue
        try:
            require_quotable(name, value)
        except UsageError:
            lost.append(f"{name} keeps its value in the notebook: it cannot stand in a command line.")
        else:
            kept[name] = value
    return kept, lost


def _notes(notebook: Notebook, captured: Captured) -> Iterator[str]:
    if notebook.parameters() is None and (cell := notebook.likely_parameters()):
        yield f"Cell {cell} only sets values: tag it `parameters`, and they become parameters of the stage."
    for path in sorted(set(captured.reads) & set(captured.writes)):
        yield f"{path} is changed in place: a second run would read its own result. Write to another file."
    for place in captured.outside:
        yield f"{place} lies outside the project, where no change is seen: import brings it in."
    if not captured.is_whole:
        yield "Files opened by native libraries could not be heard here: add what is missing by -d and -o."
