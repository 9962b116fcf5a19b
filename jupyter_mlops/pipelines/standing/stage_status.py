"""How a stage stands, as others are told; by itself, since most projects ask about data alone."""

from __future__ import annotations

import attrs


@attrs.frozen
class StageStatus:
    """How a stage stands.

    Attributes
    ----------
    state
        ``up-to-date``, ``stale``, ``running``, ``failed`` or ``never-run``.
    reason
        Why, in words: ``prepare.ipynb changed``.
    done, total
        Cells, while it runs.
    run
        The run that runs it, or in which it failed.
    """

    name: str
    state: str
    reason: str = ""
    notebook: str | None = None
    done: int = 0
    total: int = 0
    eta_s: float | None = None
    run: str | None = None
