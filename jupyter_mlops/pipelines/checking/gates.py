"""Gates: the metrics a pipeline must reach, from ``[gates]`` of ``mlops.toml``.

``auc = { min = 0.7, max_drop = 0.02 }`` or ``loss = { max = 0.3, max_rise = 0.01 }``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from jupyter_mlops.errors import UsageError
from jupyter_mlops.records import Scalar

LIMITS = ("min", "max", "max_drop", "max_rise")
Metrics = Mapping[str, Scalar]


def broken(gates: Mapping[str, object], before: Metrics, after: Metrics) -> Iterator[str]:
    """Each broken gate in one line: the metric, its value, and by how much it misses.

    Raises
    ------
    UsageError
        ``bad-gate``.
    """
    for name, limits in gates.items():
        value = after.get(name)
        for kind, limit in _limits(name, limits):
            if not _is_number(value):
                yield f"{name} is not among the metrics"
                break
            yield from _broken(name, kind, limit, before.get(name), float(value or 0))


def _limits(name: str, limits: object) -> Iterator[tuple[str, float]]:
    if not isinstance(limits, Mapping) or not limits:
        raise _bad(name, limits)
    for kind, limit in limits.items():
        if kind not in LIMITS or not _is_number(limit):
            raise _bad(name, limits)
        yield kind, float(limit)


def _broken(name: str, kind: str, limit: float, before: Scalar, value: float) -> Iterator[str]:
    if kind == "min" and value < limit:
        yield f"{name} is {value:g}, {limit - value:.3g} below the least allowed {limit:g}"
    elif kind == "max" and value > limit:
        yield f"{name} is {value:g}, {value - limit:.3g} above the most allowed {limit:g}"
    elif kind in ("max_drop", "max_rise") and _is_number(before):
        change = value - float(before or 0)
        word, amount = ("dropped", -change) if kind == "max_drop" else ("rose", change)
        if amount > limit:
            yield f"{name} {word} from {before:g} to {value:g}, by {amount:.3g}; allowed is {limit:g}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _bad(name: str, limits: object) -> UsageError:
    return UsageError(
        "bad-gate",
        f"The gate for {name} in mlops.toml cannot be read.",
        context=repr(limits),
        hint=f"[gates] {name} = {{ min = 0.7, max_drop = 0.02 }}; limits are {', '.join(LIMITS)}.",
    )
