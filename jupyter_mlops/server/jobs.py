"""Jobs: each changing verb runs in a process of its own, and its folder is all there is to know about it.

A folder holds ``order.json`` (what is to be done), ``process.json`` (who does it),
``progress.json``, ``result.json``, ``ending.json`` and ``log``; a server that starts
later finds every job again by reading it.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import attrs
import msgspec

from jupyter_mlops.errors import Cancelled, EnvironmentFault, UnknownReference
from jupyter_mlops.records import Actor, Instant, Step, new_id, now, write_atomically
from jupyter_mlops.server.documents import ErrorDetail, Job, JobState
from jupyter_mlops.server.processes import MODULE, Process
from jupyter_mlops.verbs.declaration import Verb
from jupyter_mlops.verbs.lines import line

KEPT = 100
STARTING_S = 10.0
MOST_BYTES = 64 << 20
TAIL_BYTES = 4000
NAME = re.compile(r"job-[0-9a-f]{11}-[0-9a-f]{6}")
NOT_FOR_JOBS = frozenset({"JUPYTER_TOKEN", "JUPYTER_PASSWORD", "JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN"})

Record = TypeVar("Record")


@attrs.frozen
class Order:
    """What a job is to do, and for whom; a quiet one takes only what nobody else needs of the machine."""

    job: str
    verb: str
    arguments: dict[str, Any]
    folder: str
    actor: Actor
    line: str
    started: Instant
    quiet: bool = False


@attrs.frozen
class Ending:
    """How a job ended."""

    state: JobState
    seconds: float
    gate: str | None = None
    error: ErrorDetail | None = None


class JobFolder:
    """One job.

    Parameters
    ----------
    path
        Its folder; the name is the job's id.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def job(self) -> str:
        """The id."""
        return self.path.name

    def order(self) -> Order:
        """What it is to do.

        Raises
        ------
        UnknownReference
            ``unknown-job`` when it was pruned meanwhile.
        """
        order = self._read("order", Order)
        if order is None:
            raise _unknown(self.job)
        return order

    def write(self, name: str, record: object) -> None:
        """Replace one of its files, atomically and for the owner alone."""
        write_atomically(self.path / f"{name}.json", msgspec.json.encode(record), mode=0o600)

    def has_ended(self) -> bool:
        """Whether nothing runs any more; what cannot be read runs nothing."""
        try:
            return self._ending(self.order()) is not None
        except UnknownReference:
            return True

    def document(self, *, whole: bool = True) -> Job:
        """Everything a face shows; without `whole` the result is left out."""
        order = self.order()
        ending = self._ending(order)
        result = self._read("result", msgspec.Raw) if whole and ending else None
        return Job(
            job=self.job,
            verb=order.verb,
            line=order.line,
            state=ending.state if ending else "running",
            progress=None if ending else self._read("progress", Step),
            result=result,
            gate=ending.gate if ending else None,
            error=ending.error if ending else None,
            started=order.started,
            seconds=ending.seconds if ending else round((now() - order.started).total_seconds(), 1),
        )

    def cancel(self) -> None:
        """Stop it; returns at once, the process gets time to tidy up."""
        write_atomically(self.path / "cancelled", b"", mode=0o600)
        process = self._read("process", Process)
        if process and process.alive(self.job):
            threading.Thread(target=process.stop, args=(self.job,), name=f"stop {self.job}", daemon=True).start()

    def bury(self) -> None:
        """Write the ending of a process that died without one, so that watchers see it."""
        with suppress(UnknownReference, OSError):
            if ending := self._ending(self.order()):
                self.write("ending", ending)

    def _ending(self, order: Order) -> Ending | None:
        """How it ended; whether it lives is asked first, because a process writes its ending while it lives."""
        process = self._read("process", Process)
        alive = process.alive(self.job) if process else (now() - order.started).total_seconds() < STARTING_S
        ending = self._read("ending", Ending)
        return ending if ending or alive else self._death(order)

    def _death(self, order: Order) -> Ending:
        seconds = max(0.0, round(self.path.stat().st_mtime - order.started.timestamp(), 1))
        if (self.path / "cancelled").exists():
            return Ending("cancelled", seconds, error=ErrorDetail.of(Cancelled(order.verb)))
        said = self._last_words()
        error = EnvironmentFault(
            "job-died", f"The process of `{order.verb}` ended early.", context=said, hint=order.line
        )
        return Ending("failed", seconds, error=ErrorDetail.of(error))

    def _last_words(self) -> str:
        try:
            with _opened(self.path / "log") as log:
                log.seek(max(0, os.fstat(log.fileno()).st_size - TAIL_BYTES))
                lines = log.read(TAIL_BYTES).decode(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1] if lines else ""

    def _read(self, name: str, kind: type[Record]) -> Record | None:
        """One of its files; None when it is not there, or no longer readable."""
        try:
            with _opened(self.path / f"{name}.json") as file:
                whole = os.fstat(file.fileno()).st_size <= MOST_BYTES
                return msgspec.json.decode(file.read(MOST_BYTES), type=kind) if whole else None
        except (OSError, msgspec.DecodeError, RecursionError):
            return None


