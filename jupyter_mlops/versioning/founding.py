"""The files that make a folder a project: DVC's own, ours, and git's refspecs for shared records."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from pathlib import Path

from jupyter_mlops.errors import UsageError
from jupyter_mlops.records import write_atomically
from jupyter_mlops.versioning.blobs import changed
from jupyter_mlops.versioning.git import Git
from jupyter_mlops.versioning.ledger import REFSPEC

DVC_FILES = {
    ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
    ".dvc/config": "",
    ".dvcignore": (
        "# Add patterns of files dvc should ignore, which could improve\n"
        "# the performance. Learn more at\n"
        "# https://dvc.org/doc/user-guide/dvcignore\n"
    ),
}
FETCH_REFSPEC = f"+{REFSPEC.replace(':refs/mlops/', ':refs/remotes/mlops/')}"
REMOTE = "['remote \"storage\"']"
SCHEMES = ("s3", "gs", "azure", "ssh", "http", "https", "webdav", "webdavs", "hdfs", "webhdfs", "oss", "gdrive", "file")
SCP_ADDRESS = re.compile(r"[\w.-]+@?[\w.-]+:(?!\\)")
SETTINGS_FILE = "mlops.toml"
SETTINGS = """\
# Settings of jupyter-mlops. Every line is optional; this file belongs to git.

[project]
name = {name}

# [roles]                          # without this table everybody may do everything
# "sara@example.org" = "ml engineer"
# "*" = "viewer"

# [drift]                          # when two versions count as different
# effect = 0.1
"""


ATTRIBUTE = "dvc.lock merge=mlops"
DRIVER = "jupyter_mlops.pipelines.stages.merging"


def settings_text(name: str) -> str:
    """A first ``mlops.toml`` for the project `name`."""
    return SETTINGS.format(name=json.dumps(name, ensure_ascii=False))


def with_remote(config: str, address: str, root: Path) -> str:
    """The text of ``.dvc/config`` with `address` as its default remote, unless one is set already.

    A folder is written relative to ``.dvc``, as ``dvc remote add`` does.

    Raises
    ------
    UsageError
        ``bad-remote``.
    """
    _require_address(address)
    if REMOTE in config:
        return config
    folder = (root / address).resolve() if "://" not in address and not SCP_ADDRESS.match(address) else None
    url = os.path.relpath(folder, root / ".dvc") if folder and not Path(address).is_absolute() else address
    return f"[core]\n    remote = storage\n{REMOTE}\n    url = {url}\n" if not config else _appended(config, url)


def _require_address(address: str) -> None:
    scheme = address.partition("://")[0] if "://" in address else ""
    if not address.isprintable() or "::" in address or (scheme and scheme not in SCHEMES):
        raise UsageError(
            "bad-remote",
            f"{address!r} is no address of a DVC remote.",
            hint=f"Give a folder, or an address that begins with one of: {', '.join(SCHEMES)}.",
        )


def _appended(config: str, url: str) -> str:
    lines = config.rstrip("\n").splitlines()
    at = lines.index("[core]") + 1 if "[core]" in lines else len(lines)
    core = ["    remote = storage"] if "[core]" in lines else ["[core]", "    remote = storage"]
    lines[at:at] = core
    return "\n".join([*lines, REMOTE, f"    url = {url}", ""])


def missing_dvc_files(root: Path) -> dict[str, str]:
    """The files of ``dvc init`` that `root` lacks, none when it is a DVC project."""
    if (root / ".dvc" / "config").exists():
        return {}
    return {name: text for name, text in DVC_FILES.items() if not (root / name).exists()}


def uncommitted_dvc_files(git: Git) -> dict[str, str]:
    """The files of ``dvc init`` that are missing, or lie here as written by a commit that git refused."""
    missing = missing_dvc_files(git.root)
    left = [name for name, text in DVC_FILES.items() if _holds(git.root / name, text)]
    differ = changed(git, left)
    return missing | {name: DVC_FILES[name] for name in left if name in differ}


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def write_files(root: Path, files: dict[str, str]) -> None:
    """Write `files` below `root`, each whole or not at all."""
    for name, text in files.items():
        write_atomically(root / name, text.encode())


def add_refspecs(git: Git) -> bool:
    """Let ``git fetch origin`` bring shared records; says whether that was new."""
    if "origin" not in git.run("remote").split():
        return False
    known = git.run("config", "--get-all", "remote.origin.fetch").splitlines()
    if FETCH_REFSPEC in known:
        return False
    git.run("config", "--add", "remote.origin.fetch", FETCH_REFSPEC)
    return True


def with_merge_attribute(attributes: str) -> str:
    """The text of ``.gitattributes`` that lets ``dvc.lock`` be merged stage by stage."""
    if ATTRIBUTE in attributes.splitlines():
        return attributes
    gap = "\n" if attributes and not attributes.endswith("\n") else ""
    return f"{attributes}{gap}{ATTRIBUTE}\n"


def merges_stages(git: Git) -> bool:
    """Whether the tree asks for our merge driver: the command of it is a setting of each clone."""
    return git.run("check-attr", "merge", "--", "dvc.lock").strip().endswith(": mlops")


def has_merge_driver(git: Git) -> bool:
    """Whether git knows the command here, and it is that of this installation."""
    known = git.succeeds("config", "--get", "merge.mlops.driver")
    return known and git.run("config", "--get", "merge.mlops.driver").rstrip("\n") == merge_driver()


def merge_driver() -> str:
    """The command that git runs; where this installation is gone, git merges the lines."""
    python = f"{shlex.quote(sys.executable)} -P".replace("%", "%%")
    ours, text = f"{python} -m {DRIVER} %O %A %B", "git merge-file %A %O %B"
    return f"if {python} -c 'import jupyter_mlops' 2>/dev/null; then {ours}; else {text}; fi"


def set_merge_driver(git: Git) -> bool:
    """Tell git the command, when the tree asks for it; says whether that was new."""
    if not merges_stages(git) or has_merge_driver(git):
        return False
    git.run("config", "merge.mlops.name", "dvc.lock, stage by stage")
    git.run("config", "merge.mlops.driver", merge_driver())
    return True


def create_repository(folder: Path) -> None:
    """``git init`` in `folder`, on the branch that git's settings name, else ``main``."""
    git = Git(folder)
    chosen = git.succeeds("config", "--get", "init.defaultBranch")
    git.run("init", "--quiet", *([] if chosen else ["--initial-branch=main"]))
