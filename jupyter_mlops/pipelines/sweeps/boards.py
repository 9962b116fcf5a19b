"""What is known of a sweep: how it was asked for, its trials, and which of them is best."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import attrs

from jupyter_mlops.pipelines.running.kept import kept_at
from jupyter_mlops.records import Actor, Instant, Scalar, VersionRecord


@attrs.frozen
class Definition:
    """How a sweep was asked for; kept in the shared ledger.

    Attributes
    ----------
    sweep
        Its id.
    space
        Parameter to its range, as `space` writes it.
    keys
        Parameter to its full keys in ``params.yaml``.
    planned
        How many trials there are to be.
    prunes
        Whether a trial that lags behind is ended.
    fingerprint
        Of all that the trials have in common: code, data, the other parameters.
    importance
        How much each parameter matters, once it is over.
    """

    sweep: str
    stage: str
    space: dict[str, str]
    keys: dict[str, tuple[str, ...]]
    metric: str
    maximize: bool
    sampler: str
    seed: int
    planned: int
    prunes: bool
    fingerprint: str
    started: Instant
    author: Actor
    git_commit: str | None = None
    importance: dict[str, float] = attrs.field(factory=dict)


@attrs.frozen
class Trial:
    """One trial of a sweep.

    Attributes
    ----------
    trial
        As Optuna counts it, from 0; what a kill lost leaves a gap.
    run, number
        The run it was, and its number; 0 before that is known.
    state
        ``succeeded``, ``failed`` or ``pruned``.
    value
        Of the metric; of a pruned trial the last one it reported.
    notebook
        The executed notebook of a failed trial.
    """

    trial: int
    run: str
    number: int
    state: str
    value: float | None
    parameters: dict[str, Scalar]
    seconds: float
    error: str = ""
    notebook: str | None = None

    @classmethod
    def of(cls, record: VersionRecord, definition: Definition, number: int = 0) -> Trial:
        """What the record of its run says."""
        bad = next((stage for stage in record.stages if stage.state == "failed"), None)
        where = f"{bad.name}, cell {bad.cell}: " if bad and bad.cell else ""
        return cls(
            trial=int(str(record.labels["trial"])),
            run=record.run,
            number=number,
            state=record.state,
            value=value_of(record, definition.metric),
            parameters={
                name: _scalar(record.parameters.get(next(iter(keys), ""))) for name, keys in definition.keys.items()
            },
            seconds=record.seconds,
            error=f"{where}{bad.error}" if bad else "",
            notebook=kept_at(bad.name, record.run) if bad and bad.notebook else None,
        )


def _scalar(value: object) -> Scalar:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def value_of(record: VersionRecord, metric: str) -> float | None:
    """What a run made of `metric`: what its files say, else what it reported last; None when that is not finite."""
    written = record.metrics.get(metric)
    if isinstance(written, int | float) and not isinstance(written, bool):
        return float(written) if math.isfinite(written) else None
    points = record.history.get(metric)
    return points[-1][1] if points and metric not in record.metrics else None


def has_metric(record: VersionRecord, metric: str) -> bool:
    """Whether a run wrote or reported `metric` at all."""
    return metric in record.metrics or metric in record.history


def ranked(trials: Iterable[Trial], *, maximize: bool) -> tuple[Trial, ...]:
    """The best first; then what was pruned, what has no value, and what failed."""
    order = {"succeeded": 0, "pruned": 1}

    def place(trial: Trial) -> tuple[int, bool, float, int]:
        value = 0.0 if trial.value is None else trial.value
        return (order.get(trial.state, 2), trial.value is None, -value if maximize else value, trial.trial)

    return tuple(sorted(trials, key=place))


def best_of(trials: Iterable[Trial], *, maximize: bool) -> Trial | None:
    """The best trial that ended well; the first of equals."""
    first = next(iter(ranked(trials, maximize=maximize)), None)
    return first if first and first.state == "succeeded" and first.value is not None else None


@attrs.frozen
class Sweep:
    """A sweep and its leaderboard.

    Attributes
    ----------
    number
        Sweeps are counted oldest first, from 1; 0 while it is only planned.
    state
        ``running``, ``finished``, ``interrupted`` or ``planned``.
    trials
        The best first.
    importance
        How much each parameter matters to the metric; they sum to 1.
    next
        What to type next.
    notes
        What should be known of it.
    applied
        The trial whose parameters were written to ``params.yaml``.
    """

    sweep: str
    number: int
    stage: str
    state: str
    metric: str
    maximize: bool
    sampler: str
    seed: int
    planned: int
    space: dict[str, str]
    trials: tuple[Trial, ...] = ()
    best: Trial | None = None
    importance: dict[str, float] = attrs.field(factory=dict)
    next: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    applied: int | None = None
    git_commit: str | None = None

    @property
    def gate(self) -> str | None:
        """Why it found nothing."""
        if self.best or self.state not in ("finished", "interrupted"):
            return None
        bad = next((trial.error for trial in self.trials if trial.error), "")
        return f"No trial ended well: {bad}".rstrip(": ") if self.trials else None


def board(definition: Definition, number: int, state: str, trials: Iterable[Trial]) -> Sweep:
    """The leaderboard of `trials`."""
    order = ranked(trials, maximize=definition.maximize)
    return Sweep(
        sweep=definition.sweep,
        number=number,
        stage=definition.stage,
        state=state,
        metric=definition.metric,
        maximize=definition.maximize,
        sampler=definition.sampler,
        seed=definition.seed,
        planned=definition.planned,
        space=definition.space,
        trials=order,
        best=best_of(order, maximize=definition.maximize),
        importance=definition.importance,
        notes=tuple(_notes(definition)),
    )


RISING = ("auc", "acc", "accuracy", "f1", "precision", "recall", "r2", "score")


def _notes(definition: Definition) -> Iterable[str]:
    word = definition.metric.rpartition(".")[2].lower()
    if not definition.maximize and any(part in RISING for part in word.split("_")):
        yield f"The least {definition.metric} counts as best; --maximize looks for the greatest."


def step_note(trials: Mapping[int, Trial], definition: Definition) -> str:
    """``best auc 0.83, trial 7``, or how it stands without a best one."""
    best = best_of(trials.values(), maximize=definition.maximize)
    if best is None or best.value is None:
        failed = sum(trial.state == "failed" for trial in trials.values())
        return f"{failed} failed" if failed else ""
    return f"best {definition.metric} {best.value:.4g}, trial {best.trial}"
