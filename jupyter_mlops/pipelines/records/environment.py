"""The environment of a run: what was installed where its notebooks ran, and what a fresh one needs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import attrs
import msgspec

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.pipelines.records import deposit
from jupyter_mlops.records import canonical_json, write_atomically
from jupyter_mlops.trust.addresses import without_secrets

KEY = re.compile(r"[0-9a-f]{64}")
SEEN = "seen"


@attrs.frozen
class Package:
    """An installed distribution.

    Attributes
    ----------
    digest
        Sha256 over what its RECORD says of the files of the wheel: the same wherever the same wheel was installed.
    source
        Where it came from when not from an index: ``git+https://…@COMMIT``, the address of an archive, ``.`` or a
        folder below the project, ``elsewhere:NAME`` for one of this machine.
    hash
        ``sha256:…`` of the archive, when the installer kept it.
    editable
        Whether it is the folder itself that is imported.
    """

    name: str
    version: str
    digest: str = ""
    source: str = ""
    hash: str = ""
    editable: bool = False
    installer: str = ""


@attrs.frozen
class Environment:
    """Everything known of where a notebook ran.

    Attributes
    ----------
    implementation, version
        ``cpython 3.12.4``; of another language, its name.
    system, machine, libc
        ``Linux``, ``x86_64``, ``glibc 2.36``.
    cpus, cpu_features
        How many it could use, and the instructions by which numerical libraries choose their kernels.
    variables
        Those that set threads, determinism, language and time.
    """

    implementation: str
    version: str
    system: str = ""
    machine: str = ""
    libc: str = ""
    cpus: int = 0
    cpu_features: tuple[str, ...] = ()
    locale: str = ""
    timezone: str = ""
    variables: dict[str, str] = attrs.field(factory=dict)
    packages: tuple[Package, ...] = ()

    @classmethod
    def decode(cls, data: bytes) -> Environment:
        """The environment that a record holds.

        Raises
        ------
        EnvironmentFault
            ``record-corrupt``.
        """
        try:
            return msgspec.json.decode(data, type=cls)
        except msgspec.DecodeError as error:
            raise EnvironmentFault("record-corrupt", "An environment is damaged.", context=str(error)) from error

    def encode(self) -> bytes:
        """As a record holds it: equal environments give equal bytes."""
        return canonical_json(msgspec.to_builtins(self))


class Observatory:
    """Takes what a kernel answers to `expression`, and keeps each environment once.

    Parameters
    ----------
    folder
        Where they are kept (`jupyter_mlops.pipelines.records.deposit`).
    root
        The folder of the project; packages installed from below it are named relative to it.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder = folder
        self._root = root

    def expression(self) -> str:
        """What a Python kernel evaluates to tell where it is; it binds no name."""
        known = [each.name for each in self._seen.glob("*") if KEY.fullmatch(each.name)]
        return f"(lambda space: (exec({_source()!r}, space), space['observed']({known!r}))[1])({{}})"

    def keep(self, answer: str) -> tuple[dict[str, str], str]:
        """The packages and the digest of the environment that the text `answer` tells of."""
        told = json.loads(answer)
        if told["environment"] is None:
            return told["packages"], (self._seen / told["key"]).read_text()
        digest = deposit.keep(self._folder, _environment(told["environment"], self._root).encode())
        if KEY.fullmatch(told["key"]):
            write_atomically(self._seen / told["key"], digest.encode())
        return told["packages"], digest

    def keep_foreign(self, language: Mapping[str, Any]) -> str:
        """The digest of the environment of another language, of which only the kernel's own words are known."""
        name, version = str(language.get("name", "")), str(language.get("version", ""))
        return deposit.keep(self._folder, Environment(name, version).encode())

    @property
    def _seen(self) -> Path:
        return self._folder / SEEN


@cache
def _source() -> str:
    return files("jupyter_mlops.pipelines.records").joinpath("observing.py").read_text(encoding="utf-8")


def _environment(told: Mapping[str, Any], root: Path) -> Environment:
    packages = tuple(_package(each, root) for each in told["packages"])
    return msgspec.convert({**told, "packages": packages}, Environment, strict=False, from_attributes=True)


def _package(told: Mapping[str, Any], root: Path) -> Package:
    origin = told.get("origin") or {}
    hashes = (origin.get("archive_info") or {}).get("hashes") or {}
    return Package(
        name=told["name"],
        version=told["version"],
        digest=told.get("digest", ""),
        source=_source_of(origin, root),
        hash=f"sha256:{hashes['sha256']}" if "sha256" in hashes else "",
        editable=bool((origin.get("dir_info") or {}).get("editable")),
        installer=told.get("installer", ""),
    )


def _source_of(origin: Mapping[str, Any], root: Path) -> str:
    """As `Package.source`; no password of an address, and no path of this machine."""
    url = str(origin.get("url") or "")
    parts = urlsplit(url)
    if not url:
        return ""
    if parts.scheme == "file":
        place = Path(unquote(parts.path))
        inside = place.is_relative_to(root)
        return place.relative_to(root).as_posix() if inside else f"elsewhere:{place.name}"
    if vcs := origin.get("vcs_info"):
        return f"{vcs.get('vcs', 'git')}+{without_secrets(url)}@{vcs.get('commit_id', '')}"
    return without_secrets(url)


def facts(environment: Environment) -> dict[str, str]:
    """All but the packages, by name."""
    names = [field.name for field in attrs.fields(Environment) if field.name not in {"packages", "variables"}]
    return {**{name: _text(getattr(environment, name)) for name in names}, **environment.variables}


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
