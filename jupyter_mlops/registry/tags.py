"""Model versions and aliases as git tags, in GTO's grammar.

``credit@v2.0.0`` registers a version, ``credit@v2.0.0!`` withdraws it,
``credit#champion#3`` gives the version at that commit an alias, ``credit#champion!#4``
takes it away. A project below the top of its repository has its folder in front:
``risk/scoring=credit@v2.0.0``. The last number counts over all aliases of a model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import total_ordering

import attrs

from jupyter_mlops.errors import UsageError

_NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9-/_]*[a-zA-Z0-9])?"
_SEMVER = r"(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?"
_TAG = re.compile(
    rf"^(?:(?P<folder>[a-zA-Z0-9-_./]+)=)?(?P<name>{_NAME})"
    rf"(?:@v(?P<version>{_SEMVER})|#(?P<alias>{_NAME}))(?P<cancel>!?)(?:#(?P<counter>\d+))?$"
)
_OURS = re.compile(r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$")


@total_ordering
@attrs.frozen(order=False)
class SemanticVersion:
    """A version by semver.org: a pre-release comes before its release."""

    major: int
    minor: int = 0
    patch: int = 0
    prerelease: str = ""

    @classmethod
    def parse(cls, text: str) -> SemanticVersion:
        """``2.1.0``, with or without the ``v``.

        Raises
        ------
        UsageError
            ``bad-version``.
        """
        bare = text.removeprefix("v")
        if not re.fullmatch(_SEMVER, bare):
            raise UsageError("bad-version", f"{text} is not a version.", hint="Three numbers: --version 2.1.0")
        numbers, _, prerelease = bare.partition("+")[0].partition("-")
        major, minor, patch = (int(number) for number in numbers.split("."))
        return cls(major, minor, patch, prerelease)

    def next_major(self) -> SemanticVersion:
        """The version that follows when nobody says otherwise."""
        return SemanticVersion(self.major + 1)

    def __str__(self) -> str:
        tail = f"-{self.prerelease}" if self.prerelease else ""
        return f"v{self.major}.{self.minor}.{self.patch}{tail}"

    def __lt__(self, other: SemanticVersion) -> bool:
        return self._rank() < other._rank()

    def _rank(self) -> tuple[object, ...]:
        words = [(0, int(w), "") if w.isdigit() else (1, 0, w) for w in self.prerelease.split(".")]
        return (self.major, self.minor, self.patch, not self.prerelease, words)


@attrs.frozen
class Tag:
    """One annotated tag that speaks of a model.

    Attributes
    ----------
    version, alias
        One of them is set.
    cancelled
        It withdraws the version, or takes the alias away.
    """

    tag: str
    folder: str
    name: str
    version: SemanticVersion | None
    alias: str | None
    cancelled: bool
    counter: int
    commit: str
    author: str
    time: datetime
    message: str

    @property
    def order(self) -> tuple[datetime, int]:
        """By time; tags made within one second, by their counter."""
        return self.time, self.counter


def parse(tag: str, *, commit: str, author: str, seconds: str, message: str) -> Tag | None:
    """An annotated git tag as `Tag`, or None when it is not about a model."""
    match = _TAG.match(tag)
    if not match:
        return None
    return Tag(
        tag=tag,
        folder=match["folder"] or "",
        name=match["name"],
        version=SemanticVersion.parse(match["version"]) if match["version"] else None,
        alias=match["alias"],
        cancelled=bool(match["cancel"]),
        counter=int(match["counter"] or 0),
        commit=commit,
        author=author,
        time=datetime.fromtimestamp(int(seconds or 0), UTC),
        message=message,
    )


def registrations(tags: Iterable[Tag]) -> Mapping[SemanticVersion, Tag]:
    """The versions of one model that stand, oldest version first."""
    last: dict[SemanticVersion, Tag] = {}
    for tag in sorted(tags, key=lambda tag: tag.order):
        if tag.version:
            last[tag.version] = tag
    return {version: last[version] for version in sorted(last) if not last[version].cancelled}


def holders(tags: Iterable[Tag], alias: str) -> list[str]:
    """The commits that hold `alias`, the one it stands for now last.

    An alias is taken from one commit at a time: when the newest loses it, the one
    before holds it again, as GTO reads it.
    """
    last: dict[str, Tag] = {}
    for tag in sorted(tags, key=lambda tag: tag.order):
        if tag.alias == alias:
            last.pop(tag.commit, None)
            last[tag.commit] = tag
    return [commit for commit, tag in last.items() if not tag.cancelled]


def label(version: SemanticVersion, all_versions: Iterable[SemanticVersion]) -> str:
    """``v2`` while it is the only 2.x.y, else in full: ``v2.0.0``."""
    only = sum(other.major == version.major for other in all_versions) <= 1
    return f"v{version.major}" if only and version == SemanticVersion(version.major) else str(version)


def pick(text: str, versions: Iterable[SemanticVersion]) -> SemanticVersion | None:
    """The newest version that ``v2``, ``2.1`` or ``2.1.0`` means, or None."""
    wanted = text.removeprefix("v")
    exact = [version for version in versions if str(version).removeprefix("v") == wanted]
    if exact or not re.fullmatch(r"\d+(\.\d+)?", wanted):
        return exact[0] if exact else None
    head = tuple(int(number) for number in wanted.split("."))
    found = [v for v in versions if (v.major, v.minor)[: len(head)] == head]
    return max((v for v in found if not v.prerelease), default=max(found, default=None))


def require_name(name: str, what: str = "model") -> str:
    """`name`, when it may name a model or an alias.

    Raises
    ------
    UsageError
        ``bad-name``, with the nearest that is allowed.
    """
    if _OURS.match(name):
        return name
    near = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    raise UsageError(
        "bad-name",
        f"{name!r} cannot name a{'n' if what[0] in 'aeiou' else ''} {what}.",
        context="Names are lower-case letters, digits and dashes; a letter or digit at both ends.",
        hint=f"--name {near}" if near else "Choose another name.",
    )
