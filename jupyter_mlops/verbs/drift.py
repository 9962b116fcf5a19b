"""Watch: profiles and drift."""

from __future__ import annotations

from typing import Annotated

import attrs

from jupyter_mlops.governance.roles import Action
from jupyter_mlops.records import Scalar
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb


@attrs.frozen
class ColumnProfile:
    """One column of a profile; `kind` is ``numeric``, ``categorical``, ``temporal`` or ``text``.

    Attributes
    ----------
    quantiles
        Probability in [0, 1] to value.
    top
        The commonest values and their counts.
    """

    name: str
    kind: str
    count: int
    nulls: int
    distinct: int | None = None
    mean: float | None = None
    std: float | None = None
    minimum: Scalar = None
    maximum: Scalar = None
    quantiles: dict[str, float] = attrs.field(factory=dict)
    top: dict[str, int] = attrs.field(factory=dict)


@attrs.frozen
class Profile:
    """What the data of one version looks like."""

    reference: str
    digest: str
    rows: int
    columns: tuple[ColumnProfile, ...]


@verb(Group.WATCH, Action.READ, reads=True)
def profile(call: Call, reference: Annotated[str, Option(names=Names.REFERENCE)]) -> Profile:
    """Describe the columns of a version: counts, quantiles, moments, nulls.

    Parameters
    ----------
    reference
        A dataset, ``data@v3``, or a table in the workspace.
    """
    raise NotImplementedError


@attrs.frozen
class Distribution:
    """Shares of a column's values in the same bins, before and after; each sums to 1."""

    bins: tuple[str, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]


@attrs.frozen
class ColumnDrift:
    """How one column moved.

    Attributes
    ----------
    p_value, p_adjusted
        Of the two-sample test, and Benjamini-Hochberg adjusted over the columns.
    effect, threshold
        Size of the shift in the unit of `measure`; drift needs both significance and `effect` above `threshold`.
    """

    name: str
    kind: str
    drifted: bool
    p_value: float
    p_adjusted: float
    effect: float
    threshold: float
    measure: str
    ks: float | None = None
    wasserstein: float | None = None
    psi: float | None = None
    js: float | None = None
    chi2: float | None = None
    nulls_before: float = 0.0
    nulls_after: float = 0.0
    distribution: Distribution | None = None


@attrs.frozen
class DriftReport:
    """How the data moved from `reference` to `current`; columns ranked by effect."""

    reference: str
    current: str
    drifted: bool
    columns: tuple[ColumnDrift, ...]
    rows_before: int
    rows_after: int
    missing: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def gate(self) -> str | None:
        """Which columns drifted."""
        names = [column.name for column in self.columns if column.drifted]
        return f"{len(names)} of {len(self.columns)} columns drifted: {', '.join(names[:5])}" if self.drifted else None


@verb(Group.WATCH, Action.READ, reads=True, daily=True)
def drift(
    call: Call,
    reference: Annotated[str, Option(names=Names.REFERENCE)],
    *,
    against: Annotated[str, Option(names=Names.REFERENCE)] = "",
    columns: Annotated[tuple[str, ...], Option(comma=True, names=Names.COLUMN)] = (),
    distributions: bool = False,
    fail_on: str = "",
) -> DriftReport:
    """Measure how data moved between two versions.

    Parameters
    ----------
    reference
        The newer data: a dataset or one of its versions.
    against
        The older data; the version before when left out.
    columns
        Only these columns.
    distributions
        Include both distributions of each column.
    fail_on
        Stop the notebook or job: ``any``, a share such as ``0.3``, or column names.
    """
    raise NotImplementedError
