"""What ``.dvc/config`` says about the cache, the links, the lock and the remotes."""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from jupyter_mlops.errors import UsageError

LINKS = ("reflink", "hardlink", "symlink", "copy")
Sections = dict[str, dict[str, str]]


@attrs.frozen
class DvcSettings:
    """The settings of DVC that decide where bytes are.

    Attributes
    ----------
    cache
        The cache folder; objects lie in ``files/md5`` below it.
    links
        How files get from the cache to the workspace, most wanted first.
    shared
        Whether a group shares the cache.
    hardlink_lock
        Whether DVC locks by hard links, as on some network file systems.
    remotes
        Addresses by name.
    default_remote
        The remote used when none is named.
    """

    cache: Path
    links: tuple[str, ...] = ("reflink", "copy")
    shared: bool = False
    hardlink_lock: bool = False
    remotes: Mapping[str, str] = attrs.field(factory=dict)
    default_remote: str | None = None

    @classmethod
    def read(cls, root: Path) -> DvcSettings:
        """The settings of the project at `root`: system, user, project, then local."""
        merged: Sections = {}
        for path in _files(root):
            for section, values in _parse(path).items():
                merged.setdefault(section, {}).update(values)
        cache, core = merged.get("cache", {}), merged.get("core", {})
        links = tuple(kind for kind in (word.strip() for word in cache.get("type", "").split(",")) if kind in LINKS)
        return cls(
            cache=Path(cache.get("dir", root / ".dvc" / "cache")),
            links=links or ("reflink", "copy"),
            shared=cache.get("shared") == "group",
            hardlink_lock=core.get("hardlink_lock", "").lower() == "true",
            remotes={name: values.get("url", "") for name, values in _remotes(merged)},
            default_remote=core.get("remote"),
        )


def _files(root: Path) -> Iterator[Path]:
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    yield Path(os.environ.get("DVC_SYSTEM_CONFIG_DIR", "/etc/xdg/dvc")) / "config"
    yield Path(os.environ.get("DVC_GLOBAL_CONFIG_DIR", home / "dvc")) / "config"
    yield root / ".dvc" / "config"
    yield root / ".dvc" / "config.local"


def _parse(path: Path) -> Sections:
    parser = configparser.ConfigParser(interpolation=None, strict=False, inline_comment_prefixes=("#",))
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (configparser.Error, UnicodeDecodeError) as error:
        raise UsageError("bad-dvc-config", f"{path.name} of DVC cannot be read.", context=str(error)) from error
    sections = {name: {key: text.strip("\"' ") for key, text in parser[name].items()} for name in parser.sections()}
    if folder := sections.get("cache", {}).get("dir"):
        sections["cache"]["dir"] = os.path.normpath(path.parent / Path(folder).expanduser())
    return sections


def _remotes(sections: Sections) -> Iterator[tuple[str, dict[str, str]]]:
    for name, values in sections.items():
        word, _, rest = name.strip("'").partition(" ")
        if word == "remote":
            yield rest.strip('"'), values
