"""A version of another project: ``/path/to/project::data@v3``, or the address of a repository before the ``::``."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from pathlib import Path

import attrs

from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.records import Places, Progress, Step, silent
from jupyter_mlops.trust.addresses import redacted, without_secrets
from jupyter_mlops.versioning.content import corrupt
from jupyter_mlops.versioning.courier import Courier
from jupyter_mlops.versioning.datasets import Datasets
from jupyter_mlops.versioning.dvc_settings import DvcSettings
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.hashing import md5_of
from jupyter_mlops.versioning.sources.source import Source, unreachable
from jupyter_mlops.versioning.store import Store
from jupyter_mlops.versioning.transfer import Request
from jupyter_mlops.versioning.values import Version

TYPED = re.compile(r"(?P<project>.+?)::(?P<reference>[^\]:]+)")
REPOSITORY = re.compile(r"(https?|ssh|git|file)://.+|[\w.-]+@[\w.-]+:.+")
PROTOCOLS = "file:git:http:https:ssh"
HARMLESS = ("url", "endpointurl", "region", "account_name", "projectname", "user", "port", "allow_anonymous_login")
"""What is taken from the remotes of another project; the rest could name commands, keys or certificates."""


@attrs.frozen
class ProjectVersion(Source):
    """A version of a dataset of another project.

    Attributes
    ----------
    project
        Its folder, or the address of its repository.
    reference
        As typed behind the ``::``.
    store
        Our own cache: what only a remote has is brought there.
    """

    project: str = attrs.field(kw_only=True, repr=False)
    reference: str = attrs.field(kw_only=True)
    settings: DvcSettings = attrs.field(kw_only=True, repr=False)

    @classmethod
    def parse(cls, text: str, folder: Path, settings: DvcSettings) -> ProjectVersion | None:
        """What `text`, typed in `folder`, names; None when it names no version of another project."""
        typed = TYPED.fullmatch(text)
        if typed is None:
            return None
        place = (folder / Path(typed["project"]).expanduser()).resolve()
        if not place.is_dir() and not REPOSITORY.fullmatch(typed["project"]):
            if "://" in typed["project"]:
                return None
            raise UsageError(
                "no-such-file", f"There is no project {typed['project']}.", hint="PROJECT::DATASET@VERSION"
            )
        project = str(place) if place.is_dir() else typed["project"]
        name = typed["reference"].partition("@")[0].rstrip("/").rpartition("/")[2]
        address = f"{without_secrets(project)}::{typed['reference']}"
        return cls(address, name, project=project, reference=typed["reference"], settings=settings)

    @property
    def origin(self) -> str:
        """The dataset, whichever version of it was asked for."""
        return f"{without_secrets(self.project)}::{self.reference.partition('@')[0]}"

    def version(self) -> str:
        """The number and the digest of the version."""
        with self._opened() as datasets:
            return _told(self._resolved(datasets))

    def size(self) -> int:
        """Bytes, as the pointer says."""
        with self._opened() as datasets:
            return self._resolved(datasets).size

    def bring(self, target: Path, progress: Progress = silent) -> str:
        """Copy it from the cache of the other project or, when that lacks it, from its remote."""
        with self._opened(progress) as datasets:
            version = self._resolved(datasets)
            if version.is_workspace:
                raise _uncommitted(self.reference)
            with Store(self.settings).in_use():
                here = datasets.is_stored(version.digest)
                store = datasets.store if here else self._fetched(datasets, version, progress)
                _copy(store, version.digest, target, progress)
        return _told(version)

    def _resolved(self, datasets: Datasets) -> Version:
        """The version meant: without ``@``, the one that the project's pointer names."""
        if "@" in self.reference:
            return datasets.resolve(self.reference)
        dataset = datasets.resolve_name(self.reference)
        out = datasets.out_of(dataset)
        known = datasets.recorded(dataset.name, out.digest)
        return known or Version(dataset.name, out.digest, size=out.size, nfiles=out.nfiles)

    def _fetched(self, datasets: Datasets, version: Version, progress: Progress) -> Store:
        """Our own cache, with the objects of `version` that came from a remote of the other project."""
        store = Store(self.settings)
        if datasets.settings.default_remote is None and not datasets.settings.remotes:
            raise unreachable(self.address, "its cache lacks the data, and it has no remote")
        name = datasets.settings.default_remote or next(iter(datasets.settings.remotes))
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / ".dvc" / "tmp").mkdir(parents=True)
            (root / ".dvc" / "config").write_text(_config(datasets.places.root, name, store.folder))
            answer = Courier(Places(root, root / ".dvc")).carry(Request("fetch", name, (), (version.digest,)), progress)
        if answer.missing:
            raise unreachable(self.address, f"{len(answer.missing):,} of its files are not on its remote {name}")
        return store

    @contextmanager
    def _opened(self, progress: Progress = silent) -> Iterator[Datasets]:
        """The datasets of the other project; a repository is cloned, and nothing of it is run."""
        if Path(self.project).is_dir():
            yield _datasets(Path(self.project))
            return
        with tempfile.TemporaryDirectory() as folder:
            progress(Step(f"clone {without_secrets(self.project)}"))
            _clone(self.project, folder)
            datasets = _datasets(Path(folder, "clone"))
            datasets.places.claim_scratch()  # its indexes go with it
            yield datasets


