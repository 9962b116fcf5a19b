"""A run as its record pins it, brought back into a replica: files, parameters and inputs; or why that cannot be."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from jupyter_mlops.errors import EnvironmentFault, UnknownReference, UsageError
from jupyter_mlops.pipelines.records.environment import Environment, Package, facts
from jupyter_mlops.pipelines.records.recording import Recording
from jupyter_mlops.pipelines.records.runs import RunRecords
from jupyter_mlops.pipelines.stages import yaml_files
from jupyter_mlops.pipelines.stages.dvc_yaml import PARAMS
from jupyter_mlops.pipelines.stages.notebooks import Notebook
from jupyter_mlops.pipelines.stages.specs import StageSpec
from jupyter_mlops.pipelines.standing.pipeline import Pipeline, flattened
from jupyter_mlops.records import StageRecord, VersionRecord
from jupyter_mlops.versioning.datasets import Datasets
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.store import let_go
from jupyter_mlops.versioning.tombstones import ERASED

Fetch = Callable[[Collection[str]], None]
"""Brings versions, by digest, from the remote into the cache."""


def require_commit(git: Git, record: VersionRecord, name: str) -> str:
    """The commit of the run.

    Raises
    ------
    UnknownReference
        ``commit-gone``.
    """
    if record.git_commit and (found := git.resolve(record.git_commit)):
        return found
    if not record.git_commit:
        raise UnknownReference(
            "commit-gone", f"{name} ran before there was a commit.", hint="Commit, and run it again."
        )
    raise UnknownReference(
        "commit-gone",
        f"The commit {record.git_commit[:7]}, with which {name} ran, is not in this repository.",
        hint="git fetch --unshallow origin, or fetch the branch it was made on; a rewritten history lost it.",
    )


Pair = tuple[str | None, str | None]
"""A value before and after; None where there is none."""


@attrs.frozen
class Surroundings:
    """What is known of where the stages of a run were executed.

    Attributes
    ----------
    record
        The run.
    recording
        What lies beside its record.
    """

    record: VersionRecord
    recording: Recording

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables that were set: threads, order of sets, language, time zone."""
        found = self._environment(next(iter(self.record.environments), None))
        return found.variables if found else {}

    def packages(self, stage: StageRecord, observed: Mapping[str, str], digest: str | None) -> dict[str, Pair]:
        """The packages that are not as they were; none when either side is not known.

        Parameters
        ----------
        observed
            What is installed where `stage` was executed again.
        digest
            Of the environment in which it was, where it was recorded.
        """
        recorded = {name: package.version for name, package in self._packages(stage.environment).items()}
        before, after = recorded or dict(self.record.packages), dict(observed)
        if before and after:
            names = sorted({*before, *after})
            found = {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}
            return found or self._edited(stage, digest)
        return {}

    def machine(self, stage: StageRecord, digest: str | None) -> dict[str, Pair]:
        """What else than packages differs, where both environments were recorded."""
        before, after = self._environment(stage.environment), self._environment(digest)
        if before is None or after is None:
            return {}
        old, new = facts(before), facts(after)
        return {name: (old.get(name), new.get(name)) for name in sorted({*old, *new}) if old.get(name) != new.get(name)}

    def _environment(self, digest: str | None) -> Environment | None:
        """The environment under `digest`; None when it is not here."""
        try:
            return self.recording.environment(digest) if digest else None
        except UnknownReference:
            return None

    def _packages(self, digest: str | None) -> Mapping[str, Package]:
        """All that is known of the packages in an environment, by name."""
        found = self._environment(digest)
        return {package.name: package for package in found.packages} if found else {}

    def _edited(self, stage: StageRecord, digest: str | None) -> dict[str, Pair]:
        """Packages of the same version that hold other files."""
        new = self._packages(digest)
        return {
            name: (package.version, f"{package.version} with other files")
            for name, package in self._packages(stage.environment).items()
            if package.digest and name in new and new[name].digest not in ("", package.digest)
        }


