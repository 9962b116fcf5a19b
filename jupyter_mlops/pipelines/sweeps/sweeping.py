"""A sweep under way: points that the search chooses, each run as a trial, several at once."""

from __future__ import annotations

import contextlib
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

import attrs

from jupyter_mlops.errors import Cancelled, UsageError
from jupyter_mlops.pipelines.records.reports import Heard, Report
from jupyter_mlops.pipelines.running.machine import cpus, memory_bytes
from jupyter_mlops.pipelines.running.runner import Finished
from jupyter_mlops.pipelines.running.scheduling import capacity
from jupyter_mlops.pipelines.running.turns import stoppable
from jupyter_mlops.pipelines.stages.specs import StageSpec, sources
from jupyter_mlops.pipelines.sweeps.asking import involved, line
from jupyter_mlops.pipelines.sweeps.bench import Bench, Home, bench
from jupyter_mlops.pipelines.sweeps.boards import Definition, Trial, board, has_metric, step_note, value_of
from jupyter_mlops.pipelines.sweeps.search import Aim, Point, Search
from jupyter_mlops.pipelines.sweeps.space import parse_all
from jupyter_mlops.records import Progress, Scalar, Standing

STRIKES = 3
"""Failures after which a sweep in which nothing went well ends: the rest would fail as well."""
STUDY = "study.jsonl"


class Sweeping:
    """One sweep while it is under way.

    Parameters
    ----------
    home
        The project; only its records are written.
    definition
        What is asked for.
    folder
        Where the study is kept.
    earlier
        Trials of the same sweep that ended before.

    Raises
    ------
    UsageError
        ``sweep-elsewhere``: another clone has its study.
    """

    def __init__(self, home: Home, definition: Definition, folder: Path, earlier: tuple[Trial, ...] = ()) -> None:
        aim = Aim(
            parse_all(definition.space), definition.maximize, definition.sampler, definition.seed, definition.prunes
        )
        if earlier and not (folder / STUDY).exists():
            hint = f"Start one of your own: sweep {definition.stage} {line(definition)}"
            raise UsageError("sweep-elsewhere", "This sweep was run in another clone.", hint=hint)
        self.trials = {trial.trial: trial for trial in earlier}
        self.search = Search(folder / STUDY, definition.sweep, aim)
        self._home = home
        self._definition = definition
        self._folder = folder
        self._strikes = 0
        self._recover()

    def _recover(self) -> None:
        """Trials that a kill left running: the record of one may be there already, all others are tried again."""
        for number in self.search.running:
            if trial := self.trials.get(number):
                self.search.tell(number, trial.state, trial.value)
            else:
                self.search.give_up(number)

    def run(self, progress: Progress, jobs: int) -> None:
        """Run trials until all that are planned have ended.

        Parameters
        ----------
        jobs
            Trials at once; 0 for as many as the machine has room for.

        Raises
        ------
        UsageError
            ``no-commits``, ``dirty-data``, ``input-missing``, ``upstream-failed``, ``metric-not-written``.
        EnvironmentFault
            ``kernel-missing``; ``cancelled``.
        """
        missing = self._definition.planned - len(self.search.ended)
        if missing <= 0:
            return
        stages = involved(self._home.pipeline, self._definition.stage)
        at_once = min(missing, at_most(stages[-1], jobs))
        with contextlib.ExitStack() as stack:
            stack.enter_context(stoppable())
            places = [stack.enter_context(self._bench()) for _ in range(at_once)]
            self._prepare(places, stages)
            threads = stack.enter_context(ThreadPoolExecutor(at_once, thread_name_prefix="trial"))
            self._work(_Floor(threads, places), progress)

    def _bench(self) -> contextlib.AbstractContextManager[Bench]:
        return bench(self._home, self._definition.sweep, self._folder / "log.txt", self._definition.stage)

    def _prepare(self, places: list[Bench], stages: tuple[StageSpec, ...]) -> None:
        """Check that a trial sees what the user sees, and run once what all trials have in common."""
        require_same_inputs(self._home, places[0], stages)
        if common := self._common(stages):
            labels: dict[str, Scalar] = {"sweep": self._definition.sweep}
            done = places[0].prepare(common, labels)
            bad = next((stage for stage in done.stages if stage.state == "failed"), None)
            if bad:
                raise UsageError(
                    "upstream-failed",
                    f"{bad.name}, which {self._definition.stage} needs, failed.",
                    context=bad.error,
                    hint=f"run {bad.name}",
                )
        for place in places:
            place.settle()

    def _common(self, stages: tuple[StageSpec, ...]) -> list[str]:
        """The stages that run once for all trials, as no searched parameter matters to them; none when up to date."""
        searched = {key for keys in self._definition.keys.values() for key in keys}
        graph, locked = self._home.pipeline.graph(), self._home.pipeline.locked()
        touched: set[str] = set()
        stale = False
        for stage in stages:
            read = {key for keys in stage.params.values() for key in keys}
            if any(_covers(one, key) for one in read for key in searched) or graph.needs(stage) & touched:
                touched.add(stage.name)
            else:
                stale |= self._home.pipeline.verdict(stage, locked.get(stage.name)).state != "up-to-date"
        return [stage.name for stage in stages[:-1] if stage.name not in touched] if stale else []

    def _work(self, floor: _Floor, progress: Progress) -> None:
        self._show(progress)
        try:
            while True:
                self._begin(floor)
                if not floor.running:
                    return
                done, _ = wait(floor.running, return_when=FIRST_COMPLETED)
                for future in done:
                    self._end(*floor.take(future))
                    self._show(progress)
        except BaseException as error:
            self._stop(floor)
            if isinstance(error, KeyboardInterrupt):
                raise Cancelled(f"the sweep; sweep --resume {self._definition.sweep} goes on") from error
            raise

    def _begin(self, floor: _Floor) -> None:
        """Give every idle place something to try."""
        while floor.idle and self._is_wanted(len(floor.running)) and (point := self.search.ask()):
            place = floor.idle.pop()
            keys = self._definition.keys
            values = {key: value for name, value in point.values.items() for key in keys[name]}
            labels: dict[str, Scalar] = {"sweep": self._definition.sweep, "trial": point.trial}
            future = floor.threads.submit(place.run, self._definition.stage, values, labels, self._ear(point))
            floor.running[future] = (point, place)

    def _is_wanted(self, running: int) -> bool:
        is_hopeless = self._strikes >= STRIKES and not any(one.state != "failed" for one in self.trials.values())
        return not is_hopeless and len(self.search.ended) + running < self._definition.planned

    def _ear(self, point: Point) -> Heard:
        """Hears what the trial reports; the search says whether it is worth its end."""
        metric = self._definition.metric

        def heard(report: Report) -> bool:
            is_judged = self._definition.prunes and metric in report.values
            return not is_judged or self.search.report(point.trial, report.step, report.values[metric])

        return heard

    def _end(self, point: Point, done: Finished) -> None:
        """Take note of a trial that ended."""
        record = done.record
        assert record is not None  # noqa: S101  # a run with labels is always recorded
        if record.state == "cancelled":
            self.search.give_up(point.trial)
            return
        value = value_of(record, self._definition.metric)
        self.search.tell(point.trial, record.state, value)
        self.trials[point.trial] = Trial.of(record, self._definition)
        self._strikes += record.state == "failed"
        if record.state == "succeeded" and not has_metric(record, self._definition.metric):
            raise self._not_written([*record.metrics, *record.history])

    def _not_written(self, names: list[str]) -> UsageError:
        metric = self._definition.metric
        return UsageError(
            "metric-not-written",
            f"{self._definition.stage} ran well, but neither wrote nor reported {metric}.",
            context=f"It wrote {', '.join(dict.fromkeys(names)) or 'no metrics'}.",
            hint=f"Let the notebook write it to a metrics file (stage add -M), or say mlops.report({metric}=…).",
        )

    def _stop(self, floor: _Floor) -> None:
        """End what runs; a trial that ended well just then counts, all others will be tried again."""
        for _, place in floor.running.values():
            place.crew.stop()
        wait(floor.running)
        for future, (point, _) in floor.running.items():
            if future.exception():
                self.search.give_up(point.trial)
            else:
                with contextlib.suppress(UsageError):
                    self._end(point, future.result())

    def _show(self, progress: Progress) -> None:
        planned = self._definition.planned
        note = step_note(self.trials, self._definition)
        so_far = board(self._definition, 0, "running", self.trials.values())
        what = f"sweep {self._definition.stage}"
        progress(Standing(what, len(self.search.ended), planned, "trials", note, so_far))


