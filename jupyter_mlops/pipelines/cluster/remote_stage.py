"""A stage that another machine asked for: its commit cloned, its inputs fetched, its outputs pushed.

What is said back is what became of the stage. Only whoever asked writes ``dvc.lock`` and the record of the run.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs

from jupyter_mlops.errors import EnvironmentFault, MlopsError
from jupyter_mlops.pipelines.cluster.orders import Done, Order, decoded
from jupyter_mlops.pipelines.executing.executor import Executor
from jupyter_mlops.pipelines.records import deposit
from jupyter_mlops.pipelines.records.reports import Report
from jupyter_mlops.pipelines.running.execution import Execution, Task
from jupyter_mlops.pipelines.running.planning import require_kernel
from jupyter_mlops.pipelines.running.sharing import Shared
from jupyter_mlops.pipelines.running.sites import unchanged
from jupyter_mlops.pipelines.stages.lock import Locked
from jupyter_mlops.pipelines.stages.notebooks import Notebook
from jupyter_mlops.pipelines.stages.specs import StageSpec
from jupyter_mlops.pipelines.standing.memory import fingerprint
from jupyter_mlops.pipelines.standing.pipeline import Pipeline
from jupyter_mlops.records import Places, StageRecord, Step, alone
from jupyter_mlops.trust.addresses import redacted
from jupyter_mlops.versioning.datasets import Datasets
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.occupancy import private_folder
from jupyter_mlops.versioning.remotes import Remotes
from jupyter_mlops.versioning.replicas import Replica, replica

LOOK_AGAIN_S = 0.5
LOG_BYTES = 1_000_000
NOTEBOOK_BYTES = 50_000_000
Tell = Callable[[dict[str, Any]], None]


def carried_out(data: bytes, folder: Path, tell: Tell, is_wanted: Callable[[], bool]) -> bytes:
    """Carry out the encoded `Order` in `data`, and encode what came of it.

    Parameters
    ----------
    folder
        Where clones stay from one stage to the next.
    tell
        Hears how far it is.
    is_wanted
        Asked now and then: once it says no, everything is stopped.
    """
    order: Order = decoded(data, Order)
    host = socket.gethostname()

    def say(message: dict[str, Any]) -> None:
        tell({"run": order.run, "stage": order.stage, "host": host, **message})

    def report(step: Step) -> None:
        say(attrs.asdict(step))

    report(Step(order.stage, unit="cells"))
    try:
        with _clone(order, folder) as there:
            done = _Errand(order, there, say, is_wanted).done(report)
    except MlopsError as error:
        said = ". ".join(filter(None, (error.message.rstrip("."), redacted(error.context), error.hint)))
        done = Done(StageRecord(order.stage, "failed", reason=order.reason, error=said))
    finally:
        say({"ended": True})
    return attrs.evolve(done, record=attrs.evolve(done.record, host=host)).encoded()


@contextlib.contextmanager
def _clone(order: Order, folder: Path) -> Iterator[Replica]:
    """A work tree of the commit, beside a clone that stays; they share a cache."""
    top = folder / hashlib.sha256(order.repository.encode()).hexdigest()[:16]
    root = top / order.folder
    with alone(folder / f"{top.name}.lock"):
        root.mkdir(parents=True, exist_ok=True)
        git = Git(top)
        if not (top / ".git" / "config").exists():
            git.run("init", "--quiet")
        git.run("config", "remote.origin.url", order.repository)
        if git.resolve(order.commit) is None:
            _fetch(git, order.commit)
    places = Places(root=root, git_dir=(top / ".git").resolve())
    with replica(Datasets(places, Git(root)), order.commit) as there:
        yield there


def _fetch(git: Git, commit: str) -> None:
    git.run("fetch", "--quiet", "--force", "--no-tags", "origin", "+refs/heads/*:refs/remotes/origin/*")
    if git.resolve(commit) is None:
        raise EnvironmentFault(
            "commit-not-pushed", f"The git remote does not have {commit[:7]}.", hint="git push, then run again."
        )


@attrs.frozen
class _Errand:
    """One order, carried out in `there`."""

    order: Order
    there: Replica
    tell: Tell
    is_wanted: Callable[[], bool]

    def done(self, report: Callable[[Step], None]) -> Done:
        """What came of it."""
        order, places = self.order, self.there.places
        pipeline = Pipeline(places, self.there.datasets, order.preload)
        stage = pipeline.graph().find(order.stage)
        remotes = Remotes(places, self.there.datasets.git, self.there.datasets.settings)
        shared = Shared(pipeline, remotes, remotes.choose(order.remote))
        absent = {path: pin for path, pin in order.parts.items() if pipeline.data.pin(path) != pin}
        # Parameters that another stage made come first: without them nobody knows what was asked.
        shared.bring({path: pin for path, pin in absent.items() if path in stage.params}, report)
        if not order.is_forced and (found := shared.find(stage, order.deps, pipeline.values(stage), report)):
            record = unchanged(places.root, stage, found, "restored", f"{order.reason}; it ran so before")
            return Done(record, dict(found.outs))
        if not self.is_wanted():
            raise EnvironmentFault("stopped", "stopped")
        shared.bring({path: pin for path, pin in absent.items() if path not in stage.params}, report)
        with private_folder(places.state / "errands") as folder:
            done, locked = self._ran(pipeline, stage, folder, report)
        if locked:
            shared.send([(stage, locked)], report)
        return done

    def _ran(
        self, pipeline: Pipeline, stage: StageSpec, folder: Path, report: Callable[[Step], None]
    ) -> tuple[Done, Locked | None]:
        root = self.there.root
        task = Task(stage, self.order.reason, pipeline.situation(stage))
        self._require_same(task)
        if command := stage.papermill:
            require_kernel(Notebook.read(root, command.notebook), command)
        executor = Executor(root, self.order.run, folder / "log.txt")
        executor.heard = self._heard
        with contextlib.closing(executor), self._watched(executor):
            ran = Execution(pipeline, folder).run(task, executor, report)
        locked = pipeline.locked().get(stage.name) if ran.record.state == "ran" else None
        notebook = (root / ran.record.notebook) if ran.record.notebook and locked is None else None
        return Done(
            ran.record,
            dict(locked.outs) if locked else {},
            dict(ran.packages),
            _end_of(folder / f"{stage.name}.log") + _end_of(folder / "log.txt"),
            notebook.read_bytes() if notebook and notebook.stat().st_size <= NOTEBOOK_BYTES else b"",
            (deposit.read(self.there.places, seen) or b"") if (seen := ran.record.environment) else b"",
        ), locked

    def _heard(self, report: Report) -> bool:
        """Pass on what the notebook reports; only the coordinator could mind, and it does not."""
        self.tell({"report": attrs.asdict(report)})
        return True

    def _require_same(self, task: Task) -> None:
        """Refuse to make something of other inputs than those that the stage was judged by."""
        if fingerprint(task.stage, task.now) == self.order.fingerprint:
            return
        wanted = {path: pin.md5 for path, pin in self.order.deps.items()}
        found = {path: pin.md5 for path, pin in task.now.deps.items() if pin}
        others = sorted(path for path in {*wanted, *found} if wanted.get(path) != found.get(path))
        what = ", ".join(others) or "a parameter"
        raise EnvironmentFault("other-input", f"Where the stage was to run, {what} is not what it is here.")

    @contextlib.contextmanager
    def _watched(self, executor: Executor) -> Iterator[None]:
        """End what runs as soon as nobody waits for it."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(LOOK_AGAIN_S):
                if not self.is_wanted():
                    executor.stop()
                    return

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _end_of(log: Path) -> str:
    """The last of what was printed."""
    try:
        with log.open("rb") as handle:
            handle.seek(max(0, log.stat().st_size - LOG_BYTES))
            return handle.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