@attrs.frozen
class Revival:
    """Brings what a run had into a replica.

    Attributes
    ----------
    record
        The run.
    name
        As people call it.
    runs
        The records, and what lies beside them.
    home
        The data of the project itself.
    fetch
        Brings what the cache lacks.
    """

    record: VersionRecord
    name: str
    runs: RunRecords
    home: Datasets
    fetch: Fetch

    def write_changes(self, root: Path) -> None:
        """Put what the tree had besides its commit into the replica at `root`, where the record keeps it."""
        for path, data in self._changes().items():
            target = root / path
            if data is None:
                target.unlink(missing_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)

    def _changes(self) -> Mapping[str, bytes | None]:
        """Path to content; None for a file that the tree lacked."""
        if not self.record.patch:
            return {}
        recording = self.runs.recording
        return recording.patches.restored(recording.patch(self.record), self.record.git_commit)

    @property
    def surroundings(self) -> Surroundings:
        """Where its stages ran."""
        return Surroundings(self.record, self.runs.recording)

    def stage(self, pipeline: Pipeline, recorded: StageRecord) -> StageSpec:
        """The stage as it ran, its parameters set.

        Raises
        ------
        UsageError
            ``stage-gone``, ``code-gone``.
        """
        self._set_parameters(pipeline, recorded.name)
        stage = pipeline.graph().by_name.get(recorded.name)
        if stage is None:
            message = f"{recorded.name} is no pipeline stage in the commit of {self.name}."
            raise UsageError(
                "stage-gone", message, hint="stage add makes a notebook one; what runs alone is not recorded."
            )
        if stage.notebook and recorded.code:
            now = Notebook.read(pipeline.places.root, stage.notebook).code_digest
            if now != recorded.code:
                raise UsageError(
                    "code-gone",
                    f"{stage.notebook} as {self.name} executed it is in no commit, and its record keeps no changes.",
                    context=f"commit {str(self.record.git_commit)[:7]}",
                    hint="Commit notebooks before they run, then reproduce works.",
                )
        return stage

    def _set_parameters(self, pipeline: Pipeline, name: str) -> None:
        """Write those recorded parameters that the commit has otherwise."""
        stage = pipeline.graph().by_name.get(name)
        for file, values in (pipeline.values(stage) if stage else {}).items():
            now = dict(flattened(values, lists=True))
            wanted = {key: self.record.parameters[key] for key in now if key in self.record.parameters}
            changed = {key: value for key, value in wanted.items() if value != now[key]}
            if changed and file == PARAMS:
                yaml_files.edit(pipeline.places.root / file, partial(_assign, changed))
            elif changed:
                raise UsageError(
                    "code-gone",
                    f"{', '.join(changed)} of {file} as {self.name} had it is in no commit.",
                    hint="Commit parameter files before they are used.",
                )

    def require_inputs(self, pipeline: Pipeline, recorded: StageRecord) -> None:
        """See that every input is in the cache, or lies in the replica as it was.

        Raises
        ------
        EnvironmentFault
            ``data-let-go``, ``input-gone``.
        """
        wanted = {
            path: digest for path, digest in recorded.inputs.items() if not self._lies_there(pipeline, path, digest)
        }
        for path, digest in wanted.items():
            stone = self.home.tombstones.of(digest)
            if stone and (stone.kind == ERASED or not self.home.is_stored(digest)):
                raise let_go(stone, f"{path} as {recorded.name} read it")
        lacking = [digest for digest in wanted.values() if not self.home.is_stored(digest)]
        if lacking:
            self.fetch(lacking)
        for path, digest in wanted.items():
            if not self.home.is_stored(digest) and not self._copied(pipeline, path, digest):
                raise EnvironmentFault(
                    "input-gone",
                    f"{path} as {recorded.name} read it is neither in the cache nor on the remote.",
                    context=f"digest {digest}",
                    hint="fetch --all-versions brings what the remote has; commit FILE keeps data from now on.",
                )

    @staticmethod
    def _lies_there(pipeline: Pipeline, path: str, digest: str) -> bool:
        pin = pipeline.data.pin(path)
        return pin is not None and pin.md5 == digest

    def _copied(self, pipeline: Pipeline, path: str, digest: str) -> bool:
        """Whether the project's own tree still has the very bytes, which are copied then."""
        source, target = self.home.places.root / path, pipeline.places.root / path
        if not source.exists() or self.home.workspace.scan(path).digest != digest:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, target)
        return True


def _assign(values: Mapping[str, object], edited: Any) -> None:
    for key, value in values.items():
        yaml_files.assign(edited, key, value)
