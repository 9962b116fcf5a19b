"""Ids, paths and small frozen value objects that every floor may use."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import attrs
from msgspec import Meta

from jupyter_mlops.disks import is_network
from jupyter_mlops.errors import UsageError

Scalar = str | int | float | bool | None
"""A parameter or metric value."""

Instant = Annotated[datetime, Meta(tz=True)]
"""A moment with its time zone."""


def now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


def new_id(prefix: str) -> str:
    """A short id that sorts by time: ``run-1k2j3h4g5f-9c2e``."""
    millis = int(time.time() * 1000)
    return f"{prefix}-{millis:011x}-{os.urandom(3).hex()}"


def short(digest: str) -> str:
    """The four leading characters by which a digest is shown."""
    return digest[:4]


@attrs.frozen
class Step:
    """One report of progress.

    Attributes
    ----------
    what
        What is being done: ``hash data`` or ``train``.
    done, total
        How much of it, in `unit`; `total` is None when unknown.
    unit
        ``files``, ``bytes``, ``cells``, ``stages``.
    note
        How it stands: ``best auc 0.83, trial 7``.
    """

    what: str
    done: float = 0
    total: float | None = None
    unit: str = ""
    note: str = ""


@attrs.frozen
class Standing(Step):
    """A report of progress with the result as it is so far.

    Attributes
    ----------
    result
        As the verb will answer it, so that a face that has room can show it.
    """

    result: object = None


Progress = Callable[[Step], None]
"""Whoever wants to hear of progress."""


def silent(_: Step) -> None:
    """The progress sink that ignores what it hears."""


@attrs.frozen
class Actor:
    """Who acts: a person or a named service.

    Attributes
    ----------
    name, email
        As git knows them; `email` may be empty.
    source
        Where the name came from: ``git``, ``hub``, ``given``, ``service`` or ``unknown``.
    """

    name: str
    email: str = ""
    source: str = "git"

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>" if self.email else self.name


@attrs.frozen
class StageRecord:
    """What became of one stage in one run.

    Attributes
    ----------
    state
        ``ran``, ``up-to-date``, ``restored``, ``failed``, ``pruned`` or ``skipped``.
    reason
        Why it ran, or did not.
    notebook
        The executed notebook, below the root.
    cell
        The number (from 1) of the code cell that failed.
    inputs, outputs
        Path to digest; the notebook itself is among neither.
    code
        The normalised digest of the notebook: outputs, metadata and markdown do not count.
    attempts
        How often it was executed, retries included.
    host
        The machine that ran it for another; "" when it ran where the run was started.
    source
        The notebook that was executed, below the root; it was only read.
    seeds
        What fixes its random numbers, as its code says it: ``{"random_state": 42}``.
    environment
        The digest of what was installed where it ran (kind ``environments`` of the ledger).
    """

    name: str
    state: str
    seconds: float = 0.0
    reason: str = ""
    notebook: str | None = None
    cell: int | None = None
    error: str = ""
    inputs: dict[str, str] = attrs.field(factory=dict)
    outputs: dict[str, str] = attrs.field(factory=dict)
    code: str | None = None
    attempts: int = 1
    host: str = ""
    source: str | None = None
    seeds: dict[str, Scalar] = attrs.field(factory=dict)
    environment: str | None = None


@attrs.frozen
class VersionRecord:
    """What a run pins: everything its outputs depend on, and their digests.

    Attributes
    ----------
    state
        ``succeeded``, ``failed``, ``pruned`` or ``cancelled``.
    git_commit, dirty
        The commit whose tree the run had (with its own lock file, when that was committed),
        and whether tracked files differed from it.
    parameters
        By their full key in the parameter file.
    packages
        Installed distributions and their versions, where no environment tells them.
    patch
        The digest of what the tree had besides `git_commit` (kind ``patches`` of the ledger); None when nothing.
    unkept
        What of that tree the patch does not hold, and why: ``big.py is larger than 1 MB``.
    declared
        The lock files that say what should be installed, path to digest.
    log
        Whether what the run printed beside the notebooks is kept (kind ``logs`` of the ledger, under the run).
    labels
        What the run is part of: ``sweep`` and ``trial``.
    history
        What its notebooks reported while they ran: metric to pairs of step and value.
    """

    run: str
    state: str
    started: Instant
    seconds: float
    author: Actor
    git_commit: str | None
    dirty: bool
    stages: tuple[StageRecord, ...]
    parameters: dict[str, Scalar | list[Scalar]] = attrs.field(factory=dict)
    metrics: dict[str, Scalar] = attrs.field(factory=dict)
    packages: dict[str, str] = attrs.field(factory=dict)
    patch: str | None = None
    unkept: tuple[str, ...] = ()
    declared: dict[str, str] = attrs.field(factory=dict)
    log: bool = False
    labels: dict[str, Scalar] = attrs.field(factory=dict)
    history: dict[str, list[tuple[float, float]]] = attrs.field(factory=dict)

    @property
    def environments(self) -> tuple[str, ...]:
        """The digests of what was installed where its stages ran, each once."""
        return tuple(dict.fromkeys(stage.environment for stage in self.stages if stage.environment))

    @property
    def outputs(self) -> dict[str, str]:
        """What its stages hold afterwards, path to digest."""
        return {path: digest for stage in self.stages for path, digest in stage.outputs.items()}

    @property
    def inputs(self) -> dict[str, str]:
        """What came from outside the run, path to digest."""
        made = self.outputs
        return {
            path: digest for stage in self.stages for path, digest in stage.inputs.items() if made.get(path) != digest
        }


@attrs.frozen
class Places:
    """Where the things of one project live.

    Attributes
    ----------
    root
        The folder of the project: it holds ``.dvc`` or, without one, ``.git``.
    git_dir
        The git directory shared by all worktrees.
    """

    root: Path
    git_dir: Path

    @property
    def repository(self) -> Path:
        """The top of the git work tree, with every link on the way followed."""
        root = self.root.resolve()
        return next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)

    @property
    def state(self) -> Path:
        """Durable local state; survives ``git clean -xdf``."""
        return self.git_dir / "mlops"

    @property
    def live(self) -> Path:
        """Small files that change while something runs; watched by the server."""
        return self.state / "live"

    @property
    def scratch(self) -> Path:
        """Rebuildable caches: ``.mlops/`` once a verb claimed it here, else a private folder.

        A clone may bring a ``.mlops`` of its own, or a link that leads elsewhere: neither is used. On a network
        file system, where sqlite cannot share memory, a folder of this machine is.
        """
        inside = self.root / ".mlops"
        own = self._claim.exists() and inside.is_dir() and not inside.is_symlink()
        return inside if own and os.access(inside, os.W_OK) and not is_network(inside) else self._private_cache()

    def claim_scratch(self) -> Path:
        """Create ``.mlops/`` with its own ``.gitignore``; called by verbs that write."""
        inside = self.root / ".mlops"
        with suppress(OSError):
            inside.mkdir()
            (inside / ".gitignore").write_text("*\n")
            self._claim.parent.mkdir(parents=True, exist_ok=True)
            self._claim.touch()
        return self.scratch

    @property
    def _claim(self) -> Path:
        """Says that ``.mlops/`` was made here; git brings no such file along."""
        return self.state / "scratch" / self.mark

    @property
    def mark(self) -> str:
        """What tells this work tree from others of the repository."""
        return hashlib.sha256(str(self.root).encode()).hexdigest()[:16]

    def _private_cache(self) -> Path:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jupyter-mlops"
        return (local_folder() if is_network(home) else home) / self.mark

    def relative(self, path: str | Path) -> str:
        """`path` (absolute, or relative to the root) as a POSIX path below the root.

        Raises
        ------
        ValueError
            When it lies outside the project.
        """
        absolute = Path(os.path.abspath(self.root / path))  # noqa: PTH100 (a link names itself, not its target)
        return absolute.relative_to(self.root).as_posix()

    def relative_inside(self, path: str | Path) -> str:
        """As `relative`, and no link on the way leads out of the project either.

        Raises
        ------
        ValueError
            When it lies outside, or in a folder that does.
        """
        below = self.relative(path)
        if below != ".":
            (self.root / below).parent.resolve().relative_to(self.root.resolve())
        return below


def local_folder() -> Path:
    """A folder of this machine for this user alone; somebody else's of that name is not used."""
    import tempfile

    folder = Path(tempfile.gettempdir()) / f"jupyter-mlops-{os.getuid()}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077:
        return folder
    return Path(tempfile.mkdtemp(prefix="jupyter-mlops-"))


def listed(table: Mapping[str, object], key: str) -> tuple[str, ...]:
    """The texts that a table of ``mlops.toml`` lists under `key`; none when it does not.

    Raises
    ------
    UsageError
        ``bad-settings``.
    """
    found = table.get(key, [])
    if isinstance(found, list) and all(isinstance(text, str) for text in found):
        return tuple(found)
    raise UsageError("bad-settings", f"{key} in mlops.toml is no list of texts.", hint=f'{key} = ["one", "two"]')


def write_atomically(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace `path` with `data` so that a reader sees the old or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    try:
        with partial.open("xb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        partial.chmod(mode)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold the lock file `lock`: whoever else wants it waits, and a kill releases it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def canonical_json(value: object) -> bytes:
    """`value` as JSON with sorted keys and no spaces: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