class JobBook:
    """The jobs of one folder: in the project's durable state, or in a private one where there is no project yet.

    Parameters
    ----------
    folder
        Where the user stands.
    state
        The durable state of the project, or None outside one.
    private
        Where jobs are kept that start before there is a project.
    """

    def __init__(self, folder: Path, state: Path | None, private: Path) -> None:
        self._folder = folder
        self._own = state / "jobs" if state else None
        self._private = private

    def start(self, verb: Verb, arguments: Mapping[str, Any], actor: Actor, *, quiet: bool = False) -> str:
        """Start `verb` in a process that outlives this one; the job's id."""
        job = JobFolder((self._own or self._private) / new_id("job"))
        self._claim(job)
        said = line(verb, verb.recordable(arguments))
        plain = msgspec.to_builtins(dict(arguments))
        job.write("order", Order(job.job, verb.name, plain, str(self._folder), actor, said, now(), quiet))
        _launch(job, self._folder)
        self._prune()
        return job.job

    def find(self, job: str) -> JobFolder:
        """The job of that id.

        Raises
        ------
        UnknownReference
            ``unknown-job``.
        """
        found = next((folder for folder in self._folders() if folder.job == job), None)
        if found is None:
            raise _unknown(job)
        return found

    def newest_first(self) -> list[JobFolder]:
        """All jobs."""
        return sorted(self._folders(), key=lambda folder: folder.job, reverse=True)

    def documents(self) -> Iterator[Job]:
        """All jobs without their results, newest first; one that is pruned meanwhile is left out."""
        for folder in self.newest_first():
            with suppress(UnknownReference, OSError):
                yield folder.document(whole=False)

    def _folders(self) -> Iterator[JobFolder]:
        """The project's, and those that were started here before there was one."""
        if self._own:
            yield from _listed(self._own)
        for folder in _listed(self._private):
            with suppress(UnknownReference):
                if folder.order().folder == str(self._folder):
                    yield folder

    @staticmethod
    def _claim(job: JobFolder) -> None:
        job.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        job.path.mkdir(mode=0o700)

    def _prune(self) -> None:
        """Forget all but the newest that have ended."""
        ended = [folder for folder in self.newest_first() if folder.has_ended()]
        for folder in ended[KEPT:]:
            shutil.rmtree(folder.path, ignore_errors=True)


def _listed(parent: Path) -> Iterator[JobFolder]:
    try:
        folders = list(parent.iterdir())
    except OSError:
        return
    for folder in folders:
        if NAME.fullmatch(folder.name) and not folder.is_symlink() and (folder / "order.json").exists():
            yield JobFolder(folder)


def _opened(path: Path) -> BinaryIO:
    """A file of a job; no link in its place is followed and no pipe waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no file")
    return os.fdopen(descriptor, "rb")


def _launch(job: JobFolder, folder: Path) -> None:
    """Start the process; ``-P`` keeps files of the project from being imported as modules."""
    command = [sys.executable, "-P", "-m", MODULE, str(job.path)]
    environment = {name: value for name, value in os.environ.items() if name not in NOT_FOR_JOBS}
    with (job.path / "log").open("xb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    if known := Process.of(process.pid):
        job.write("process", known)
    threading.Thread(target=_await, args=(process, job), name=f"await {job.job}", daemon=True).start()


def _await(process: subprocess.Popen[bytes], job: JobFolder) -> None:
    """Reap the process, and note its ending when it could not do so itself."""
    process.wait()
    job.bury()


def _unknown(job: str) -> UnknownReference:
    return UnknownReference("unknown-job", f"There is no job {job}.", hint="The last hundred are kept.")
