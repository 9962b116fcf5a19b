"""What a fresh build of a recorded environment needs: requirements for pip or uv, and a recipe for an image."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jupyter_mlops.pipelines.records.environment import Environment, Package

Hashes = Mapping[tuple[str, str], tuple[str, ...]]
"""Normalised name and version to the hashes of its archives, ``sha256:…``."""
REQUIREMENT = re.compile(r"(?m)^\s*([\w.-]+)(?:\[[^\]]*\])?\s*==\s*([^\s;\\]+)(.*)$")
PLAIN_NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?")
PLAIN_VERSION = re.compile(r"[\w.!+-]+")
PLAIN_SOURCE = re.compile(r"[^\s#'\"\\]+")
VARIABLE = re.compile(r"(?!CUDA_VISIBLE_DEVICES)[A-Z][A-Z0-9_]*")
FILE = "requirements-run.txt"
GIT = "RUN apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/*"


def normalised(name: str) -> str:
    """The name of a distribution as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def lock_hashes(path: str, text: str) -> Hashes:
    """The hashes that a lock file names; none when it is of a kind that has none.

    Parameters
    ----------
    path
        Its name, which tells its kind.
    text
        What it holds.
    """
    try:
        if path.endswith((".lock", ".toml")) and "requirements" not in path:
            return dict(_toml_hashes(tomllib.loads(text)))
    except (tomllib.TOMLDecodeError, AttributeError, TypeError):
        return {}
    joined = text.replace("\\\n", " ")
    found = ((match, tuple(re.findall(r"--hash=(\w+:[0-9a-f]+)", match[3]))) for match in REQUIREMENT.finditer(joined))
    return {(normalised(match[1]), match[2]): hashes for match, hashes in found if hashes}


def _toml_hashes(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
    """Of ``uv.lock``, ``poetry.lock``, ``pdm.lock`` and ``pylock.toml``."""
    for package in document.get("package", document.get("packages", [])):
        archives = [*package.get("wheels", []), *package.get("files", []), package.get("sdist") or {}]
        hashes = tuple(dict.fromkeys(found for archive in archives for found in _hashes(archive)))
        if hashes and "version" in package:
            yield (normalised(str(package["name"])), str(package["version"])), hashes


def _hashes(archive: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(one := archive.get("hash"), str):
        yield one
    yield from (f"{kind}:{value}" for kind, value in archive.get("hashes", {}).items())


def requirements(environment: Environment, known: Hashes) -> str:
    """A requirements file that installs the same packages: ``pip install --no-deps -r FILE``.

    Hashes are written for pip to check when every package has one, else as remarks: pip takes all or none.

    Parameters
    ----------
    known
        What the declared lock says of archives.
    """
    rows = [(each, _line(each), _archive_hashes(each, known)) for each in environment.packages]
    strict = all("==" in line and hashes for _, line, hashes in rows if not line.startswith("#"))
    return "\n".join([f"# {_machine(environment)}", *(_written(*row, strict=strict) for row in rows), ""])


def _machine(environment: Environment) -> str:
    """The interpreter and the machine on one line: a record comes from whoever shared it."""
    words = (environment.implementation, environment.version, environment.system, environment.machine, environment.libc)
    return " ".join("".join(sign for sign in word if sign.isprintable()) for word in words if word)


def _line(package: Package) -> str:
    """The requirement; a remark when what it was installed from is only on another machine."""
    name, version, source = package.name, package.version, package.source
    if not PLAIN_NAME.fullmatch(name) or not PLAIN_VERSION.fullmatch(version):
        return "# a package whose name or version is none"
    if not source or (package.hash and source.startswith("elsewhere:")):
        return f"{name}=={version}"
    if not PLAIN_SOURCE.fullmatch(source) or source.startswith("elsewhere:") or ".." in source.split("/"):
        return f"# {name}=={version} was installed from a folder of another machine"
    if "://" in source:
        return f"{name} @ {source}"
    return f"{'-e ' if package.editable else ''}./{source}"


def _archive_hashes(package: Package, known: Hashes) -> tuple[str, ...]:
    return known.get((normalised(package.name), package.version), ()) or ((package.hash,) if package.hash else ())


def _written(package: Package, line: str, hashes: Iterable[str], *, strict: bool) -> str:
    if strict and not line.startswith("#"):
        return " \\\n    ".join([line, *(f"--hash={one}" for one in hashes)])
    remark = next(iter(hashes), "") or (f"content {package.digest}" if package.digest else "")
    return f"{line}  # {remark}" if remark and not line.startswith("#") else line


def dockerfile(environment: Environment, reference: str) -> str:
    """A recipe for an image in which the notebooks run as they ran: beside it, the requirements as `FILE`.

    Parameters
    ----------
    reference
        Of what it is the environment, for the remark.
    """
    needs_git = any("git+" in each.source for each in environment.packages)
    settings = {**environment.variables, "TZ": environment.timezone or "UTC"}
    kept = {name: value for name, value in settings.items() if VARIABLE.fullmatch(name) and value.isprintable()}
    version = environment.version if PLAIN_VERSION.fullmatch(environment.version) else "3"
    lines = [
        f"# {reference} ran on {_machine(environment)}",
        f"# jupyter mlops environment {reference} --requirements > {FILE}",
        f"FROM python:{version}-slim",
        *([GIT] if needs_git else []),
        *(f"ENV {name}={json.dumps(value).replace('$', chr(92) + '$')}" for name, value in sorted(kept.items())),
        "WORKDIR /project",
        "COPY . ." if _needs_project(environment) else f"COPY {FILE} .",
        f"RUN python -m pip install --no-cache-dir --no-deps -r {FILE}",
        *([] if _needs_project(environment) else ["COPY . ."]),
        'CMD ["dvc", "repro"]',
    ]
    return "\n".join([*lines, ""])


def _needs_project(environment: Environment) -> bool:
    """Whether a package is installed from the project's own folder."""
    own = (each.source for each in environment.packages if each.source)
    return any("://" not in source and not source.startswith("elsewhere:") for source in own)
