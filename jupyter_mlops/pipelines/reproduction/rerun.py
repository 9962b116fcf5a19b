"""One stage executed again, as often as asked, with the inputs that were recorded, in a replica of the project."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import attrs

from jupyter_mlops.pipelines.executing.executor import Executor, Outcome
from jupyter_mlops.pipelines.reproduction import executed
from jupyter_mlops.pipelines.reproduction.comparing import File, Files
from jupyter_mlops.pipelines.reproduction.factors import Seen, Setting, read_log
from jupyter_mlops.pipelines.running.execution import Execution, Task
from jupyter_mlops.pipelines.stages.specs import StageSpec
from jupyter_mlops.pipelines.standing.pipeline import Pipeline
from jupyter_mlops.records import Progress, Step
from jupyter_mlops.versioning.datasets import Datasets
from jupyter_mlops.versioning.names import overlaps


@attrs.frozen
class Attempt:
    """One execution of a stage.

    Attributes
    ----------
    outcome
        How it ended.
    digests
        Output to the digest of what was written.
    files
        The files of all outputs.
    notebook
        The executed notebook, output or not.
    seen
        What was noticed, when it was watched.
    """

    outcome: Outcome
    seconds: float
    digests: Mapping[str, str] = attrs.field(factory=dict)
    files: Files = attrs.field(factory=dict)
    notebook: Path | None = None
    seen: Seen = attrs.field(factory=Seen)


class Reruns:
    """Executes stages in a replica; nothing is saved into the cache, and nothing recorded.

    Parameters
    ----------
    pipeline, datasets
        Those of the replica.
    folder
        A private folder for what the executions leave.
    variables
        Under which all are executed.
    progress
        Hears of every cell.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        datasets: Datasets,
        folder: Path,
        variables: Mapping[str, str],
        progress: Progress,
    ) -> None:
        self.root = pipeline.places.root
        self._pipeline = pipeline
        self._datasets = datasets
        self._folder = folder
        self._variables = variables
        self._progress = progress
        self._count = 0

    def run(self, stage: StageSpec, inputs: Mapping[str, str], why: str, setting: Setting | None = None) -> Attempt:
        """Execute `stage` on `inputs`.

        Parameters
        ----------
        inputs
            Path to digest; they are in the cache, or in the replica already.
        why
            What this execution shows, for whoever waits.
        setting
            None to execute it as it was executed, unwatched.
        """
        self._count += 1
        folder = self._folder / f"{self._count}"
        folder.mkdir(parents=True)
        self._prepare(stage, inputs)
        variables = {**self._variables, **(setting.variables(folder, self.root) if setting else {})}
        executor = Executor(self.root, self._folder.name, folder / "log.txt", variables)
        if setting and setting.timeout_s:
            stage = attrs.evolve(stage, limits=attrs.evolve(stage.limits, timeout_s=setting.timeout_s))
        task = Task(stage, "reproduced", self._pipeline.situation(stage), recorded=False)
        start = time.monotonic()
        try:
            outcome = Execution(self._pipeline, folder).execute(task, executor, self._renamed(stage, why))
        finally:
            executor.close()
        return self._attempt(stage, folder, outcome, time.monotonic() - start)

    def _renamed(self, stage: StageSpec, why: str) -> Progress:
        return lambda step: self._progress(Step(f"{stage.name}: {why}", step.done, step.total, step.unit))

    def _prepare(self, stage: StageSpec, inputs: Mapping[str, str]) -> None:
        """Put every input in its place, and take the outputs away."""
        for path, digest in inputs.items():
            pin = self._pipeline.data.pin(path)
            if pin is None or pin.md5 != digest:
                self._datasets.restore(path, digest)
        for path in written_by(stage):
            _remove(self.root / path)

    def _attempt(self, stage: StageSpec, folder: Path, outcome: Outcome, seconds: float) -> Attempt:
        """Take what it wrote out of the replica; the next execution begins without it."""
        digests: dict[str, str] = {}
        files: dict[str, File] = {}
        for path in written_by(stage):
            if not (self.root / path).exists():
                continue
            content = self._datasets.workspace.scan(path)
            kept = folder / "outs" / path
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(self.root / path, kept)
            digests[path] = content.digest
            for entry in content.entries:
                name = f"{path}/{entry.path}" if entry.path else path
                files[name] = File(entry.md5, kept / entry.path if entry.path else kept)
        notebook = files.get(stage.papermill.output) if stage.papermill else None
        cells = executed.numbers(json.loads(notebook.location.read_bytes())) if notebook else {}
        outs = {out.path for out in stage.outs}
        return Attempt(
            outcome,
            seconds,
            {path: digest for path, digest in digests.items() if path in outs},
            {name: file for name, file in files.items() if any(overlaps(name, path) for path in outs)},
            notebook.location if notebook else None,
            read_log(folder, stage.name, self.root, cells),
        )


def written_by(stage: StageSpec) -> tuple[str, ...]:
    """The outputs of `stage`, and its executed notebook."""
    notebook = (stage.papermill.output,) if stage.papermill else ()
    return tuple(dict.fromkeys((*(out.path for out in stage.outs), *notebook)))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