def _told(version: Version) -> str:
    return f"{version.version or 'new'} {version.digest}"


def _copy(store: Store, digest: str, target: Path, progress: Progress) -> None:
    """Write the files of a version below `target`, each checked as it arrived.

    Raises
    ------
    EnvironmentFault
        ``object-missing``, ``object-corrupt``.
    """
    entries = store.content(digest).entries
    for number, entry in enumerate(entries, 1):
        path = target / entry.path if entry.path else target
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(store.require(entry.md5), path)
        if md5_of(path, store.algorithm(entry.md5))[0] != entry.md5:
            raise corrupt(entry.md5)
        progress(Step(f"copy {target.name}", number, len(entries), "files"))


def _uncommitted(reference: str) -> UsageError:
    return UsageError("not-committed", f"No version of it is {reference}.", hint="Name one: PROJECT::DATASET@v1.")


def _datasets(folder: Path) -> Datasets:
    """The datasets of the project at `folder` itself, not of one around it."""
    if not (folder / ".git").exists() and not (folder / ".dvc").is_dir():
        raise UsageError("no-project", f"{folder} is no project.", hint="Name the folder that holds .dvc or .git.")
    git = Git(folder)
    common = git.run("rev-parse", "--git-common-dir").strip()
    return Datasets(Places(folder, (folder / common).resolve()), git)


def _clone(address: str, folder: str) -> None:
    """Clone without hooks, filters, submodules or links, by protocols that run no command.

    Raises
    ------
    EnvironmentFault
        ``download-failed``.
    """
    settings = (
        "core.hooksPath=/dev/null",
        "core.symlinks=false",
        "core.fsmonitor=false",
        "core.attributesFile=/dev/null",
    )
    command = ["git", *(word for one in settings for word in ("-c", one)), "clone", "--quiet", "--template="]
    done = subprocess.run(
        [*command, "--no-recurse-submodules", "--", address, "clone"],
        cwd=folder,
        env={**os.environ, "GIT_ALLOW_PROTOCOL": PROTOCOLS, "GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1"},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise unreachable(without_secrets(address), redacted(done.stderr.strip()[-500:]))


def _config(root: Path, name: str, cache: Path) -> str:
    """A ``.dvc/config`` with the one remote `name` of the project at `root`, less what it could do to us."""
    parser = ConfigParser(interpolation=None, strict=False)
    for file in (root / ".dvc" / "config", root / ".dvc" / "config.local"):
        parser.read(file, encoding="utf-8")
    section = next((one for one in parser.sections() if one.strip("'").replace('"', "") == f"remote {name}"), None)
    if section is None:
        raise EnvironmentFault(
            "remote-failed", f"The settings of the remote {name} cannot be read.", hint="dvc remote list"
        )
    found = {key: parser[section][key] for key in HARMLESS if key in parser[section]}
    if "://" not in found.get("url", "") and not REPOSITORY.fullmatch(found.get("url", "")):
        found["url"] = os.path.normpath(root / ".dvc" / found.get("url", ""))
    lines = [f"    {key} = {value}" for key, value in found.items()]
    return "\n".join(
        ["[core]", "    no_scm = true", "[cache]", f"    dir = {cache}", f"['remote \"{name}\"']", *lines, ""]
    )