@attrs.frozen
class _Floor:
    """Where trials run: threads, idle places, and what runs in the others."""

    threads: ThreadPoolExecutor
    idle: list[Bench]
    running: dict[Future[Finished], tuple[Point, Bench]] = attrs.field(factory=dict)

    def take(self, future: Future[Finished]) -> tuple[Point, Finished]:
        """What came of a trial; its place is free again."""
        point, place = self.running[future]
        done = future.result()
        del self.running[future]
        self.idle.append(place)
        return point, done


def _covers(one: str, other: str) -> bool:
    """Whether the key `one` is `other`, or a mapping with it inside, or the other way round."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def at_most(stage: StageSpec, jobs: int) -> int:
    """How many trials of `stage` run at once: `jobs`, as far as its limits leave room on this machine."""
    wanted = jobs or int(cpus())
    room = capacity(wanted, cpus(), [stage.limits], memory_bytes())
    count = 1
    while count < wanted and room.holds([stage.limits] * count, stage.limits):
        count += 1
    return count


def require_same_inputs(home: Home, place: Bench, stages: tuple[StageSpec, ...]) -> None:
    """Check that trials read what the user sees.

    Raises
    ------
    UsageError
        ``input-missing``; ``dirty-data``: data that no version holds.
    """
    for path in sorted(sources(stages)):
        here, there = home.pipeline.data.pin(path), place.pipeline.data.pin(path)
        if here is None and "://" not in path:
            raise UsageError(
                "input-missing", f"{path} is missing.", hint="pull brings data; checkout PATH restores it."
            )
        if here != there:
            raise UsageError(
                "dirty-data",
                f"{path} is not what its last version holds.",
                context="Trials run beside the workspace, on versions that are kept: each can be repeated.",
                hint=f"commit {path}, then sweep again.",
            )
