"""How a run is asked for."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from jupyter_mlops.pipelines.executing.executor import Crew
from jupyter_mlops.pipelines.records.reports import Heard, go_on
from jupyter_mlops.records import Scalar


@attrs.frozen
class Choice:
    """How to run.

    Attributes
    ----------
    force
        Run up-to-date stages too.
    git
        Commit ``dvc.lock``, metrics kept by git, and `also`.
    also
        Files written for the run, such as ``params.yaml``.
    jobs
        Stages that run at once; 0 for as many as there are processors.
    labels
        What the record says the run is part of; one that has labels is kept also when nothing had to run.
    crew
        Workers that several runs share, at least `jobs` of them; its own when None.
    heard
        Who hears what notebooks report, and says whether they go on.
    executes
        Whether stages may run; else what is in no cache fails, and the run is not recorded.
    captures
        Whether it is heard what the notebooks of stages read and write.
    """

    force: bool = False
    git: bool = True
    also: tuple[str, ...] = ()
    jobs: int = 0
    labels: Mapping[str, Scalar] = attrs.field(factory=dict)
    crew: Crew | None = None
    heard: Heard = go_on
    executes: bool = True
    captures: bool = False
