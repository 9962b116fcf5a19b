"""A model as its tags tell it: versions, aliases, and which of them a word names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import attrs

from jupyter_mlops.registry.artifacts import Content
from jupyter_mlops.registry.tags import SemanticVersion, Tag, holders, label, pick

CHAMPION = "champion"
DIGEST_MIN = 4
"""Characters of a digest that name a version."""


@attrs.frozen
class ModelVersion:
    """One registered version.

    Attributes
    ----------
    label
        As shown: ``v2``, or ``v2.1.0`` when the major version has several.
    digest
        md5 of the model file: the permanent name of what was registered.
    source
        Who keeps the bytes: ``dvc``, ``git``, or ``""`` when the commit holds none.
    """

    model: str
    version: SemanticVersion
    label: str
    tag: str
    digest: str
    path: str
    source: str
    git_commit: str
    author: str
    time: datetime
    message: str
    aliases: tuple[str, ...] = ()
    bytes: int = 0


@attrs.frozen
class Model:
    """A model: its versions, newest first, and what its aliases stand for (labels)."""

    name: str
    versions: tuple[ModelVersion, ...]
    aliases: Mapping[str, str]

    @classmethod
    def of(
        cls,
        name: str,
        tags: list[Tag],
        standing: Mapping[SemanticVersion, Tag],
        contents: Mapping[tuple[str, str], Content],
    ) -> Model:
        """The model `name` from its tags, its standing registrations, and what each commit held of it."""
        owners = {alias: holders(tags, alias) for alias in sorted({tag.alias for tag in tags if tag.alias})}
        current = {alias: commits[-1] for alias, commits in owners.items() if commits}
        versions = []
        for version, tag in standing.items():
            content = contents.get((tag.commit, name), Content("", "", ""))
            versions.append(
                ModelVersion(
                    model=name,
                    version=version,
                    label=label(version, standing),
                    tag=tag.tag,
                    digest=content.digest,
                    path=content.path,
                    source=content.source,
                    git_commit=tag.commit,
                    author=tag.author,
                    time=tag.time,
                    message=tag.message,
                    aliases=tuple(alias for alias, commit in current.items() if commit == tag.commit),
                    bytes=content.bytes,
                )
            )
        aliases = {alias: version.label for version in versions for alias in version.aliases}
        return cls(name, tuple(reversed(versions)), dict(sorted(aliases.items())))

    def by_alias(self, alias: str) -> ModelVersion | None:
        """The version an alias stands for."""
        return next((version for version in self.versions if alias in version.aliases), None)

    def find(self, which: str) -> ModelVersion | None:
        """The version that ``v2``, ``latest``, an alias or a digest prefix names.

        Nothing at all names the champion, else the newest.
        """
        if not which:
            return self.by_alias(CHAMPION) or self.versions[0]
        if which == "latest":
            return self.versions[0]
        number = pick(which, [version.version for version in self.versions])
        by_number = next((version for version in self.versions if version.version == number), None)
        digests = [one for one in self.versions if len(which) >= DIGEST_MIN and one.digest.startswith(which)]
        return by_number or self.by_alias(which) or (digests[0] if digests else None)
