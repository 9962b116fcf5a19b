"""Where trials run: a replica that stays from trial to trial, with a worker that stays warm."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from jupyter_mlops.pipelines.executing.executor import Crew
from jupyter_mlops.pipelines.records.reports import Heard, go_on
from jupyter_mlops.pipelines.records.runs import RunRecords
from jupyter_mlops.pipelines.running.choice import Choice
from jupyter_mlops.pipelines.running.kept import keep
from jupyter_mlops.pipelines.running.planning import plan
from jupyter_mlops.pipelines.running.runner import Finished, Runner
from jupyter_mlops.pipelines.stages import yaml_files
from jupyter_mlops.pipelines.stages.dvc_yaml import PARAMS
from jupyter_mlops.pipelines.stages.specs import sources
from jupyter_mlops.pipelines.standing.pipeline import Pipeline
from jupyter_mlops.records import Actor, Scalar, silent
from jupyter_mlops.versioning.datasets import Datasets
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.replicas import replica


@attrs.frozen
class Home:
    """The project that is swept, and who sweeps it; nothing of it is changed but its records."""

    pipeline: Pipeline
    datasets: Datasets
    records: RunRecords
    actor: Actor


class Bench:
    """One place for trials, one after the other.

    Parameters
    ----------
    pipeline
        That of the replica.
    home
        That of the project.
    crew
        The worker that stays.
    """

    def __init__(self, pipeline: Pipeline, home: Home, crew: Crew) -> None:
        self.pipeline = pipeline
        self.crew = crew
        self._home = home
        self._git = Git(pipeline.places.root)
        self._runner = Runner(pipeline, home.records, self._git, home.actor)

    def settle(self) -> None:
        """What is there now is where every trial starts from."""
        self._git.run("add", "--all")

    def _reset(self) -> None:
        """Take back what a trial changed, and what it wrote beside its outputs."""
        self._git.run("checkout-index", "--force", "--all", "--quiet")
        self._git.run("clean", "--force", "-d", "--quiet")

    def prepare(self, stages: Sequence[str], labels: Mapping[str, Scalar]) -> Finished:
        """Run what all trials have in common."""
        return self._run(stages, labels, go_on)

    def run(self, stage: str, values: Mapping[str, Scalar], labels: Mapping[str, Scalar], heard: Heard) -> Finished:
        """Run one trial.

        Parameters
        ----------
        values
            By their full keys in ``params.yaml``.
        labels
            Which trial it is, for its record.
        heard
            Hears what the notebook reports, and says whether it goes on.
        """
        self._reset()

        def change(document: object) -> None:
            for key, value in values.items():
                yaml_files.assign(document, key, value)

        yaml_files.edit(self.pipeline.places.root / PARAMS, change)
        return self._run([stage], labels, heard)

    def _run(self, stages: Sequence[str], labels: Mapping[str, Scalar], heard: Heard) -> Finished:
        choice = Choice(git=False, jobs=1, labels=labels, crew=self.crew, heard=heard)
        done = self._runner.run(lambda: plan(self.pipeline, stages, {}), silent, choice)
        root = self.pipeline.places.root
        for stage in done.stages:
            if done.record and stage.state == "failed" and stage.notebook and (root / stage.notebook).is_file():
                keep(root / stage.notebook, self._home.pipeline.places.root, stage.name, done.record.run)
        return done


@contextlib.contextmanager
def bench(home: Home, sweep: str, log: Path, stage: str) -> Iterator[Bench]:
    """A bench for the trials of `stage`, with all that stages read and none makes; it goes with the block.

    Raises
    ------
    UsageError
        ``no-commits``.
    """
    with replica(home.datasets) as made:
        pipeline = Pipeline(made.places, made.datasets, home.pipeline.preload)
        graph = pipeline.graph()
        made.furnish(tuple(sources(graph.by_name.values())))
        with Crew(made.root, sweep, log, 1, repeats=True) as crew:
            kernel = pipeline.kernel(graph.find(stage))
            crew.warm(iter([kernel] if kernel else []))
            yield Bench(pipeline, home, crew)
