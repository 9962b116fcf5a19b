"""What people wrote about each version into its pointer, read from git once and remembered."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import attrs

from jupyter_mlops.errors import UsageError
from jupyter_mlops.records import Places
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.history import Recorded, read_blobs
from jupyter_mlops.versioning.plain import PLAIN
from jupyter_mlops.versioning.pointers import Described, described
from jupyter_mlops.versioning.scratch import opened

SCHEMA = "CREATE TABLE IF NOT EXISTS described (name TEXT PRIMARY KEY, said TEXT) WITHOUT ROWID;"


class Descriptions:
    """The descriptions of recorded versions.

    Parameters
    ----------
    places
        Where rebuildable caches live.
    git
        Holds the pointers.
    """

    def __init__(self, places: Places, git: Git) -> None:
        self._places = places
        self._git = git

    def of(self, versions: Iterable[Recorded]) -> dict[str, Described]:
        """What was said about each of `versions`, by digest; outputs of stages have their run record instead."""
        names = {one.digest: f"{one.commit_id}:./{one.pointer}" for one in versions if one.stage is None}
        with opened(self._places.scratch / "descriptions.sqlite", SCHEMA) as database:
            asked = ((name,) for name in names.values())
            database.execute("CREATE TEMP TABLE asked (name TEXT PRIMARY KEY)")
            database.executemany("INSERT OR IGNORE INTO asked VALUES (?)", asked)
            known = dict(database.execute("SELECT name, said FROM described JOIN asked USING (name)"))
            fresh = self._read([name for name in names.values() if name not in known])
            database.executemany("INSERT OR REPLACE INTO described VALUES (?, ?)", fresh.items())
        known.update(fresh)
        return {digest: _decoded(known[name]) for digest, name in names.items() if name in known}

    def _read(self, names: Iterable[str]) -> dict[str, str]:
        return {name: _encoded(data, name) for name, data in read_blobs(self._git, names).items()}


def _encoded(data: bytes, name: str) -> str:
    """A pointer that once was committed broken says nothing; one that `dvc add` wrote says no more."""
    if PLAIN.fullmatch(data) and b"\nmeta:" not in data:
        return "{}"
    try:
        return json.dumps(attrs.asdict(described(data, name.partition(":./")[2])), default=str)
    except UsageError:
        return "{}"


def _decoded(text: str) -> Described:
    said: Mapping[str, object] = json.loads(text)
    return Described(**{**said, "labels": tuple(said.get("labels", ()))})  # type: ignore[arg-type]
