"""How long versions are kept."""

from __future__ import annotations

import re
from datetime import timedelta

from jupyter_mlops.errors import UsageError

AGE = re.compile(r"([1-9][0-9]{0,4})([dwy])")
DAYS = {"d": 1, "w": 7, "y": 365}


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
