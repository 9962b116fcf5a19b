"""Differences: diff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import attrs
import msgspec

from jupyter_mlops.errors import MlopsError, UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.profiles.differences import CellChange, SchemaChange, compare_tables
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb
from jupyter_mlops.verbs.history import is_model
from jupyter_mlops.verbs.versions import Reference
from jupyter_mlops.verbs.versions import reference as typed
from jupyter_mlops.versioning.content import FileChanges

if TYPE_CHECKING:
    from jupyter_mlops.project import Project
    from jupyter_mlops.versioning.datasets import Datasets, Version

LISTED_CELLS = 1000


@attrs.frozen
class RowCounts:
    """Rows that differ."""

    added: int = 0
    removed: int = 0
    modified: int = 0


@attrs.frozen
class Difference:
    """What differs between two versions; `rows` is None when the content is no table."""

    before: str
    after: str
    files: FileChanges
    schema: tuple[SchemaChange, ...] = ()
    rows: RowCounts | None = None
    cells: tuple[CellChange, ...] = ()
    columns: dict[str, int] = attrs.field(factory=dict)
    note: str = ""


@verb(Group.DATA, Action.READ, reads=True, daily=True)
def diff(
    call: Call,
    before: Reference = "",
    after: Reference = "",
    *,
    key: Annotated[tuple[str, ...], Option(comma=True, names=Names.COLUMN)] = (),
    rows: Annotated[int, msgspec.Meta(ge=0, le=LISTED_CELLS)] = 20,
) -> Difference:
    """Compare two versions: files, schema, rows, columns.

    Parameters
    ----------
    before
        The older reference; a bare dataset name means its version in HEAD.
    after
        The newer reference; the workspace when left out.
    key
        Columns that name a row; without it rows are compared by content.
    rows
        Changed cells to list, at most 1000.
    """
    project = call.project
    old, new = _two(call, before, after)
    files = project.datasets.change(old, new)
    plain = Difference(f"{old.dataset}@{_spelled(old)}", f"{new.dataset}@{_spelled(new)}", files)
    return _compared(project.datasets, plain, (old, new), key, rows) if files else plain


def _two(call: Call, before: str, after: str) -> tuple[Version, Version]:
    """The versions to compare: what was typed, else HEAD and the workspace."""
    datasets = call.project.datasets
    if before and is_model(call.project, typed(call, before)):
        raise _models(call.project, typed(call, before), typed(call, after) if after else "")
    if not before:
        changed = [state.path for state in datasets.states() if state.state == "changed"]
        known = changed or [one.name for one in datasets.all()]
        if len(known) != 1:
            names = ", ".join(known) or "none yet"
            raise UsageError("which-dataset", "Compare which dataset?", context=names, hint="diff NAME")
        before = known[0]
    old = typed(call, before)
    dataset = datasets.resolve_name(old.partition("@")[0]) if "@" not in old and not after else None
    if dataset is not None:
        return datasets.resolve(f"{dataset.name}@HEAD"), datasets.resolve(dataset.name, call.progress)
    first = datasets.resolve(old if "@" in old else f"{datasets.resolve_name(old).name}@HEAD")
    return first, datasets.resolve(typed(call, after) if after else first.dataset, call.progress)


def _models(project: Project, before: str, after: str) -> UsageError:
    """Models are no tables: what differs is in the runs that wrote them."""
    name = before.removeprefix("model:").partition("@")[0]
    versions = [project.models.resolve(before), project.models.resolve(after or name)]
    writers = project.runs.writers()
    runs = [project.runs.find(writers[one.digest].run).number for one in versions if one.digest in writers]
    differ = len(set(runs)) == len(versions)
    hint = f"runs --compare {runs[0]} {runs[1]}" if differ else f"models {name} lists the metrics of its versions."
    return UsageError(
        "models-differ-by-runs",
        f"{name} is a model: its metrics, parameters and inputs are compared run by run.",
        context="One file, made by one run." if versions[0].digest == versions[1].digest else "",
        hint=hint,
    )


def _spelled(version: Version) -> str:
    return "workspace" if version.is_workspace else version.version or version.digest


def _compared(
    datasets: Datasets, plain: Difference, versions: tuple[Version, Version], key: tuple[str, ...], limit: int
) -> Difference:
    """`plain` with what differs in the tables."""
    try:
        old, new = (datasets.files(version) for version in versions)
        names = [file.path for file in old], [file.path for file in new]
        tables = compare_tables([f.location for f in old], [f.location for f in new], *names, key, limit)
    except UsageError:
        raise
    except MlopsError as error:
        return attrs.evolve(plain, note=error.message)
    if tables is None:
        return attrs.evolve(plain, note="No table: compared by files.")
    is_edited = not key and tables.rows_added and tables.rows_removed
    return attrs.evolve(
        plain,
        note="An edited row counts as removed and added: --key COLUMN pairs rows." if is_edited else "",
        schema=tables.schema,
        rows=RowCounts(tables.rows_added, tables.rows_removed, tables.rows_modified),
        cells=tables.cells,
        columns=dict(tables.columns),
    )
