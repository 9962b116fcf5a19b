"""Which stages may start now: a rule over values, with no clock and no process in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import attrs

from jupyter_mlops.pipelines.stages.limits import UNLIMITED, Limits

GOOD = frozenset({"ran", "restored", "up-to-date"})


@attrs.frozen
class Capacity:
    """What runs may use at a time.

    Attributes
    ----------
    jobs
        Stages that run at once; at least 1.
    cpus
        Processors.
    memory_bytes
        Main memory; None when nobody counts it.
    """

    jobs: int
    cpus: float
    memory_bytes: int | None = None

    def holds(self, running: Sequence[Limits], another: Limits) -> bool:
        """Whether `another` may start beside those that run; alone any stage may, however much it asks for."""
        if not running:
            return True
        every = [*running, another]
        memory = sum(limits.memory_bytes or 0 for limits in every)
        return (
            len(every) <= self.jobs
            and (sum(limits.cpus for limits in every) <= max(self.cpus, self.jobs))
            and (self.memory_bytes is None or memory <= self.memory_bytes)
        )


class Schedule:
    """The order in which the stages of one run start.

    What leads to the most work starts first: the time that a stage and the longest way below it took last time.

    Parameters
    ----------
    names
        The stages of the run, each after what it needs.
    needs
        Stage to the stages whose outputs it reads; those outside the run do not count.
    limits
        What a stage uses, by its name.
    capacity
        What there is.
    seconds
        How long stages took last time; unknown ones count as one second.
    """

    def __init__(
        self,
        names: Sequence[str],
        needs: Mapping[str, Collection[str]],
        limits: Mapping[str, Limits],
        capacity: Capacity,
        seconds: Mapping[str, float] | None = None,
    ) -> None:
        self._needs = {name: frozenset(needs.get(name, ())) & {*names} for name in names}
        self._limits = limits
        self._capacity = capacity
        weight = self._weights(names, seconds or {})
        self.names = tuple(sorted(names, key=lambda name: (-weight[name], names.index(name))))
        self._waiting = dict.fromkeys(self.names)
        self._running: dict[str, Limits] = {}
        self._ended: dict[str, str] = {}

    def _weights(self, names: Sequence[str], seconds: Mapping[str, float]) -> dict[str, float]:
        below: dict[str, float] = {}
        for name in reversed(names):
            longest = max((below[other] for other in below if name in self._needs[other]), default=0.0)
            below[name] = seconds.get(name, 1.0) + longest
        return below

    @property
    def is_over(self) -> bool:
        """Whether every stage ended."""
        return len(self._ended) == len(self._needs)

    @property
    def idle(self) -> bool:
        """Whether no stage runs."""
        return not self._running

    def startable(self) -> Iterator[str]:
        """Stages that may start now; each must be `start`-ed or `end`-ed before the next is asked for."""
        for name in tuple(self._waiting):
            if self._is_ready(name) and self._capacity.holds([*self._running.values()], self._limit(name)):
                yield name

    def blocked(self) -> Iterator[tuple[str, str]]:
        """Stages that will never start, each with the stage that keeps it from starting."""
        for name in tuple(self._waiting):
            bad = [need for need in self._needs[name] if self._ended.get(need, "ran") not in GOOD]
            if bad:
                yield name, min(bad)

    def start(self, name: str) -> None:
        """`name` runs from now on."""
        del self._waiting[name]
        self._running[name] = self._limit(name)

    def end(self, name: str, state: str) -> None:
        """`name` ended so, whether it ran or had no need to."""
        self._waiting.pop(name, None)
        self._running.pop(name, None)
        self._ended[name] = state

    def upcoming(self, besides: Collection[str] = ()) -> Iterator[str]:
        """The stages that are likely to start next: what is ready first, then what only waits for running ones."""
        waiting = [name for name in self._waiting if name not in besides]
        yield from (name for name in waiting if self._is_ready(name))
        near = {*self._ended, *self._running}
        yield from (name for name in waiting if not self._is_ready(name) and self._needs[name] <= near)

    def _is_ready(self, name: str) -> bool:
        return all(self._ended.get(need) in GOOD for need in self._needs[name])

    def _limit(self, name: str) -> Limits:
        return self._limits.get(name, UNLIMITED)


def capacity(jobs: int, cpus: float, limits: Iterable[Limits], memory_bytes: int | None) -> Capacity:
    """What a run may use: memory is counted only when a stage says how much it takes."""
    counted = memory_bytes if any(each.memory_bytes for each in limits) else None
    return Capacity(max(1, jobs), cpus, counted)
