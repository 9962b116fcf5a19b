"""Optuna: which parameters to try next, and whether a trial is worth its end. The only module that names it.

A study is one file, written line by line (`optuna.storages.journal`), so that other tools of Optuna read it too.
"""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import attrs

from jupyter_mlops.pipelines.sweeps.space import Choice, Domain, Space, grid
from jupyter_mlops.records import Scalar

GRID, RANDOM, TPE = "grid", "random", "tpe"
RETRY = "retry"
"""On a trial that tries again what a lost one was to try: the number of the lost one."""
WARM_UP_TRIALS = 4
"""Trials that run to their end before any is compared with them."""


@attrs.frozen
class Aim:
    """What a search is after.

    Attributes
    ----------
    sampler
        ``grid``, ``random`` or ``tpe``.
    seed
        Equal seeds try equal points, as long as one trial runs at a time.
    prunes
        Whether a trial that lags behind is ended.
    """

    space: Space
    maximize: bool
    sampler: str
    seed: int
    prunes: bool = False


@attrs.frozen
class Point:
    """The parameters of one trial; trials are counted from 0."""

    trial: int
    values: Mapping[str, Scalar]


class Search:
    """One study.

    Parameters
    ----------
    file
        Where it is kept; made when missing. Nobody else writes to it meanwhile.
    name
        What other tools call it.
    aim
        What it is after.
    """

    def __init__(self, file: Path, name: str, aim: Aim) -> None:
        import optuna
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        file.parent.mkdir(parents=True, exist_ok=True)
        _mend(file)
        self._aim = aim
        self._lock = threading.Lock()
        self._distributions = {name: _distribution(domain) for name, domain in aim.space.items()}
        self._trials: dict[int, Any] = {}
        # A lock among files would outlive a kill; whoever sweeps holds one of their own.
        lock: Any = threading.Lock()
        backend = JournalFileBackend(str(file), lock)
        self._study = optuna.create_study(
            storage=optuna.storages.JournalStorage(backend),
            study_name=name,
            load_if_exists=True,
            direction="maximize" if aim.maximize else "minimize",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=WARM_UP_TRIALS)
            if aim.prunes
            else optuna.pruners.NopPruner(),
        )

    def ask(self) -> Point | None:
        """The next trial; None when there is nothing left to try."""
        with self._lock:
            if not self._waits() and not self._choose():
                return None
            trial = self._study.ask(self._distributions)
            self._trials[trial.number] = trial
            return Point(trial.number, dict(trial.params))

    def _choose(self) -> bool:
        """Let the next trial be one of the grid, or one that is sampled; False when the grid is used up."""
        tried = sum(RETRY not in trial.user_attrs for trial in self._all())
        if self._aim.sampler != GRID:
            # A seed for each trial: a search that goes on after a kill chooses as if it had not been killed.
            self._study.sampler = _sampler(self._aim.sampler, self._aim.seed + tried)
            return True
        point = next(islice(grid(self._aim.space), tried, None), None)
        if point is not None:
            self._study.enqueue_trial(point)
        return point is not None

    def report(self, trial: int, step: int, value: float) -> bool:
        """Take note of a metric on its way; whether the trial goes on."""
        with self._lock:
            under_way = self._trials[trial]
            if step not in self._study.get_trials(deepcopy=False)[trial].intermediate_values:
                under_way.report(value, step)
            return not under_way.should_prune()

    def tell(self, trial: int, state: str, value: float | None = None) -> None:
        """How a trial ended.

        Parameters
        ----------
        state
            As the state of a run: ``succeeded``, ``failed``, ``pruned``.
        value
            Of the metric; a trial without one counts as failed.
        """
        from optuna.trial import TrialState

        known = {"succeeded": TrialState.COMPLETE, "pruned": TrialState.PRUNED}
        has_value = value is not None and math.isfinite(value)
        chosen = known.get(state, TrialState.FAIL) if has_value or state == "pruned" else TrialState.FAIL
        with self._lock:
            self._study.tell(trial, value if chosen is TrialState.COMPLETE else None, state=chosen)
            self._trials.pop(trial, None)

    def give_up(self, trial: int) -> None:
        """A trial was lost, by a kill or a stop: it counts as failed, and what it was to try is tried again."""
        lost = self._all()[trial]
        if not any(one.user_attrs.get(RETRY) == trial for one in self._all()):
            self._study.enqueue_trial(lost.params, user_attrs={RETRY: trial})
        self.tell(trial, "failed")

    @property
    def running(self) -> tuple[int, ...]:
        """The trials that have not ended; after a kill those are lost."""
        return tuple(trial.number for trial in self._all() if trial.state.name == "RUNNING")

    @property
    def ended(self) -> tuple[int, ...]:
        """The trials that ended by themselves, well or not."""
        lost = {trial.user_attrs[RETRY] for trial in self._all() if RETRY in trial.user_attrs}
        return tuple(trial.number for trial in self._all() if trial.state.is_finished() and trial.number not in lost)

    def importance(self) -> dict[str, float]:
        """How much each parameter matters to the metric; they sum to 1. Empty when too few trials tell."""
        import optuna

        values = {trial.value for trial in self._all() if trial.state.name == "COMPLETE"}
        varied = any(len(one) > 1 for one in self._tried().values())
        if len(values) < 2 or not varied:
            return {}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = optuna.importance.get_param_importances(self._study)
        except (ValueError, RuntimeError, ZeroDivisionError):
            return {}
        return {name: round(float(share), 4) for name, share in found.items() if math.isfinite(share)}

    def _tried(self) -> dict[str, set[Any]]:
        done = [trial for trial in self._all() if trial.state.name == "COMPLETE"]
        return {name: {trial.params.get(name) for trial in done} for name in self._aim.space}

    def _waits(self) -> bool:
        return any(trial.state.name == "WAITING" for trial in self._all())

    def _all(self) -> list[Any]:
        return self._study.get_trials(deepcopy=False)


def _sampler(name: str, seed: int) -> Any:
    import optuna

    if name == RANDOM:
        return optuna.samplers.RandomSampler(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what helps trials side by side counts as experimental in some versions
        return optuna.samplers.TPESampler(seed=seed, constant_liar=True)


def _distribution(domain: Domain) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(domain, Choice):
        return CategoricalDistribution(domain.values)
    if domain.is_whole:
        return IntDistribution(int(domain.low), int(domain.high), log=domain.is_log, step=int(domain.step or 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a last step that does not end at `high`: the range says so itself
        return FloatDistribution(domain.low, domain.high, log=domain.is_log, step=domain.step)


def _mend(file: Path) -> None:
    """Cut off a line that a power cut left half written: what was appended behind it could not be read."""
    if not file.exists() or not (data := file.read_bytes()) or data.endswith(b"\n"):
        return
    with file.open("r+b") as handle:
        handle.truncate(data.rfind(b"\n") + 1)
