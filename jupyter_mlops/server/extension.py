"""The Jupyter server extension: where its routes, threads and watchers come from."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

from jupyter_server.extension.application import ExtensionApp

READERS = 4


class MlopsExtension(ExtensionApp):
    """jupyter-mlops in a Jupyter server."""

    name = "jupyter_mlops"
    load_other_extensions = True

    def initialize_handlers(self) -> None:
        """Append the routes; the last one answers for every verb."""
        from jupyter_mlops.server import handlers
        from jupyter_mlops.server.openapi import BASE

        self.handlers += [
            (rf"{BASE}/openapi\.json", handlers.OpenApiHandler),
            (rf"{BASE}/verbs", handlers.CatalogueHandler),
            (rf"{BASE}/jobs", handlers.JobsHandler),
            (rf"{BASE}/jobs/([^/]+)", handlers.JobHandler),
            (rf"{BASE}/(.*)", handlers.VerbHandler),
        ]

    @cached_property
    def readers(self) -> ThreadPoolExecutor:
        """The few threads in which reading verbs run."""
        return ThreadPoolExecutor(READERS, thread_name_prefix="mlops")

    @cached_property
    def runtime(self) -> Path:
        """A private folder for jobs that start before there is a project."""
        from jupyter_core.paths import jupyter_runtime_dir

        return Path(jupyter_runtime_dir())

    async def stop_extension(self) -> None:
        """Let go of threads; jobs go on, and are found again."""
        if "readers" in self.__dict__:
            self.readers.shutdown(wait=False, cancel_futures=True)
