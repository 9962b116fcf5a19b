"""Versions: log, show."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs

from jupyter_mlops.errors import MlopsError, bad_cursor
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.records import Scalar, short
from jupyter_mlops.verbs.declaration import Call, Group, Limit, verb
from jupyter_mlops.verbs.runs import RunSummary, summary
from jupyter_mlops.verbs.versions import DatasetVersion, Reference, count, shown
from jupyter_mlops.verbs.versions import reference as typed

if TYPE_CHECKING:
    from jupyter_mlops.project import Project
    from jupyter_mlops.registry.versions import ModelVersion
    from jupyter_mlops.versioning.datasets import Datasets, Version

RUN = "run:"
EPOCH = datetime.fromtimestamp(0, UTC)


@attrs.frozen
class History:
    """A page of versions, newest first."""

    versions: tuple[DatasetVersion, ...]
    next_cursor: str | None = None


@verb(Group.DATA, Action.READ, reads=True, daily=True)
def log(
    call: Call,
    name: Reference = "",
    *,
    limit: Limit = 20,
    cursor: str = "",
) -> History:
    """List the versions of a dataset or a model, newest first.

    Parameters
    ----------
    name
        A dataset or a model; none means all datasets.
    limit
        Versions a page, at most 200.
    cursor
        Where the page before ended: its `next_cursor`.
    """
    project = call.project
    project.datasets.look_once()
    name = typed(call, name)
    if name and is_model(project, name):
        return _model_history(project, name, limit, cursor)
    found, further = _one(project.datasets, name, limit, cursor) if name else _every(project.datasets, limit, cursor)
    current = {known.name: out.digest for known, out in project.datasets.pointers()}
    versions = tuple(shown(project.datasets, version, current=current.get(version.dataset)) for version in found)
    return History(versions, further)


def _one(datasets: Datasets, name: str, size: int, cursor: str) -> tuple[Sequence[Version], str | None]:
    """A page of the versions of one dataset, and where the next starts."""
    found = datasets.history(datasets.resolve_name(name.partition("@")[0]), size + 1, _number(cursor))
    return found[:size], found[size - 1].version if len(found) > size else None


def _every(datasets: Datasets, size: int, cursor: str) -> tuple[Sequence[Version], str | None]:
    """A page of the versions of all datasets, newest first, and where the next starts."""
    start = _number(cursor) or 0
    newest = [version for one in datasets.all() for version in datasets.history(one, start + size + 1)]
    newest.sort(key=lambda version: (version.time or EPOCH, version.number or 0), reverse=True)
    page = newest[start : start + size]
    return page, str(start + size) if len(newest) > start + size else None


def _number(cursor: str) -> int | None:
    text = cursor.removeprefix("v")
    if cursor and not text.isdecimal():
        raise bad_cursor(cursor)
    return int(text) if cursor else None


def is_model(project: Project, name: str) -> bool:
    """Whether `name` means a model: data comes first, what a stage makes last, and ``model:`` decides.

    A model often has the name of the file it was registered from.
    """
    if name.startswith("model:"):
        return True
    known = {word for one in project.datasets.all() for word in (one.name, one.kind == "data" and one.short_name)}
    return name.partition("@")[0] not in known and project.models.knows(name)


def _model_history(project: Project, name: str, size: int, cursor: str) -> History:
    model = project.models.get(name.removeprefix("model:"))
    start = _number(cursor) or 0
    page = tuple(_model_version(version) for version in model.versions[start : start + size])
    return History(page, str(start + size) if start + size < len(model.versions) else None)


def _model_version(version: ModelVersion) -> DatasetVersion:
    return DatasetVersion(
        dataset=version.model,
        version=version.label,
        label=f"{version.label}·{short(version.digest)}",
        digest=version.digest,
        git_commit=version.git_commit,
        author=version.author,
        time=version.time,
        message=version.message,
        files=1,
        bytes=version.bytes,
        tags=version.aliases,
    )


@attrs.frozen
class SchemaColumn:
    """A column and its type."""

    name: str
    type: str


@attrs.frozen
class Shown:
    """Everything known about one reference.

    Attributes
    ----------
    provenance
        Owner, source, purpose, licence, PII columns and how it was made (``by hand`` or a run).
    producers, consumers
        Runs as they are counted, ``#2``.
    run
        The run itself, when one is shown.
    changes
        What its tree had besides its commit, as git writes it; outputs of notebooks left out, secrets blacked out.
    log
        What it printed beside its notebooks; the end of it.
    verdict
        What the last re-execution of the stage that made it found; empty when there was none.
    """

    reference: str
    kind: str
    name: str
    version: DatasetVersion | None
    provenance: dict[str, Scalar | list[str]]
    schema: tuple[SchemaColumn, ...] = ()
    metrics: dict[str, Scalar] = attrs.field(factory=dict)
    tags: tuple[str, ...] = ()
    producers: tuple[str, ...] = ()
    consumers: tuple[str, ...] = ()
    run: RunSummary | None = None
    changes: str = ""
    log: str = ""
    verdict: str = ""


@verb(Group.DATA, Action.READ, reads=True)
def show(call: Call, reference: Reference) -> Shown:
    """Show a version's provenance, schema, producers and consumers, or all that a run pins.

    Parameters
    ----------
    reference
        ``data@v3``, ``data@TAG``, ``data@2026-05-01``, ``data@HEAD~2``, ``model@champion``; ``run:18``.
    """
    project = call.project
    if reference.startswith(RUN):
        return _shown_run(project, reference)
    project.datasets.look_once()
    text = typed(call, reference)
    if is_model(project, text):
        return _shown_model(project, text)
    version = project.datasets.resolve(text, call.progress)
    producers, consumers = _neighbours(project, version.digest)
    return Shown(
        reference=f"{version.dataset}@{version.version or version.digest}",
        kind="dataset",
        name=version.dataset,
        version=_with_rows(project.datasets, version),
        provenance=_provenance(project.datasets, version),
        schema=_schema(project.datasets, version),
        tags=version.tags,
        producers=producers,
        consumers=consumers,
        verdict=project.verdicts.by_output().get(version.digest, ""),
    )


def _with_rows(datasets: Datasets, version: Version) -> DatasetVersion:
    if version.rows is None:
        with suppress(MlopsError):  # not in the cache, or no sound table: shown without
            version = attrs.evolve(version, rows=count(datasets.files(version)))
    pointer = datasets.pointer(version.dataset)
    return shown(datasets, version, current=pointer[1].digest if pointer else None)


def _provenance(datasets: Datasets, version: Version) -> dict[str, Scalar | list[str]]:
    described = datasets.described(version)
    found: dict[str, Scalar | list[str]] = {}
    if described.text:
        found["description"] = described.text
    for key, value in described.meta.items():
        found[str(key)] = [str(item) for item in value] if isinstance(value, list) else str(value)
    if described.labels:
        found["labels"] = list(described.labels)
    return found


def _schema(datasets: Datasets, version: Version) -> tuple[SchemaColumn, ...]:
    from jupyter_mlops.profiles.tables import schema_of

    try:
        files = datasets.files(version)
        return tuple(SchemaColumn(*pair) for pair in schema_of([f.location for f in files], [f.path for f in files]))
    except MlopsError:  # not in the cache, or no sound table: as its pointer tells
        return tuple(SchemaColumn(name, kind) for name, kind in datasets.described(version).columns.items())


def _neighbours(project: Project, digest: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The runs that wrote and that read the version with this digest, as ``#2``."""
    wrote, read = project.runs.holders(digest), project.runs.readers(digest)
    return tuple(f"#{number}" for number in wrote), tuple(f"#{number}" for number in read)


def _shown_run(project: Project, text: str) -> Shown:
    found = project.runs.find(text)
    recording = project.runs.recording
    return Shown(
        reference=f"{RUN}{found.number}",
        kind="run",
        name=found.record.run,
        version=None,
        provenance={},
        metrics=found.record.metrics,
        run=summary(found, project.verdicts.by_run()),
        changes=recording.patch(found.record).decode(errors="replace"),
        log=recording.log(found.record),
    )


def _shown_model(project: Project, text: str) -> Shown:
    version = project.models.resolve(text.removeprefix("model:"))
    producers, consumers = _neighbours(project, version.digest)
    return Shown(
        reference=f"{version.model}@{version.label}",
        kind="model",
        name=version.model,
        version=_model_version(version),
        provenance={"path": version.path, "tag": version.tag},
        tags=version.aliases,
        producers=producers,
        consumers=consumers,
        verdict=project.verdicts.by_output().get(version.digest, ""),
    )
