"""An execution that ended well outside a run becomes that of a stage: its outputs, ``dvc.lock`` and a record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.records.runs import RunRecords
from jupyter_mlops.pipelines.running.turns import turn
from jupyter_mlops.pipelines.stages import lock
from jupyter_mlops.pipelines.stages.lock import Locked, Pin
from jupyter_mlops.pipelines.stages.notebooks import Notebook
from jupyter_mlops.pipelines.stages.specs import Out, StageSpec
from jupyter_mlops.pipelines.standing.pipeline import Pipeline, flattened
from jupyter_mlops.pipelines.standing.run_cache import RunCache
from jupyter_mlops.records import Actor, Progress, StageRecord, VersionRecord, new_id, write_atomically
from jupyter_mlops.versioning.git import Git

CLOCK_STEP_S = 0.05
"""How much older than the clock the time of a file may be that was written just now."""


@attrs.frozen
class Done:
    """An execution of a notebook that ended well.

    Attributes
    ----------
    source, executed
        The bytes of the notebook before, and after it.
    since_s
        When the first cell began, in seconds since 1970.
    seconds
        How long it took.
    reason
        What is said of it in the record.
    packages, environment
        What was installed where it ran, and the digest of all that is known of it.
    """

    source: bytes
    executed: bytes
    since_s: float
    seconds: float
    reason: str
    packages: Mapping[str, str] = attrs.field(factory=dict)
    environment: str | None = None


@attrs.frozen
class Adopted:
    """What was recorded; the commit is None without one."""

    record: VersionRecord
    git_commit: str | None


class Adoption:
    """Records executions that ended well.

    Parameters
    ----------
    pipeline
        The stages.
    records
        Where runs are kept.
    git
        The repository, for the commit of ``dvc.lock``.
    actor
        In whose name.
    """

    def __init__(self, pipeline: Pipeline, records: RunRecords, git: Git, actor: Actor) -> None:
        self._pipeline = pipeline
        self._records = records
        self._git = git
        self._actor = actor
        self._root = pipeline.places.root

    def record(self, name: str, done: Done, progress: Progress, *, git: bool = True) -> Adopted:
        """Record `done` as the run of the stage `name`.

        Raises
        ------
        UsageError
            ``not-adopted``, with the input that changed, or the output that is not of this execution.
        """
        with turn(self._pipeline.places, progress):
            graph = self._pipeline.graph()
            stage = graph.find(name)
            for problem in stale_files(self._root, stage, done.since_s):
                raise not_adopted(name, problem)
            written, result = self._saved(stage, done)
            written += self._pipeline.keys.refresh(graph.by_name.values(), self._pipeline.locked())
            commit = self._git.commit_only(written, f"run: {name}", self._actor) if git else None
            record = self._record(stage, done, result, commit)
        self._records.append(record, self._actor)
        return Adopted(record, commit)

    def _saved(self, stage: StageSpec, done: Done) -> tuple[list[str], StageRecord]:
        """Keep what it wrote, and say so in ``dvc.lock``; the files that git is to have."""
        command = stage.papermill
        if command:
            (self._root / command.output).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._root / command.output, done.executed)
        data = self._pipeline.data
        with data.in_use():
            lines = [data.ignore(out.path) for out in stage.outs if out.cached]
            outs = {out.path: self._pinned(out) for out in stage.outs}
            now = self._pipeline.situation(stage)
            known = {**now.deps, **self._pipeline.keys.own(stage, done.source)}
            deps = {path: pin for path, pin in known.items() if pin}
            locked = Locked(stage.command, deps, outs, now.params)
            with data.publishing():
                lock.write(self._root, stage, locked)
            RunCache(data.cache).save(stage, locked)
        by_git = (out.path for out in stage.outs if not out.cached)
        kept = [path for path in by_git if not self._git.succeeds("check-ignore", "-q", "--", path)]
        result = StageRecord(
            name=stage.name,
            state="ran",
            seconds=round(done.seconds, 3),
            reason=done.reason,
            notebook=command.output if command else None,
            source=stage.notebook,
            environment=done.environment,
            inputs={path: deps[path].md5 for path in stage.data if path in deps},
            outputs={path: pin.md5 for path, pin in outs.items()},
            code=Notebook.parse(stage.notebook or stage.name, done.source).code_digest,
        )
        return ["dvc.lock", *filter(None, lines), *kept], result

    def _pinned(self, out: Out) -> Pin:
        pin = self._pipeline.data.save(out.path)
        if pin is None:
            raise FileNotFoundError(out.path)
        return pin

    def _record(self, stage: StageSpec, done: Done, result: StageRecord, commit: str | None) -> VersionRecord:
        values = self._pipeline.values(stage).values()
        return VersionRecord(
            run=new_id("run"),
            state="succeeded",
            started=dt.datetime.fromtimestamp(done.since_s, dt.UTC),
            seconds=round(done.seconds, 3),
            author=self._actor,
            git_commit=commit or self._git.head(),
            dirty=bool(self._git.run("status", "--porcelain", "--untracked-files=no")),
            stages=(result,),
            parameters={key: value for each in values for key, value in flattened(each, lists=True)},
            metrics=self._pipeline.metrics([stage]),
            packages=dict(done.packages),
        )


def stale_files(root: Path, stage: StageSpec, since_s: float) -> Iterator[str]:
    """Which outputs of `stage` are not of an execution that began at `since_s`, and which inputs changed after that."""
    own = stage.papermill.output if stage.papermill else None
    for path in stage.data:
        if "://" not in path and any(_touched_s(file) > since_s for file in _files(root / path)):
            yield f"its input {path} changed after the first cell ran"
    for out in stage.outs:
        if out.path == own:
            continue
        files = [*_files(root / out.path)]
        if not files:
            yield f"its output {out.path} is not there"
        elif any(file.stat().st_mtime < since_s - CLOCK_STEP_S for file in files):
            yield f"its output {out.path} is older than the first cell that ran"


def not_adopted(name: str, problem: str) -> UsageError:
    """Why an execution is not taken for the run of the stage `name`."""
    return UsageError(
        "not-adopted",
        f"This is not a run of {name}: {problem}.",
        hint=f"run {name} executes it. Or restart the kernel, run all cells, save, and repeat.",
    )


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (file for file in path.rglob("*") if file.is_file())
    elif path.is_file():
        yield path


def _touched_s(file: Path) -> float:
    """When the content or the place of `file` last changed: what is moved here keeps the time of its content."""
    status = file.stat()
    return max(status.st_mtime, status.st_ctime)
