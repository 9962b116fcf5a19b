"""A stage proposed from what its notebook did: a rule over values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.authoring import Draft
from jupyter_mlops.pipelines.capture import Captured
from jupyter_mlops.pipelines.given_secrets import is_secret
from jupyter_mlops.pipelines.notebooks import Notebook
from jupyter_mlops.pipelines.papermill_command import Value, require_quotable


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
    name: str, notebook: Notebook, captured: Captured, given: Mapping[str, Value], metrics: Collection[str] = ()
) -> Proposal:
    """The stage `name` for a notebook that did what was `captured`.

    Parameters
    ----------
    given
        Parameters it ran with; the others keep the values of its ``parameters`` cell.
    metrics
        Those of the files it wrote that hold metrics.
    """
    written = set(captured.writes)
    scores = tuple(path for path in captured.writes if path in metrics)
    outs = tuple(_united(sorted(written - set(scores)), _whole_folders(captured, {*captured.reads, *scores})))
    folders = [folder for folder in captured.listed if not any(_is_in(path, folder) for path in written)]
    inputs = [path for path in captured.reads if path not in written and not any(_is_in(path, out) for out in outs)]
    deps = (*captured.modules, *_united(inputs, folders))
    kept, lost = _parameters(notebook, given)
    draft = Draft(name, notebook.path, kept, deps, outs, scores)
    return Proposal(draft, (*lost, *_notes(notebook, captured)))


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


def _parameters(notebook: Notebook, given: Mapping[str, Value]) -> tuple[dict[str, Value], list[str]]:
    """The parameters that a command line can carry, and a line on each other."""
    kept: dict[str, Value] = {}
    lost: list[str] = []
    for name, value in {**notebook.defaults(), **given}.items():
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
