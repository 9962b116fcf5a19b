"""What may be versioned: files with names that DVC can read, that lie in the project itself."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from jupyter_mlops.errors import UsageError
from jupyter_mlops.versioning.dvcignore import NAME


def require_regular(path: str, status: os.stat_result) -> None:
    """Refuse what is no file.

    Raises
    ------
    UsageError
        ``not-a-file``.
    """
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(
            "not-a-file",
            f"{path} is a device, a pipe or a socket.",
            hint="Only files and folders can be versioned; keep it out with a line in .dvcignore.",
        )


def require_no_link(root: Path, name: str) -> None:
    """Refuse a folder reached through a link: it belongs to another place.

    Raises
    ------
    UsageError
        ``inside-link``.
    """
    above = root
    for part in name.split("/")[:-1]:
        above /= part
        if above.is_symlink():
            raise _inside_link(name)
    top = root / name
    if top.is_symlink() and top.is_dir():
        raise _inside_link(name)


def _inside_link(name: str) -> UsageError:
    return UsageError(
        "inside-link",
        f"{name} is reached through a link to a folder.",
        hint=f"Name the folder itself, or bring a copy in: import {name}.",
    )


def require_nameable(name: str, prefix: str, files: Sequence[str]) -> None:
    """Refuse names of `files` in the folder `prefix` of the dataset `name` that DVC could not read back.

    Raises
    ------
    UsageError
        ``ignore-inside-data``, ``bad-file-name``.
    """
    joined = "\0".join([prefix, *files])
    if NAME not in joined and _is_utf8(joined):
        return
    for path in [prefix + file for file in files]:
        if (path or name).rpartition("/")[2] == NAME:
            raise UsageError(
                "ignore-inside-data",
                f"{NAME} must not lie inside a dataset.",
                context=f"{name}/{path}",
                hint=f"Move it above {name}.",
            )
        if not _is_utf8(path or name):
            shown = os.fsencode(path or name).decode(errors="replace")
            raise UsageError("bad-file-name", f"{shown} is not a UTF-8 name.", hint="Rename it, then repeat.")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
