"""The watch socket: tells a panel what to ask for again; nothing is watched while nobody listens."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

from jupyter_events import EventLogger

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.server.sight import Marks, Sight, Topics, changed

PAUSE_S = 0.3
BUSY_RATIO = 0.05
EVENT = "https://jupyter-mlops.readthedocs.io/events/changed/v1"
EVENT_SCHEMA = Path(__file__).parent / "events" / "changed.v1.yaml"

Listener = Callable[[Topics], None]


class Watch:
    """One folder, looked at while somebody listens.

    Parameters
    ----------
    sight
        What to look at.
    threads
        Where to look, so that a slow disk does not stop the server.
    announce
        Hears every hint once, before the listeners.
    """

    def __init__(self, sight: Sight, threads: Executor, announce: Listener) -> None:
        self._sight = sight
        self._threads = threads
        self._announce = announce
        self._listeners: set[Listener] = set()
        self._seen: Marks | None = None
        self._task: asyncio.Task[None] | None = None

    async def join(self, listener: Listener) -> None:
        """Tell `listener` of every change from now on."""
        if self._seen is None:
            self._seen = await self._look()
        self._listeners.add(listener)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._go_on())

    def leave(self, listener: Listener) -> None:
        """Tell `listener` no more; with the last one the watching ends."""
        self._listeners.discard(listener)
        if not self._listeners and self._task:
            self._task.cancel()
            self._task, self._seen = None, None

    @property
    def is_watching(self) -> bool:
        """Whether anything is looked at."""
        return self._task is not None

    async def _look(self) -> Marks:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._sight.look)

    async def _go_on(self) -> None:
        """Look again and again, never busier than a twentieth of the time."""
        pause_s = PAUSE_S
        while True:
            await asyncio.sleep(pause_s)
            began = time.monotonic()
            try:
                self._compare(await self._look())
            except (MlopsError, OSError) as error:
                logging.getLogger(__name__).warning("Watching goes on after: %s", error)
            pause_s = max(PAUSE_S, (time.monotonic() - began) / BUSY_RATIO)

    def _compare(self, now: Marks) -> None:
        topics = changed(self._seen or {}, now)
        self._seen = now
        if topics:
            for listener in (self._announce, *self._listeners):
                listener(topics)


class Watches:
    """The watched folders of one server.

    Parameters
    ----------
    threads
        Where to look.
    private_jobs
        Where jobs are kept that started before there was a project.
    announce
        Hears every hint too, whoever listens.
    """

    def __init__(self, threads: Executor, private_jobs: Path, announce: Listener) -> None:
        self._threads = threads
        self._private_jobs = private_jobs
        self._announce = announce
        self._watches: dict[Path, Watch] = {}

    async def join(self, folder: Path, listener: Listener) -> None:
        """Tell `listener` of every change in `folder` from now on."""
        if folder not in self._watches:
            self._watches[folder] = Watch(Sight(folder, self._private_jobs), self._threads, self._announce)
        await self._watches[folder].join(listener)

    def leave(self, folder: Path, listener: Listener) -> None:
        """Tell `listener` no more."""
        self._watches[folder].leave(listener)

    @property
    def folders(self) -> tuple[Path, ...]:
        """What is looked at."""
        return tuple(folder for folder, watch in self._watches.items() if watch.is_watching)


def announcer(events: EventLogger) -> Listener:
    """Pass hints on as Jupyter events; the schema is registered with the first one."""

    def announce(topics: Topics) -> None:
        if EVENT not in events.schemas:
            events.register_event_schema(EVENT_SCHEMA)
        events.emit(schema_id=EVENT, data={"changed": sorted(topics)})

    return announce
