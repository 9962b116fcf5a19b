"""What git holds of files, many at a time: one process answers for all."""

from __future__ import annotations

from collections.abc import Iterable

from jupyter_mlops.versioning.git import Git


def read_blobs(git: Git, names: Iterable[str]) -> dict[str, bytes]:
    """The bytes of git objects by the names they were asked for; unknown ones are left out.

    A name is a blob id, or ``REVISION:./PATH``.
    """
    wanted = list(names)
    if not wanted:
        return {}
    text = git.run("cat-file", "--batch", stdin="\n".join([*wanted, ""]).encode(errors="surrogateescape"))
    data = text.encode(errors="surrogateescape")
    found: dict[str, bytes] = {}
    position = 0
    for name in wanted:
        end = data.index(b"\n", position)
        words = data[position:end].rsplit(b" ", 2)
        position = end + 1
        if words[-1] == b"missing" or words[-1] == b"ambiguous":
            continue
        size = int(words[-1])
        if words[-2] == b"blob":
            found[name] = data[position : position + size]
        position += size + 1
    return found


def changed(git: Git, paths: Iterable[str]) -> set[str]:
    """Those of `paths` that are not as HEAD has them; no filter of the repository is run to know."""
    names = {f"HEAD:./{path}": path for path in paths}
    held = read_blobs(git, names)
    return {path for name, path in names.items() if _content(git, path) != held.get(name)}


def _content(git: Git, path: str) -> bytes | None:
    there = git.root / path
    return there.read_bytes() if there.is_file() else None
