"""Proof of the data while nobody needs the server: one quiet scrub at a time, of projects that a panel showed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from jupyter_mlops.errors import MlopsError, UnknownReference, UsageError
from jupyter_mlops.project import Project
from jupyter_mlops.records import Actor, now
from jupyter_mlops.server.jobs import JobBook
from jupyter_mlops.verbs import find
from jupyter_mlops.versioning.retention import age
from jupyter_mlops.versioning.scrubbing import LastLook

SCRUB = Actor("scrub", source="service")
EVERY = "7d"
NEVER = "never"
SHORTEST_WAIT_S = 0.1


class Upkeep:
    """Starts a scrub where one is due, once the server has rested.

    Parameters
    ----------
    rest_s
        How long nobody asked anything of the server before it counts as resting.
    threads
        Where to look, so that a slow disk does not stop the server.
    private_jobs
        Where jobs are kept that started before there was a project.
    """

    def __init__(self, rest_s: float, threads: Executor, private_jobs: Path) -> None:
        self._rest_s = rest_s
        self._threads = threads
        self._private_jobs = private_jobs
        self._folders: set[Path] = set()
        self._task: asyncio.Task[None] | None = None
        self._asked = time.monotonic()

    def opened(self, folder: Path) -> None:
        """Care for the project around `folder`, for a panel shows it."""
        self._folders.add(folder)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._go_on())

    def touch(self) -> None:
        """Somebody asked something of the server."""
        self._asked = time.monotonic()

    def stop(self) -> None:
        """Start nothing any more; what runs goes on."""
        if self._task:
            self._task.cancel()

    async def _go_on(self) -> None:
        while True:
            left_s = self._asked + self._rest_s - time.monotonic()
            if left_s > 0:
                await asyncio.sleep(max(left_s, SHORTEST_WAIT_S))
                continue
            await asyncio.get_running_loop().run_in_executor(self._threads, self._look)
            await asyncio.sleep(max(self._rest_s, SHORTEST_WAIT_S))

    def _look(self) -> None:
        """Start one scrub, unless a job runs in any of the projects."""
        books = list(self._books())
        if any(job.state == "running" for _, book in books for job in book.documents()):
            return
        for project, book in books:
            try:
                if _is_due(project, book):
                    arguments = {"scrub": True, "all_versions": True}
                    book.start(find("verify"), arguments, SCRUB, quiet=True)
                    return
            except (MlopsError, OSError) as error:
                logging.getLogger(__name__).warning("%s is not scrubbed: %s", project.root, error)

    def _books(self) -> Iterator[tuple[Project, JobBook]]:
        """The projects that panels showed, each once."""
        roots: set[Path] = set()
        for folder in sorted(self._folders):
            with suppress(MlopsError, OSError):
                project = Project.find(folder)
                if project.root not in roots:
                    roots.add(project.root)
                    yield project, JobBook(folder, project.places.state, self._private_jobs)


def _is_due(project: Project, book: JobBook) -> bool:
    """Whether nobody looked for too long, at a project in which somebody works.

    What was merely cloned is left alone: a scrub asks remotes that its settings name.
    """
    every = _every(project)
    if every is None or not project.audit.path.exists() or not project.datasets.settings.cache.is_dir():
        return False
    look = LastLook.read(project.places)
    moments = [*([look.time] if look else []), *_attempts(book)]
    return all(now() - moment > every for moment in moments)


def _every(project: Project) -> timedelta | None:
    """How often the project wants to be scrubbed; None when never.

    Raises
    ------
    UsageError
        ``bad-settings``, ``bad-age``.
    """
    every = project.section("verify").get("every", EVERY)
    if not isinstance(every, str):
        hint = f'every = "{EVERY}", or "{NEVER}"'
        raise UsageError("bad-settings", "every in [verify] of mlops.toml is no span of time.", hint=hint)
    return None if every == NEVER else age(every)


def _attempts(book: JobBook) -> Iterator[datetime]:
    """When scrubs began: one that was stopped is not begun anew at once."""
    for folder in book.newest_first():
        with suppress(UnknownReference):
            order = folder.order()
            if order.actor == SCRUB:
                yield order.started
