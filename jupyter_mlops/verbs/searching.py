"""Versions found by what is known of them: search."""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import attrs

from jupyter_mlops.errors import MlopsError, UsageError, bad_cursor, did_you_mean
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.project import Project
from jupyter_mlops.verbs.declaration import Call, Group, Limit, verb
from jupyter_mlops.verbs.versions import DatasetVersion, shown

if TYPE_CHECKING:
    from jupyter_mlops.versioning.pointers import Described
    from jupyter_mlops.versioning.values import Dataset, Version

FIELDS = (
    "name",
    "column",
    "owner",
    "tag",
    "purpose",
    "pii",
    "source",
    "licence",
    "label",
    "author",
    "message",
    "digest",
)
SMALL_BYTES = 16 << 20
Known = Mapping[str, tuple[str, ...]]
"""What is known of a version: texts by field."""


@attrs.frozen
class Match:
    """Where a term was found."""

    field: str
    value: str


@attrs.frozen
class Hit:
    """A version that every term fits."""

    version: DatasetVersion
    matched: tuple[Match, ...]


@attrs.frozen
class Found:
    """A page of versions, by dataset, newest first.

    Attributes
    ----------
    datasets
        How many were found up to this page.
    """

    query: str
    hits: tuple[Hit, ...]
    datasets: int
    next_cursor: str | None = None


@verb(Group.DATA, Action.READ, reads=True)
def search(call: Call, query: str, *, every: bool = False, limit: Limit = 20, cursor: str = "") -> Found:
    """Find datasets and versions by column, owner, tag, purpose, personal data and more.

    Words are looked for everywhere; ``FIELD:TEXT`` in one field, of name, column, owner, tag, purpose, pii, source,
    licence, label, author, message, digest (of the version, or of a file in it). All terms must fit; case does not
    matter; ``*`` stands for anything.

    Parameters
    ----------
    query
        Such as ``wages``, ``column:email``, ``"owner:sara pii:*"``.
    every
        Every version that fits, not only the newest of each dataset.
    limit
        Versions a page, at most 200.
    cursor
        Where the page before ended: its `next_cursor`.
    """
    terms = [_term(word) for word in query.split()]
    if cursor and not cursor.isdecimal():
        raise bad_cursor(cursor)
    start = int(cursor or 0)
    fitting = (hit for one in _datasets(call.project) for hit in _hits(call.project, one, terms, every=every))
    found = list(itertools.islice(fitting, start + limit + 1))
    further = str(start + limit) if len(found) > start + limit else None
    names = {hit.version.dataset for hit in found[: start + limit]}
    return Found(query, tuple(found[start : start + limit]), len(names), further)


def _term(word: str) -> tuple[str, str]:
    """Field and pattern; the field is "" when any will do.

    Raises
    ------
    UsageError
        ``unknown-field``.
    """
    field, mark, text = word.partition(":")
    if not mark or field == "data":
        return "", _pattern(text or word)
    if field not in FIELDS:
        hint = did_you_mean(field, FIELDS, f"Fields are {', '.join(FIELDS)}.")
        raise UsageError("unknown-field", f"Nothing can be searched by {field}.", hint=hint)
    return field, _pattern(text)


def _pattern(text: str) -> str:
    return text.lower() if "*" in text else f"*{text.lower()}*"


def _datasets(project: Project) -> Iterator[Dataset]:
    yield from (project.datasets.resolve_name(name) for name in sorted(project.datasets.versions.index.names()))


def _hits(project: Project, dataset: Dataset, terms: list[tuple[str, str]], *, every: bool) -> Iterator[Hit]:
    said = project.datasets.descriptions(dataset.name)
    pointer = project.datasets.pointer(dataset.name)
    current = pointer[1].digest if pointer else None
    for version in project.datasets.history(dataset):
        known = _known(project, version, said.get(version.digest), is_current=version.digest == current)
        if any(field == "digest" for field, _ in terms):
            known = {**known, "digest": tuple(_digests(project, version))}
        matched = _matched(known, terms)
        if matched is not None:
            yield Hit(shown(project.datasets, version, current=current), matched)
            if not every:
                return


def _matched(known: Known, terms: list[tuple[str, str]]) -> tuple[Match, ...] | None:
    """Where each term was found, or None when one was not."""
    found: list[Match] = []
    for field, pattern in terms:
        places = (field,) if field else known
        pairs = (Match(place, value) for place in places for value in known.get(place, ()))
        hits = [match for match in pairs if fnmatch.fnmatchcase(match.value.lower(), pattern)]
        if not hits:
            return None
        found += hits if field else hits[:1]
    return tuple(dict.fromkeys(found))


def _known(project: Project, version: Version, said: Described | None, *, is_current: bool) -> Known:
    meta = said.meta if said else {}
    columns = tuple(said.columns) if said else ()
    if not columns and is_current:
        columns = _columns(project, version)
    return {
        "name": (version.dataset,),
        "column": columns,
        "tag": version.tags,
        "label": said.labels if said else (),
        "author": (version.author,),
        "message": (version.message, *([said.text] if said and said.text else [])),
        **{field: _texts(meta.get(field)) for field in ("owner", "purpose", "pii", "source", "licence")},
    }


def _digests(project: Project, version: Version) -> Iterator[str]:
    """Its own, and those of its files where the cache has their list."""
    yield version.digest
    content = project.datasets.content_or_none(version.digest)
    yield from (entry.md5 for entry in content.entries) if content else ()


def _texts(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(str(item) for item in value) if isinstance(value, list) else (str(value),)


def _columns(project: Project, version: Version) -> tuple[str, ...]:
    """The columns of a table whose pointer does not tell them, where that is quick."""
    from jupyter_mlops.profiles.tables import schema_of

    if profile := project.profiles.known(version.digest):
        return tuple(profile.columns)
    try:
        files = project.datasets.files(version) if version.size <= SMALL_BYTES else ()
        return tuple(name for name, _ in schema_of([one.location for one in files], [one.path for one in files]))
    except MlopsError:
        return ()  # not in the cache, or no sound table
