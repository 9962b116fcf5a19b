"""The file in which a project declares what should be installed where its notebooks run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_mlops.errors import UsageError

LOCKS = ("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock", "pixi.lock", "conda-lock.yml", "requirements.lock")
"""Written by a resolver, best first."""
BY_HAND = ("environment.yml", "environment.yaml")
LINE = re.compile(r"^\s*(?P<words>[^#\s][^#]*?)\s*(?:\s#.*)?$")
PINNED = re.compile(r"(?i)^[\w.-]+(?:\[[^\]]*\])?\s*(?:===?\s*[^\s;*,]+(?:\s*;.*)?(?:\s+--hash=\S+)*\s*\\?|@\s+\S+.*)$")


def declared_lock(root: Path, settings: Mapping[str, Any]) -> str | None:
    """The lock file of the project, below `root`; None when it declares nothing.

    What ``[environment] lock = "…"`` of ``mlops.toml`` names; else the first of `LOCKS` at the root; else a
    ``requirements*.txt`` of which each line is pinned by ``==``; else an ``environment.yml``. ``lock = false`` is none.

    Parameters
    ----------
    settings
        The table ``[environment]``.

    Raises
    ------
    UsageError
        ``bad-settings``: it is no path, leads outside the project, or is not there.
    """
    given = settings.get("lock")
    if given is False:
        return None
    if given is not None:
        return _given(root, given)
    requirements = sorted(path.name for path in root.glob("requirements*.txt"))
    candidates = (*LOCKS, *(name for name in requirements if is_pinned(root / name)), *BY_HAND)
    return next((name for name in candidates if (root / name).is_file()), None)


def _given(root: Path, given: object) -> str:
    hint = '[environment]\nlock = "requirements.txt"'
    if not isinstance(given, str) or not given:
        raise UsageError("bad-settings", "lock in [environment] of mlops.toml is no path.", hint=hint)
    path = (root / given).resolve()
    if not path.is_relative_to(root.resolve()):
        raise UsageError("bad-settings", f"{given} in mlops.toml lies outside the project.", hint=hint)
    if not path.is_file():
        raise UsageError("bad-settings", f"There is no {given}, which mlops.toml names as lock.", hint=hint)
    return path.relative_to(root.resolve()).as_posix()


def is_pinned(path: Path) -> bool:
    """Whether each requirement in the file is fixed to one version, or to one address."""
    try:
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    except (OSError, UnicodeDecodeError):
        return False
    lines = [match["words"] for line in text.splitlines() if (match := LINE.match(line))]
    wanted = [line for line in lines if not line.startswith("-")]
    return bool(wanted) and all(PINNED.match(line) for line in wanted) and not any(_reads_more(line) for line in lines)


def _reads_more(line: str) -> bool:
    """Whether the line takes its requirements from elsewhere, where they may change."""
    return line.startswith(("-r", "--requirement", "-e", "--editable"))
