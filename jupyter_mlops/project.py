"""Opening a project: its root, its configuration, and its capabilities, each built when first used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mlops.errors import UsageError
from jupyter_mlops.records import Actor, Places, StageRecord, listed
from jupyter_mlops.versioning.git import Git

if TYPE_CHECKING:
    from jupyter_mlops.governance.audit import AuditLog
    from jupyter_mlops.governance.roles import Roles
    from jupyter_mlops.pipelines.records.runs import RunRecords
    from jupyter_mlops.pipelines.reproduction.verdicts import Verdicts
    from jupyter_mlops.pipelines.standing.pipeline import Pipeline
    from jupyter_mlops.pipelines.sweeps.records import SweepRecords
    from jupyter_mlops.profiles.comparisons import Comparisons
    from jupyter_mlops.profiles.store import ProfileStore
    from jupyter_mlops.provenance.graph import DataVersion, LineageGraph, Registered, Served
    from jupyter_mlops.registry.models import Models
    from jupyter_mlops.serving.deployments import Deployments
    from jupyter_mlops.versioning.consumers import Consumer
    from jupyter_mlops.versioning.datasets import Datasets
    from jupyter_mlops.versioning.ledger import Ledger
    from jupyter_mlops.versioning.remotes import Remotes


class Project:
    """One project: a git repository, or a DVC project inside one.

    Opening it reads a few paths and writes nothing.

    Parameters
    ----------
    root
        The folder that holds ``.dvc`` or, without one, ``.git``.
    """

    def __init__(self, root: Path) -> None:
        self.git = Git(root)
        self.places = Places(root=root, git_dir=self.git.common_folder())

    @classmethod
    def find(cls, folder: Path) -> Project:
        """The project around `folder`.

        Raises
        ------
        UsageError
            ``not-a-git-repository``.
        """
        start = folder.resolve()
        for candidate in (start, *start.parents):
            if (candidate / ".git").exists():
                return cls(_dvc_root(start, candidate) or candidate)
        raise UsageError(
            "not-a-git-repository",
            "This folder is not in a git repository.",
            context=str(start),
            hint="`init --yes` creates one here; `demo` builds an example project.",
        )

    @property
    def root(self) -> Path:
        """The folder of the project."""
        return self.places.root

    @property
    def name(self) -> str:
        """The name people see."""
        return str(self.section("project").get("name") or self.root.name)

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """``mlops.toml``, or nothing when there is none."""
        path = self.root / "mlops.toml"
        if not path.exists():
            return {}
        import tomllib

        try:
            return tomllib.loads(path.read_text())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError("bad-settings", "mlops.toml cannot be read.", context=str(error)) from error

    def section(self, name: str) -> Mapping[str, Any]:
        """One table of ``mlops.toml``, empty when absent.

        Raises
        ------
        UsageError
            ``bad-settings``.
        """
        section: object = self.settings.get(name, {})
        if not isinstance(section, Mapping):
            raise UsageError("bad-settings", f"{name} in mlops.toml is no table.", hint=f"Write it as [{name}].")
        return section

    @cached_property
    def actor(self) -> Actor:
        """The person at the keyboard."""
        from jupyter_mlops.trust.identity import identify

        return identify(self.git.author())

    @cached_property
    def roles(self) -> Roles:
        """Who may do what."""
        from jupyter_mlops.governance.roles import Roles

        return Roles(self.section("roles"))

    @cached_property
    def audit(self) -> AuditLog:
        """What was done."""
        from jupyter_mlops.governance.audit import AuditLog

        return AuditLog(self.places.state)

    @cached_property
    def ledger(self) -> Ledger:
        """The records shared through git refs."""
        from jupyter_mlops.versioning.ledger import Ledger

        return Ledger(self.places, self.git)

    @cached_property
    def datasets(self) -> Datasets:
        """Datasets and their versions."""
        from jupyter_mlops.versioning.datasets import Datasets

        return Datasets(self.places, self.git)

    @property
    def remotes(self) -> Remotes:
        """Where data and records are shared."""
        from jupyter_mlops.versioning.remotes import Remotes

        return Remotes(self.places, self.git, self.datasets.settings)

    @cached_property
    def profiles(self) -> ProfileStore:
        """The profile of each dataset version."""
        from jupyter_mlops.profiles.store import ProfileStore

        return ProfileStore(self.places, self.ledger)

    @property
    def comparisons(self) -> Comparisons:
        """The comparisons of tables that were made lately."""
        from jupyter_mlops.profiles.comparisons import Comparisons

        return Comparisons(self.places.scratch / "differences")

    @cached_property
    def pipeline(self) -> Pipeline:
        """The stages of ``dvc.yaml``."""
        from jupyter_mlops.pipelines.standing.pipeline import Pipeline

        return Pipeline(self.places, self.datasets, listed(self.section("kernels"), "preload"))

    @cached_property
    def runs(self) -> RunRecords:
        """What was run, and what is running."""
        from jupyter_mlops.pipelines.records.recording import Recording
        from jupyter_mlops.pipelines.records.runs import RunRecords

        recording = Recording(self.places, self.git, self.ledger, self.section("environment"))
        return RunRecords(self.places, self.ledger, recording)

    @property
    def verdicts(self) -> Verdicts:
        """What re-executions of runs found."""
        from jupyter_mlops.pipelines.reproduction.verdicts import Verdicts

        return Verdicts(self.ledger)

    @cached_property
    def sweeps(self) -> SweepRecords:
        """What was tried to find better parameters."""
        from jupyter_mlops.pipelines.sweeps.records import SweepRecords

        return SweepRecords(self.places, self.ledger, self.runs)

    @cached_property
    def models(self) -> Models:
        """Registered models."""
        from jupyter_mlops.registry.models import Models

        return Models(self.places, self.git, self.datasets)

    @cached_property
    def deployments(self) -> Deployments:
        """What is served."""
        from jupyter_mlops.serving.deployments import Deployments

        return Deployments(self.places, self.models)

    @property
    def lineage(self) -> LineageGraph:
        """What made what, as it is known now."""
        from jupyter_mlops.provenance.graph import LineageGraph, Sources

        return LineageGraph.of(
            Sources(
                data=tuple(self._data_versions()),
                runs=tuple((run.number, run.record) for run in self.runs.all()),
                models=tuple(self._registered()),
                deployments=tuple(self._served()),
                locked=self._locked(),
            )
        )

    @property
    def consumers(self) -> tuple[Consumer, ...]:
        """Whatever may hold something of erased data."""
        from jupyter_mlops.provenance.descendants import Descendants

        return (Descendants(self.lineage), self.profiles, self.comparisons)

    def _locked(self) -> tuple[StageRecord, ...]:
        """What ``dvc.lock`` says; nothing when it cannot be read, which `status` tells."""
        try:
            return self.pipeline.recorded()
        except UsageError:
            return ()

    def _data_versions(self) -> Iterator[DataVersion]:
        from jupyter_mlops.provenance.graph import DataVersion

        for dataset in self.datasets.all():
            for one in self.datasets.history(dataset):
                reference = f"{dataset.name}@{one.version}"
                yield DataVersion(dataset.name, one.digest, dataset.short_name, one.label, reference, one.message)

    def _registered(self) -> Iterator[Registered]:
        from jupyter_mlops.provenance.graph import Registered

        for model in self.models.all():
            for one in model.versions:
                yield Registered(one.model, one.label, one.path, one.digest, ", ".join(one.aliases), one.time)

    def _served(self) -> Iterator[Served]:
        from jupyter_mlops.provenance.graph import Served

        for one in self.deployments.all():
            yield Served(one.name, one.model, self.models.labels(one.model).get(one.version, one.version), one.state)


def _dvc_root(start: Path, top: Path) -> Path | None:
    """The nearest folder with ``.dvc`` from `start` up to `top`."""
    chain = [start, *start.parents]
    return next((folder for folder in chain[: chain.index(top) + 1] if (folder / ".dvc").is_dir()), None)
