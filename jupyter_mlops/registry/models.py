"""Registered models: GTO tags and DVC artifacts, so that plain ``gto`` and ``dvc`` read them too."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from jupyter_mlops.errors import EnvironmentFault, MlopsError, UnknownReference, UsageError, did_you_mean, nearest
from jupyter_mlops.records import Actor, Places, alone, write_atomically
from jupyter_mlops.registry import artifacts
from jupyter_mlops.registry.tags import (
    SemanticVersion,
    Tag,
    holders,
    label,
    parse,
    registrations,
    require_name,
)
from jupyter_mlops.registry.versions import Model, ModelVersion
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.pointers import PIPELINE_FILE
from jupyter_mlops.versioning.restoring import md5_of_file

if TYPE_CHECKING:
    from jupyter_mlops.versioning.datasets import Datasets

_FIELDS = "%00".join(
    f"%({field})" for field in ("refname:strip=2", "*objectname", "taggername", "taggerdate:unix", "subject")
)

VERSION_LIKE = re.compile(r"v?\d+([.-].*)?")


@attrs.frozen
class Registration:
    """A version about to be registered, or just registered."""

    model: str
    version: SemanticVersion
    label: str
    tag: str
    content: artifacts.Content
    git_commit: str


@attrs.frozen
class AliasChange:
    """An alias, the label it stands for now and the one before."""

    model: str
    alias: str
    version: str | None
    previous: str | None


class Models:
    """The models of one project.

    Parameters
    ----------
    places, git
        Where the project is, and its repository.
    datasets
        Knows where the bytes of a digest are.
    """

    def __init__(self, places: Places, git: Git, datasets: Datasets) -> None:
        self._places = places
        self._git = git
        self._datasets = datasets

    def all(self) -> tuple[Model, ...]:
        """Every model, by name."""
        groups: dict[str, list[Tag]] = {}
        for tag in self._tags():
            groups.setdefault(tag.name, []).append(tag)
        standing = {name: registrations(tags) for name, tags in groups.items()}
        wanted = [(tag.commit, name) for name, versions in standing.items() for tag in versions.values()]
        contents = artifacts.contents(self._git, wanted)
        return tuple(
            Model.of(name, groups[name], standing[name], contents) for name in sorted(groups) if standing[name]
        )

    def labels(self, name: str) -> dict[str, str]:
        """How each version of a model is shown, ``2.0.0`` to ``v2``; nothing for a model that is gone."""
        return {str(one.version): one.label for model in self.all() if model.name == name for one in model.versions}

    def get(self, name: str) -> Model:
        """The model called `name`.

        Raises
        ------
        UnknownReference
            ``unknown-model``, with the nearest.
        """
        models = {model.name: model for model in self.all()}
        if name in models:
            return models[name]
        known = f"Models: {', '.join(models)}." if models else "register FILE --name NAME makes one."
        hint = did_you_mean(name, models, known)
        raise UnknownReference("unknown-model", f"There is no model {name}.", hint=hint)

    def resolve(self, reference: str) -> ModelVersion:
        """The version that ``credit@v2``, ``credit@champion``, ``credit@<digest prefix>`` or ``credit`` names.

        A bare name means the champion, else the newest version.

        Raises
        ------
        UnknownReference
            ``unknown-model``, ``unknown-model-version``.
        """
        name, _, which = reference.removeprefix("model:").partition("@")
        model = self.get(name)
        found = model.find(which)
        if found:
            return found
        known = [version.label for version in model.versions] + list(model.aliases)
        near = nearest(which, known)
        hint = f"Did you mean {name}@{near}?" if near else f"{name} has {', '.join(known)}."
        raise UnknownReference("unknown-model-version", f"{name} has no version or alias {which}.", hint=hint)

    def knows(self, reference: str) -> bool:
        """Whether `reference` names a registered model."""
        name = reference.removeprefix("model:").partition("@")[0]
        return bool(self._tags_of(name))

    def plan(self, path: str, name: str, version: str = "") -> Registration:
        """What `register` would do.

        Raises
        ------
        UsageError
            As `register` does.
        """
        require_name(name)
        content = self._committed(path)
        self._require_unregistered(name)
        number = self._number(name, version)
        taken = registrations(self._tags_of(name))
        tag = f"{self._full_name(name)}@{number}"
        return Registration(name, number, label(number, [*taken, number]), tag, content, self._git.head() or "")

    def holds(self, path: str, digest: str) -> bool:
        """Whether HEAD, and the workspace too, hold `digest` at `path`."""
        try:
            return self._committed(path).digest == digest
        except UsageError:
            return False

    def register(self, path: str, name: str, author: Actor, *, version: str = "", message: str = "") -> Registration:
        """Register what `path` holds in HEAD as the next version of `name`.

        Parameters
        ----------
        path
            Of the model file, relative to the project.
        version
            The next major one when empty.

        Raises
        ------
        UsageError
            ``bad-name``, ``bad-version``, ``version-exists``, ``already-registered``, ``no-model-file``,
            ``uncommitted-model``, ``detached-head``, ``unfinished-merge``.
        """
        with self._alone():
            planned = self.plan(path, name, version)
            commit = self._declare(name, path, author)
            said = message or f"{name} {planned.version}"
            self._git.tag(planned.tag, commit, said, author, seconds=self._next_second(name))
            return attrs.evolve(planned, git_commit=commit)

    def set_alias(self, name: str, alias: str, version: str, author: Actor, *, dry_run: bool = False) -> AliasChange:
        """Let `alias` stand for `version`, the newest when empty; its history is kept.

        Raises
        ------
        UsageError
            ``bad-name``.
        """
        require_name(alias, "alias")
        if VERSION_LIKE.fullmatch(alias):
            raise UsageError(
                "bad-name", f"{alias} would be taken for a version.", hint=f"alias {name}@champion {alias}"
            )
        with self._alone():
            model = self.get(name)
            target = self.resolve(f"{name}@{version}") if version else model.versions[0]
            before = model.by_alias(alias)
            if not dry_run and before != target:
                self._tag_alias(name, f"#{alias}", target.git_commit, f"{name} {alias} is {target.label}", author)
            return AliasChange(name, alias, target.label, before.label if before else None)

    def remove_alias(self, name: str, alias: str, author: Actor, *, dry_run: bool = False) -> AliasChange:
        """Take `alias` away from every version that holds it or would get it back.

        Raises
        ------
        UnknownReference
            ``unknown-alias``.
        """
        with self._alone():
            model = self.get(name)
            before = model.by_alias(alias)
            if before is None:
                known = ", ".join(model.aliases) or "none"
                raise UnknownReference(
                    "unknown-alias", f"{name} has no alias {alias}.", hint=f"Aliases of {name}: {known}."
                )
            for commit in () if dry_run else holders(self._tags_of(name), alias):
                self._tag_alias(name, f"#{alias}!", commit, f"{name} {alias} removed", author)
            return AliasChange(name, alias, None, before.label)

    def location(self, version: ModelVersion) -> Path:
        """A file with the bytes of `version`, which nobody may change.

        Raises
        ------
        EnvironmentFault
            ``model-missing`` when they are not on this machine.
        """
        if version.source == "git":
            return self._from_git(version)
        cached = self._datasets.store.find(version.digest) if version.digest else None
        if cached:
            return cached
        raise EnvironmentFault(
            "model-missing",
            f"The file of {version.model} {version.label} is not on this machine.",
            context=f"{version.path}, digest {version.digest}" if version.digest else version.tag,
            hint="pull fetches it from the remote.",
        )

    def _from_git(self, version: ModelVersion) -> Path:
        target = self._places.state / "models" / version.digest / f"source{Path(version.path).suffix}"
        if not target.exists():
            text = self._git.run("cat-file", "blob", f"{version.git_commit}:./{version.path}")
            write_atomically(target, text.encode(errors="surrogateescape"))
        return target

    def _tags(self) -> Iterator[Tag]:
        """The annotated tags of this project's models; GTO ignores the others too."""
        listed = self._git.run("for-each-ref", "refs/tags", f"--format=%(objecttype)%00{_FIELDS}")
        for line in listed.splitlines():
            kind, name, commit, author, seconds, subject = line.split("\0", 5)
            if kind != "tag":
                continue
            tag = parse(name, commit=commit, author=author, seconds=seconds, message=subject)
            if tag and tag.folder == self._folder:
                yield tag

    def _tags_of(self, name: str) -> list[Tag]:
        return [tag for tag in self._tags() if tag.name == name]

    @property
    def _folder(self) -> str:
        return self._git.run("rev-parse", "--show-prefix").strip().rstrip("/")

    def _full_name(self, name: str) -> str:
        return f"{self._folder}={name}" if self._folder else name

    def _committed(self, path: str) -> artifacts.Content:
        """What HEAD holds at `path`, when the file here is the same."""
        head = self._git.head()
        file = self._places.root / path
        if not file.is_file():
            raise UsageError("no-model-file", f"{path} is not a file.", hint="register takes one model file, or a run.")
        known = artifacts.contents_of(self._git, [(head, path)]) if head else {}
        content = known.get((head or "", path))
        if content and content.digest == md5_of_file(file):
            return content
        raise UsageError(
            "uncommitted-model",
            f"{path} has changed since its last commit." if content else f"{path} is not committed.",
            context="A version names bytes that git and DVC know.",
            hint=f"commit {path} (or run, when a stage writes it), then register it.",
        )

    def _number(self, name: str, text: str) -> SemanticVersion:
        taken = registrations(self._tags_of(name))
        if not text:
            return max(taken).next_major() if taken else SemanticVersion(1)
        number = SemanticVersion.parse(text)
        if number in taken:
            raise UsageError("version-exists", f"{name} {number} exists.", hint="Leave --version out for the next one.")
        return number

    def _require_unregistered(self, name: str) -> None:
        """One registration, one commit: as GTO wants it."""
        head = self._git.head()
        standing = registrations(self._tags_of(name))
        same = next((version for version, tag in standing.items() if tag.commit == head), None)
        if same:
            raise UsageError(
                "already-registered",
                f"This commit is {name} {same} already.",
                context="One commit carries one version of a model.",
                hint=f"Commit a new model first; or give {same} another name: alias {name}@champion {same}",
            )

    def _declare(self, name: str, path: str, author: Actor) -> str:
        """The commit to tag, in which ``dvc.yaml`` says that `name` is `path`."""
        if not self._git.is_clean(PIPELINE_FILE):
            raise UsageError(
                "uncommitted-pipeline",
                f"{PIPELINE_FILE} has uncommitted changes.",
                context="The version's commit must say where the model is, and nothing you did not mean to commit.",
                hint=f'git commit -m "pipeline" -- {PIPELINE_FILE}, then register it.',
            )
        file = self._places.root / PIPELINE_FILE
        before = file.read_bytes() if file.exists() else None
        if artifacts.declare(self._places.root, name, path):
            try:
                self._git.commit_only([PIPELINE_FILE], f"model: {name} is {path}", author)
            except MlopsError:
                _put_back(file, before)
                raise
        return self._git.run("rev-parse", "HEAD").strip()

    def _tag_alias(self, name: str, what: str, commit: str, message: str, author: Actor) -> None:
        counter = 1 + max((tag.counter for tag in self._tags_of(name)), default=0)
        tag = f"{self._full_name(name)}{what}#{counter}"
        self._git.tag(tag, commit, message, author, seconds=self._next_second(name))

    def _next_second(self, name: str) -> int:
        """Now, but after every tag of `name`: GTO orders tags by whole seconds."""
        last = max((int(tag.time.timestamp()) for tag in self._tags_of(name)), default=0)
        return max(int(time.time()), last + 1)

    def _alone(self) -> AbstractContextManager[None]:
        """Writers take turns; git alone would let two of them tag at once."""
        return alone(self._places.state / "registry.lock")


def _put_back(file: Path, before: bytes | None) -> None:
    """Undo a change that a hook refused to commit."""
    if before is None:
        file.unlink()
    else:
        write_atomically(file, before)
