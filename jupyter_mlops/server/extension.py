"""The Jupyter server extension: where its routes, threads and watchers come from."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_server.extension.application import ExtensionApp
from traitlets import Float

if TYPE_CHECKING:
    from jupyter_mlops.server.upkeep import Upkeep
    from jupyter_mlops.server.watch import Watches

READERS = 4


class MlopsExtension(ExtensionApp):
    """jupyter-mlops in a Jupyter server."""

    name = "jupyter_mlops"
    load_other_extensions = True
    rest_s = Float(300, min=0, help="Seconds without a request after which the server counts as resting.").tag(
        config=True
    )

    def initialize_handlers(self) -> None:
        """Append the routes; the last one answers for every verb."""
        from jupyter_mlops.server import BASE, handlers

        self.handlers += [
            (rf"{BASE}/openapi\.json", handlers.OpenApiHandler),
            (rf"{BASE}/verbs", handlers.CatalogueHandler),
            (rf"{BASE}/jobs", handlers.JobsHandler),
            (rf"{BASE}/jobs/([^/]+)", handlers.JobHandler),
            (rf"{BASE}/watch", handlers.WatchHandler),
            (rf"{BASE}/(.*)", handlers.VerbHandler),
        ]

    @cached_property
    def readers(self) -> ThreadPoolExecutor:
        """The few threads in which reading verbs run."""
        return ThreadPoolExecutor(READERS, thread_name_prefix="mlops")

    @cached_property
    def private_jobs(self) -> Path:
        """A private folder for jobs that start before there is a project."""
        from jupyter_core.paths import jupyter_runtime_dir

        return Path(jupyter_runtime_dir()) / "mlops-jobs"

    @cached_property
    def watches(self) -> Watches:
        """What panels look at; one thread looks for all of them."""
        from jupyter_mlops.server.watch import Watches, announcer

        return Watches(self._watchers, self.private_jobs, announcer(self.settings["event_logger"]))

    @cached_property
    def upkeep(self) -> Upkeep:
        """What is done for open projects while the server rests."""
        from jupyter_mlops.server.upkeep import Upkeep

        return Upkeep(self.rest_s, self._watchers, self.private_jobs)

    def touch(self) -> None:
        """Somebody asked something; while no panel was opened nothing depends on it."""
        if "upkeep" in self.__dict__:
            self.upkeep.touch()

    @cached_property
    def _watchers(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1, thread_name_prefix="mlops-watch")

    async def stop_extension(self) -> None:
        """Let go of threads; jobs go on, and are found again."""
        if "upkeep" in self.__dict__:
            self.upkeep.stop()
        for name in ("readers", "_watchers"):
            if name in self.__dict__:
                self.__dict__[name].shutdown(wait=False, cancel_futures=True)
