"""The adapter to Dask: nothing else of ours names ``distributed``, and it is imported when a cluster is asked."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from jupyter_mlops.errors import EnvironmentFault, UsageError

if TYPE_CHECKING:
    from distributed import Client, Future, Worker

TOPIC = "jupyter-mlops"
ADDRESS = "DASK_SCHEDULER_ADDRESS"
FAREWELL_S = 10.0
PATIENCE_S = 10.0
QUIET_S = 0.25
KEYS = frozenset({"address", "ca_file", "cert_file", "key_file", "remote", "repository", "resources", "stages"})
Message = dict[str, Any]


@attrs.frozen
class DaskSettings:
    """The table ``[dask]`` of ``mlops.toml``.

    Attributes
    ----------
    address
        Of the scheduler; "" when nobody named one.
    ca_file, cert_file, key_file
        What an encrypted connection needs; "" leaves it to Dask's own settings.
    remote, repository
        The DVC remote through which data goes, and what workers clone; "" for the default one, and for ``origin``.
    resources
        What a worker calls the ``cpus`` and the ``memory`` (bytes) that stages are limited to.
    stages
        What else a stage takes of a worker, by its name: ``{"train": {"GPU": 1}}``.
    """

    address: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    remote: str = ""
    repository: str = ""
    resources: Mapping[str, str] = attrs.field(factory=lambda: {"cpus": "CPU", "memory": "MEMORY"})
    stages: Mapping[str, Mapping[str, float]] = attrs.field(factory=dict)

    @classmethod
    def read(cls, table: Mapping[str, Any], root: Path) -> DaskSettings:
        """The settings of the project at `root`; the environment names the address when the table does not.

        Raises
        ------
        UsageError
            ``bad-settings``.
        """
        if unknown := sorted(table.keys() - KEYS):
            raise _bad(f"{unknown[0]} means nothing in [dask]", f"Keys: {', '.join(sorted(KEYS))}.")
        texts = {key: value for key, value in table.items() if key not in ("resources", "stages")}
        for key, value in texts.items():
            if not isinstance(value, str):
                raise _bad(f"{key} in [dask] is no text", f'{key} = "…"')
        files = {key: str(root / Path(texts[key]).expanduser()) for key in texts if key.endswith("_file")}
        given = {**texts, **files, "address": texts.get("address") or os.environ.get(ADDRESS, "")}
        return attrs.evolve(cls(**given), **_tables(table))


def _tables(table: Mapping[str, Any]) -> dict[str, Any]:
    resources, stages = table.get("resources", {}), table.get("stages", {})
    if not isinstance(resources, Mapping) or not {*resources} <= {"cpus", "memory"}:
        raise _bad("[dask.resources] maps cpus and memory", 'cpus = "CPU"')
    known = isinstance(stages, Mapping) and all(isinstance(needs, Mapping) for needs in stages.values())
    numbers = [value for needs in stages.values() for value in needs.values()] if known else [""]
    if not all(isinstance(number, int | float) and number > 0 for number in numbers):
        raise _bad("[dask.stages.NAME] holds numbers above 0", "GPU = 1")
    return {"resources": {**DaskSettings().resources, **resources}, "stages": stages}


def _bad(what: str, hint: str) -> UsageError:
    return UsageError("bad-settings", f"mlops.toml: {what}.", hint=hint)


@attrs.frozen
class Crew:
    """What a cluster has: workers, tasks they take at once, and the most that one has of each resource."""

    workers: int
    threads: int
    resources: Mapping[str, float]


class Cluster:
    """A Dask cluster, while we are connected.

    Parameters
    ----------
    client
        The connection.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._futures: dict[str, Future] = {}
        self._is_cancelled = False

    def crew(self) -> Crew:
        """What the cluster has now."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        resources: dict[str, float] = {}
        for worker in workers:
            for name, amount in worker["resources"].items():
                resources[name] = max(amount, resources.get(name, 0))
        return Crew(len(workers), sum(worker["nthreads"] for worker in workers), resources)

    def hear(self, handler: Callable[[Message], None]) -> None:
        """Call `handler` with what workers tell from now on; it runs in the thread of the connection."""
        self._client.subscribe_topic(TOPIC, lambda event: handler(event[1]))

    def execute(self, key: str, order: bytes, resources: Mapping[str, float]) -> bytes:
        """Have `order` carried out by a worker; another does it again when that one dies.

        Raises
        ------
        EnvironmentFault
            ``worker-died``, ``worker-failed``, ``cluster-lost``; ``stopped`` after `cancel`.
        """
        from concurrent.futures import CancelledError

        from distributed.scheduler import KilledWorker

        if self._is_cancelled:
            raise _stopped()
        future = self._client.submit(carry_out, order, key=key, pure=False, resources=dict(resources) or None)
        self._futures[key] = future
        try:
            answer: bytes = future.result()
        except CancelledError as error:
            raise (_stopped() if self._is_cancelled else _lost(error)) from error
        except KilledWorker as error:
            message = f"each of the {error.allowed_failures + 1} workers that ran it died"
            raise EnvironmentFault(
                "worker-died", message, hint="Look at their logs: memory is the usual cause."
            ) from error
        except Exception as error:
            raise _failed(error) from error
        finally:
            del self._futures[key]
        return answer

    def cancel(self) -> None:
        """Want nothing of all this any more."""
        self._is_cancelled = True
        self._client.cancel([*self._futures.values()], force=True)


@contextmanager
def connected(settings: DaskSettings, timeout_s: float | None = None) -> Iterator[Cluster]:
    """A connection to the scheduler.

    Parameters
    ----------
    timeout_s
        How long it may take to answer, in seconds; 10 when left out.

    Raises
    ------
    UsageError
        ``no-cluster``: nobody said where it is.
    EnvironmentFault
        ``dask-missing``, ``cluster-unreachable``.
    """
    if not settings.address:
        hint = f'address = "tls://scheduler:8786" under [dask] in mlops.toml, or {ADDRESS} in the environment.'
        raise UsageError("no-cluster", "Nobody said where the Dask cluster is.", hint=hint)
    try:
        from distributed import Client
    except ImportError as error:
        raise EnvironmentFault(
            "dask-missing", "Dask is not installed here.", context=str(error), hint='pip install "jupyter-mlops[dask]"'
        ) from error
    try:
        wait_s, security = timeout_s or PATIENCE_S, _security(settings)
        client = Client(settings.address, timeout=wait_s, security=security, set_as_default=False, name=TOPIC)
    except (OSError, ValueError, TypeError) as error:
        raise EnvironmentFault(
            "cluster-unreachable",
            f"The Dask cluster at {settings.address} does not answer.",
            context=str(error),
            hint="Check the address, and the certificates when it starts with tls://.",
        ) from error
    try:
        yield Cluster(client)
    finally:
        client.close()


def _security(settings: DaskSettings) -> Any:
    if not (settings.ca_file or settings.cert_file):
        return None
    from distributed import Security

    return Security(
        require_encryption=True,
        tls_ca_file=settings.ca_file or None,
        tls_client_cert=settings.cert_file or None,
        tls_client_key=settings.key_file or None,
    )


def _stopped() -> EnvironmentFault:
    return EnvironmentFault("stopped", "stopped")


def _lost(error: BaseException) -> EnvironmentFault:
    return EnvironmentFault("cluster-lost", "the connection to the cluster was lost", context=str(error))


def _failed(error: Exception) -> EnvironmentFault:
    lacks_us = isinstance(error, ImportError) or "jupyter_mlops" in str(error)
    hint = 'Workers need the same packages: pip install "jupyter-mlops[dask]".' if lacks_us else ""
    context = f"{type(error).__name__}: {error}"
    return EnvironmentFault("worker-failed", f"the worker could not run it ({context})", hint=hint)


def carry_out(order: bytes) -> bytes:
    """Run in a thread of a worker: carry out `order` there, and answer."""
    from distributed import get_worker

    from jupyter_mlops.pipelines.cluster.remote_stage import carried_out

    worker = get_worker()
    key = worker.get_current_task()
    voice = _Voice(worker)
    # Beside the worker's own folder, which goes with it: the next worker of this machine finds the clone.
    folder = Path(worker.local_directory).parent / TOPIC
    return carried_out(order, folder, voice, lambda: _is_wanted(worker, key))


def _is_wanted(worker: Worker, key: Any) -> bool:
    """Whether anybody waits for the result: false once it was cancelled, or the client that asked for it is gone."""
    task = worker.state.tasks.get(key)
    return task is not None and task.state != "cancelled"


class _Voice:
    """Tells whoever listens how far a stage is; cells that follow each other too fast are left out."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._lock = threading.Lock()
        self._said = 0.0

    def __call__(self, message: Message) -> None:
        with self._lock:
            due = time.monotonic() - self._said > QUIET_S or message.get("done") in (0, message.get("total"))
            if due:
                self._said = time.monotonic()
        if due:
            self._worker.log_event(TOPIC, message)
