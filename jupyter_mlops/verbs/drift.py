"""Watch: profiles and drift."""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.records import Scalar
from jupyter_mlops.verbs.declaration import Call, Group, Names, Option, verb

if TYPE_CHECKING:
    from jupyter_mlops.profiles import profile as profiling
    from jupyter_mlops.profiles.drift import Movement
    from jupyter_mlops.versioning.datasets import Version

PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)
TOP_VALUES = 10


@attrs.frozen
class ColumnProfile:
    """One column of a profile.

    Attributes
    ----------
    kind
        ``numeric``, ``temporal``, ``categorical``, ``text`` (more than 4096 values), ``identifier`` or ``other``.
    nulls
        Nulls and NaN.
    distinct
        Different values; exact up to about 4000, else to 3 %; None for more reals or moments.
    mean, std, quantiles
        Of the finite numbers; seconds (since 1970) for temporal columns. Quantiles by probability in [0, 1].
    top
        The commonest categories and their counts.
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
    version = call.project.datasets.resolve(reference, call.progress)
    found = _profile_of(call, version)
    columns = tuple(_described(name, column) for name, column in found.columns.items())
    return Profile(f"{version.dataset}@{version.label}", version.digest, found.rows, columns)


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
    kind
        ``numeric``, ``temporal``, ``categorical``, ``text``, ``identifier`` (names rows, so it is not
        tested), ``other`` (only nulls are tested) or ``type-changed``.
    p_value, p_adjusted
        Of the two-sample test, and Benjamini-Hochberg adjusted over all tests.
    effect, threshold
        Size of the shift in the unit of `measure`; drift needs both significance and `effect` above `threshold`.
    measure
        ``wasserstein/sd``, ``ks``, ``jensen-shannon``, ``nulls``, ``type`` or ``none``.
    wasserstein
        In standard deviations of the older data.
    nulls_before, nulls_after
        Shares of nulls and NaN, 0 to 1.
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
    """How the data moved from `reference` to `current`; columns ranked by effect / threshold.

    Attributes
    ----------
    missing, new
        Columns that only the older or only the newer data have.
    fail_on
        The rule that decides whether this fails; empty means any drift does.
    """

    reference: str
    current: str
    drifted: bool
    columns: tuple[ColumnDrift, ...]
    rows_before: int
    rows_after: int
    missing: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    seconds: float = 0.0
    fail_on: str = ""

    @property
    def gate(self) -> str | None:
        """Which columns drifted, when `fail_on` counts them."""
        names = [column.name for column in self.columns if column.drifted]
        tested = [column.name for column in self.columns if column.measure != "none"]
        if not names or not _fails(self.fail_on, names, tested):
            return None
        return f"{len(names)} of {len(self.columns)} columns drifted: {', '.join(names[:5])}"


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
        Stop the notebook or job: ``any``, a share such as ``0.3`` of the tested columns, or column names.
    """
    from jupyter_mlops.profiles.drift import compare

    started = time.perf_counter()
    after = call.project.datasets.resolve(reference, call.progress)
    before = call.project.datasets.resolve(against, call.progress) if against else _previous(call, after)
    old, new = _profile_of(call, before), _profile_of(call, after)
    _require_known((*columns, *_named_in(fail_on)), {**old.columns, **new.columns})
    moved = compare(old, new, columns, distributions=distributions)
    rows = tuple(_column(movement, old, new) for movement in moved)
    return DriftReport(
        reference=f"{before.dataset}@{before.label}",
        current=f"{after.dataset}@{after.label}",
        drifted=any(row.drifted for row in rows),
        columns=rows,
        rows_before=old.rows,
        rows_after=new.rows,
        missing=tuple(name for name in old.columns if name not in new.columns),
        new=tuple(name for name in new.columns if name not in old.columns),
        seconds=time.perf_counter() - started,
        fail_on=fail_on,
    )


def _profile_of(call: Call, version: Version) -> profiling.Profile:
    def files() -> list[tuple[Path, str]]:
        return [(file.location, file.path) for file in call.project.datasets.files(version)]

    return call.project.profiles.of(version.digest, files, call.progress)


def _previous(call: Call, version: Version) -> Version:
    """The version before; for content that no commit holds, the newest version."""
    history = call.project.datasets.history(version.dataset)
    older = [one for one in history if version.number is None or (one.number or 0) < version.number]
    if not older:
        raise UsageError(
            "one-version-only",
            "One version only. Drift needs two.",
            context=f"{version.dataset}@{version.label}",
            hint=f"commit {version.dataset} after a change, or: drift {version.dataset} --against OTHER",
        )
    return older[0]


def _require_known(names: Collection[str], known: Collection[str]) -> None:
    from jupyter_mlops.profiles.tables import unknown_column

    for name in names:
        if name not in known:
            raise unknown_column(name, known)


def _share(rule: str) -> float | None:
    """The share that a rule such as ``0.3`` names, or None."""
    try:
        share = float(rule)
    except ValueError:
        return None
    if not 0 < share <= 1:
        raise UsageError("bad-argument", "A share lies above 0 and is at most 1.", hint="drift DATA --fail-on 0.3")
    return share


def _named_in(rule: str) -> tuple[str, ...]:
    """The columns that a rule names."""
    is_names = rule not in ("", "any") and _share(rule) is None
    return tuple(name.strip() for name in rule.split(",") if name.strip()) if is_names else ()


def _fails(rule: str, drifted: Collection[str], tested: Collection[str]) -> bool:
    """Whether so much drift fails under `rule`; at least the share that it names."""
    if rule in ("", "any"):
        return bool(drifted)
    if (share := _share(rule)) is not None:
        return len(drifted) >= share * len(tested)
    return any(name in drifted for name in _named_in(rule))


def _column(movement: Movement, old: profiling.Profile, new: profiling.Profile) -> ColumnDrift:
    shares, shift = movement.shares, movement.shift
    return ColumnDrift(
        name=movement.name,
        kind=movement.kind,
        drifted=movement.drifted,
        p_value=shift.p_value,
        p_adjusted=movement.p_adjusted,
        effect=shift.effect,
        threshold=shift.floor,
        measure=shift.measure,
        nulls_before=old.columns[movement.name].null_ratio,
        nulls_after=new.columns[movement.name].null_ratio,
        distribution=Distribution(shares.bins, shares.before, shares.after) if shares else None,
        **movement.statistics,
    )


def _described(name: str, column: profiling.Column) -> ColumnProfile:
    from jupyter_mlops.profiles.drift import categories, kind_of, spelled

    kind = kind_of(name, column, column)
    scale = 1e-6 if column.kind == "instant" else 1.0
    quantiles = {f"{p:g}": value * scale for p in PROBABILITIES if (value := column.quantile(p)) is not None}
    ranked = sorted(categories(column).items(), key=lambda pair: -pair[1]) if kind == "categorical" else []
    ends = (column.minimum, column.maximum)
    least, greatest = (spelled(kind, end) if scale != 1 and end is not None else end for end in ends)
    return ColumnProfile(
        name=name,
        kind=kind,
        count=column.rows,
        nulls=column.nulls + column.nans,
        distinct=column.distinct,
        mean=None if column.mean is None else column.mean * scale,
        std=None if column.std is None else column.std * scale,
        minimum=least,
        maximum=greatest,
        quantiles=quantiles,
        top=dict(ranked[:TOP_VALUES]),
    )
