"""What is pinned around a run, so that its record tells all that its outputs depend on.

The tree is looked at before the stages run, and compared afterwards with the commit that the run ended in. What is
large lies beside the record in the ledger, under its digest, so that equal things are kept once.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import attrs
import msgspec

from jupyter_mlops.errors import UnknownReference
from jupyter_mlops.pipelines.records import deposit
from jupyter_mlops.pipelines.records.environment import Environment
from jupyter_mlops.pipelines.stages.declared import declared_lock
from jupyter_mlops.pipelines.stages.notebooks import Notebook
from jupyter_mlops.pipelines.stages.papermill_command import Value
from jupyter_mlops.pipelines.stages.seeds import seeds
from jupyter_mlops.pipelines.stages.specs import StageSpec
from jupyter_mlops.pipelines.stages.stripping import stripped
from jupyter_mlops.records import Places, VersionRecord
from jupyter_mlops.trust.detecting import blacked_out, looks_secret
from jupyter_mlops.trust.secrets import LEAST, Scrubber
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.ledger import Ledger
from jupyter_mlops.versioning.patches import Changes, Patches

PATCHES, LOGS, ENVIRONMENTS = "patches", "logs", "environments"
LOG_BYTES = 64 << 10
"""Of what a run, or each of its stages, printed beside the notebooks, the end is kept."""


@attrs.frozen
class Beginning:
    """What there was when a run began: changes of the tree, and the declared lock file with its digest."""

    changes: Changes = attrs.field(factory=Changes)
    declared: Mapping[str, str] = attrs.field(factory=dict)


class Recording:
    """Looks before a run, and completes its record after it.

    Parameters
    ----------
    places, git
        Where the project is, and its repository.
    ledger
        Where records are kept.
    settings
        The table ``[environment]`` of ``mlops.toml``.
    """

    def __init__(self, places: Places, git: Git, ledger: Ledger, settings: Mapping[str, Any]) -> None:
        self._places = places
        self._ledger = ledger
        self._settings = settings
        self.patches = Patches(places, git, stripped)

    def look(self, stages: Collection[StageSpec]) -> Beginning:
        """What there is before `stages` run; what they write is no part of it."""
        made = {out.path for stage in stages for out in stage.outs}
        lock = declared_lock(self._places.root, self._settings)
        declared = {lock: _md5(self._places.root / lock)} if lock else {}
        return Beginning(self.patches.look({"dvc.lock", *made}), declared)

    def complete(self, record: VersionRecord, beginning: Beginning) -> VersionRecord:
        """`record` with what it pins, all of which is in the ledger then."""
        patch = self.patches.patch(beginning.changes, record.git_commit)
        author = record.author
        for digest in record.environments:
            if self._ledger.get(ENVIRONMENTS, digest) is None and (data := deposit.read(self._places, digest)):
                self._ledger.append(ENVIRONMENTS, digest, data, author)
        name = hashlib.sha256(patch.text).hexdigest() if patch.text else None
        if name and self._ledger.get(PATCHES, name) is None:
            self._ledger.append(PATCHES, name, patch.text, author)
        hidden = _secrets_among(record.parameters)
        scrubber = Scrubber(hidden.values())
        log = scrubber.text(self.own_log(record.run))
        if log:
            self._ledger.append(LOGS, record.run, log.encode(), author)
        told = (f"{key} looks like a secret, blacked out" for key in hidden)
        is_seen = all(stage.environment for stage in record.stages if stage.state == "ran")
        return attrs.evolve(
            _scrubbed(record, scrubber),
            packages={} if is_seen else record.packages,
            patch=name,
            unkept=(*patch.unkept, *told),
            declared=dict(beginning.declared),
            log=bool(log),
        )

    def patch(self, record: VersionRecord) -> bytes:
        """What the tree of the run had besides its commit, as git writes it; empty when nothing."""
        return (self._ledger.get(PATCHES, record.patch) or b"") if record.patch else b""

    def log(self, record: VersionRecord) -> str:
        """What the run printed beside its notebooks: the end of it."""
        kept = self._ledger.get(LOGS, record.run) if record.log else None
        return kept.decode(errors="replace") if kept else self.own_log(record.run)

    def own_log(self, run: str) -> str:
        """As `log`, of a run that was made here, recorded or not: what each stage printed, under its name."""
        logs = sorted((self._places.state / "runs" / run).glob("*.log"))
        texts = {path.stem: text for path in logs if (text := _tail(path, LOG_BYTES // len(logs)))}
        if len(texts) == 1:
            return next(iter(texts.values()))
        return "\n".join(f"== {stage} ==\n{text}" for stage, text in texts.items())

    def environment(self, digest: str) -> Environment:
        """What lies under `digest`.

        Raises
        ------
        UnknownReference
            ``unknown-environment``: its record was not fetched.
        """
        data = self._ledger.get(ENVIRONMENTS, digest) or deposit.read(self._places, digest)
        if data is None:
            message = f"The environment {digest[:7]} is not here."
            raise UnknownReference("unknown-environment", message, hint="fetch brings the records of colleagues.")
        return Environment.decode(data)

    def file(self, record: VersionRecord, path: str) -> bytes | None:
        """The file `path` as the run found it, a notebook without outputs; None when it is kept nowhere."""
        restored = self.patches.restored(self.patch(record), record.git_commit)
        return restored[path] if path in restored else self.patches.content(path, record.git_commit)


def traits(notebook: Notebook, parameters: Mapping[str, Value], path: str) -> dict[str, Any]:
    """What the record of a stage says of the notebook at `path` that it executed."""
    return {"code": notebook.code_digest, "source": path, "seeds": seeds(notebook.code(), parameters)}


def _tail(path: Path, size_bytes: int) -> str:
    """The end of a log, secrets blacked out."""
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - size_bytes))
        return blacked_out(file.read(size_bytes).decode(errors="replace"))[0]


def _secrets_among(parameters: Mapping[str, Value]) -> dict[str, str]:
    """What looks like a secret, by its key: somebody wrote it into ``params.yaml`` by hand."""
    texts = {key: value for key, value in parameters.items() if isinstance(value, str) and len(value) >= LEAST}
    return {key: value for key, value in texts.items() if looks_secret(key.rpartition(".")[2], value)}


def _scrubbed(record: VersionRecord, scrubber: Scrubber) -> VersionRecord:
    """`record` without those values, in its reasons and errors too."""
    if not scrubber:
        return record
    return msgspec.convert(scrubber.document(msgspec.to_builtins(record)), VersionRecord)


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
