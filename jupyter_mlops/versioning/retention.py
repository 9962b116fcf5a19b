"""How long versions are kept: rules, and what they say of each version."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import attrs

from jupyter_mlops.errors import UsageError

AGE = re.compile(r"([1-9][0-9]{0,4})([dwy])")
DAYS = {"d": 1, "w": 7, "y": 365}
LAST, AGED = "keep_last", "keep_for"


def age(text: str) -> timedelta:
    """The span of time that ``90d``, ``12w`` or ``2y`` names; a year has 365 days.

    Raises
    ------
    UsageError
        ``bad-age``.
    """
    if found := AGE.fullmatch(text):
        return timedelta(days=int(found[1]) * DAYS[found[2]])
    raise UsageError("bad-age", f"{text} is no span of time.", hint="Give days, weeks or years: 90d, 12w, 2y.")


@attrs.frozen
class Rule:
    """What to keep of a dataset.

    Attributes
    ----------
    keep_last
        So many of its newest versions.
    keep_for
        Versions younger than this. Of two rules the more generous counts; without any, everything is kept.
    """

    keep_last: int | None = None
    keep_for: timedelta | None = None

    @classmethod
    def of(cls, table: Mapping[str, Any], dataset: str) -> Rule:
        """The rule for `dataset` in the table ``[retention]``: its own sub-table's entries go before.

        Raises
        ------
        UsageError
            ``bad-settings``, ``bad-age``.
        """
        own = table.get(dataset, {})
        entries = {**table, **(own if isinstance(own, Mapping) else {})}
        last, aged = entries.get(LAST), entries.get(AGED)
        if last is not None and (type(last) is not int or last < 1):
            raise _bad(f"{LAST} in [retention] is no number of versions.", f"{LAST} = 10")
        if aged is not None and not isinstance(aged, str):
            raise _bad(f"{AGED} in [retention] is no span of time.", f'{AGED} = "90d"')
        return cls(last, age(aged) if aged else None)


def require_known(table: Mapping[str, Any], datasets: Sequence[str]) -> None:
    """Refuse a table that names what is neither a rule nor a dataset.

    Raises
    ------
    UsageError
        ``bad-settings``.
    """
    for key, value in table.items():
        names = value if isinstance(value, Mapping) else {key: value}
        for name in names:
            if name not in {LAST, AGED}:
                raise _bad(f"[retention] has no rule {name}.", f"Rules are {LAST} and {AGED}.")
        if isinstance(value, Mapping) and key not in datasets:
            raise _bad(f"[retention] names {key}, which is no dataset.", "Name its path as `status` shows it.")


def _bad(message: str, hint: str) -> UsageError:
    return UsageError("bad-settings", message, context="mlops.toml", hint=hint)


@attrs.frozen
class Held:
    """A version that may go.

    Attributes
    ----------
    retain
        How long it may be kept, as was said when it was committed: then no rule prolongs its time.
    """

    digest: str
    time: datetime
    retain: timedelta | None = None


@attrs.frozen
class Verdict:
    """Whether a version stays, and why."""

    keep: bool
    reason: str


def verdicts(versions: Sequence[Held], rule: Rule, pins: Mapping[str, str], today: datetime) -> Iterator[Verdict]:
    """What becomes of each of `versions`, which are given newest first.

    Parameters
    ----------
    pins
        What holds a version whatever its age, by its digest.
    """
    for place, version in enumerate(versions):
        yield _verdict(place, version, rule, pins.get(version.digest, ""), today - version.time)


def _verdict(place: int, version: Held, rule: Rule, pin: str, old: timedelta) -> Verdict:
    due = version.retain is not None and old >= version.retain
    if pin:
        return Verdict(keep=True, reason=f"{pin}, though its time is over" if due else pin)
    if version.retain is not None:
        return Verdict(not due, f"its time of {_days(version.retain)} is {'over' if due else 'not over'}")
    if rule.keep_last is not None and place < rule.keep_last:
        return Verdict(keep=True, reason=f"one of the last {rule.keep_last}")
    if rule.keep_for is not None and old < rule.keep_for:
        return Verdict(keep=True, reason=f"younger than {_days(rule.keep_for)}")
    if rule == Rule():
        return Verdict(keep=True, reason="no rule")
    limits = [f"older than {_days(rule.keep_for)}"] if rule.keep_for is not None else []
    limits += [f"not one of the last {rule.keep_last}"] if rule.keep_last is not None else []
    return Verdict(keep=False, reason=", ".join(limits))


def _days(span: timedelta) -> str:
    return f"{span.days} day{'s' * (span.days != 1)}"
