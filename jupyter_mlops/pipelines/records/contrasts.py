"""What runs do not share: parameters, metrics, data, environment, and the code cell by cell."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

import attrs

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.pipelines.records.environment import Environment, facts
from jupyter_mlops.pipelines.records.recording import Recording
from jupyter_mlops.records import Scalar, VersionRecord

Value = Scalar | list[Scalar]
MOST_CHARACTERS = 4000
"""Of the code of one cell."""


@attrs.frozen
class Contrast:
    """Something that runs do not share.

    Attributes
    ----------
    kind
        ``parameter``, ``metric``, ``data``, ``code``, ``commit``, ``seed``, ``environment``, ``lock`` or ``package``.
    before, after
        In the first run, and in the last.
    values
        In each run, in the order asked for.
    """

    kind: str
    name: str
    before: Value
    after: Value
    values: tuple[Value, ...] = ()


@attrs.frozen
class CodeChange:
    """A code cell that differs between two runs.

    Attributes
    ----------
    notebook
        The source notebook.
    kind
        ``modified``, ``added`` or ``removed``.
    cell
        Its number among the code cells, from 1: in the later run, of a removed one in the earlier.
    before, after
        Its code; the first 4000 characters.
    """

    notebook: str
    kind: str
    cell: int
    before: str = ""
    after: str = ""


Environments = Sequence[Sequence[Environment]]
"""Those of each run; none at all when they are not known of every one."""


def contrasts(records: Sequence[VersionRecord], environments: Environments = ()) -> tuple[Contrast, ...]:
    """All that `records` do not share.

    Parameters
    ----------
    environments
        Where each ran.
    """
    packages = [_installed(each) for each in environments] or [one.packages for one in records]
    sides: dict[str, Sequence[Mapping[str, Value]]] = {
        "parameter": [one.parameters for one in records],
        "metric": [one.metrics for one in records],
        "data": [one.inputs for one in records],
        "code": [_code(one) for one in records],
        "commit": [{"git": one.git_commit, "changes": one.patch} for one in records],
        "seed": [_seeds(one) for one in records],
        "environment": [_known(each) for each in environments],
        "lock": [one.declared for one in records],
        "package": packages,
    }
    return tuple(found for kind, each in sides.items() for found in _differing(kind, each))


def _differing(kind: str, sides: Sequence[Mapping[str, Value]]) -> Iterator[Contrast]:
    for name in sorted({name for side in sides for name in side}):
        values = tuple(side.get(name) for side in sides)
        if any(value != values[0] for value in values):
            yield Contrast(kind, name, values[0], values[-1], values)


def _code(record: VersionRecord) -> dict[str, Value]:
    return {stage.name: stage.code for stage in record.stages if stage.code}


def _seeds(record: VersionRecord) -> dict[str, Value]:
    return {f"{stage.name}.{name}": value for stage in record.stages for name, value in stage.seeds.items()}


def environments_of(records: Sequence[VersionRecord], recording: Recording) -> Environments:
    """Where each of `records` ran; nothing when one did not record it, or it was not fetched."""
    try:
        kept = [[recording.environment(digest) for digest in record.environments] for record in records]
    except MlopsError:
        return ()
    return kept if all(kept) else ()


def _known(environments: Sequence[Environment]) -> Mapping[str, Value]:
    return {name: value for one in environments for name, value in facts(one).items()}


def _installed(environments: Sequence[Environment]) -> Mapping[str, Value]:
    return {package.name: package.version for one in environments for package in one.packages}


def cell_changes(before: VersionRecord, after: VersionRecord, recording: Recording) -> tuple[CodeChange, ...]:
    """The code cells that differ, of notebooks that both runs executed and that are kept."""
    known = {stage.name: stage for stage in before.stages if stage.code and stage.source}
    found: list[CodeChange] = []
    for stage in after.stages:
        old = known.get(stage.name)
        if old is None or not stage.source or old.code == stage.code:
            continue
        sides = _cells(recording, before, old.source), _cells(recording, after, stage.source)
        if sides[0] is not None and sides[1] is not None:
            found += compared(stage.source, sides[0], sides[1])
    return tuple(found)


def _cells(recording: Recording, record: VersionRecord, path: str | None) -> list[str] | None:
    """The code cells of a notebook as a run executed it; None when it is not kept."""
    try:
        data = recording.file(record, path or "")
        document = json.loads(data or b"")
        return ["".join(cell["source"]) for cell in document["cells"] if cell["cell_type"] == "code"]
    except (MlopsError, ValueError, KeyError, TypeError):
        return None


def compared(notebook: str, before: Sequence[str], after: Sequence[str]) -> Iterator[CodeChange]:
    """The cells that differ between two lists of sources, in their order."""
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for kind, start, end, other_start, other_end in matcher.get_opcodes():
        if kind == "equal":
            continue
        old, new = before[start:end], after[other_start:other_end]
        both = min(len(old), len(new))
        for place in range(both):
            yield _change(notebook, "modified", other_start + place, old[place], new[place])
        for place in range(both, len(new)):
            yield _change(notebook, "added", other_start + place, "", new[place])
        for place in range(both, len(old)):
            yield _change(notebook, "removed", start + place, old[place], "")


def _change(notebook: str, kind: str, place: int, before: str, after: str) -> CodeChange:
    return CodeChange(notebook, kind, place + 1, before[:MOST_CHARACTERS], after[:MOST_CHARACTERS])
