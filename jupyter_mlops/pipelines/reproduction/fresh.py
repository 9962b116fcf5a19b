"""A fresh environment built from what a run recorded: a virtual environment with a kernel of its own."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from jupyter_mlops.errors import EnvironmentFault, UnknownReference
from jupyter_mlops.pipelines.records.rebuilding import requirements
from jupyter_mlops.pipelines.records.runs import RunRecords
from jupyter_mlops.records import Progress, Step, VersionRecord, alone, silent

FOLDER = "environments"
READY = "ready"
OURS = frozenset({"jupyter-mlops"})
"""Left out: a notebook that runs as a stage needs only its kernel, and we are not ourselves what is reproduced."""


NAME = re.compile(r"[ =@<>!;\[]")
ELSEWHERE = re.compile(r"# ([\w.-]+)==\S+ was installed from")


@attrs.frozen
class Lock:
    """What a run found installed.

    Attributes
    ----------
    requirements
        Lines as pip and uv read them; paths are below the root.
    python
        The version of the interpreter, ``3.12`` or ``3.12.4``; that of this process when unknown.
    """

    requirements: str
    python: str

    @property
    def digest(self) -> str:
        """Sha256 over all of it, and the machine for which it is built."""
        text = f"{self.python}\n{sys.platform}\n{os.uname().machine}\n{self.requirements}"
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def names(self) -> tuple[str, ...]:
        """The packages, ``numpy==2.1.0``, as tools repeat them."""
        lines = (line.split(";")[0].split(" ")[0].strip() for line in self.requirements.splitlines())
        return tuple(line for line in lines if line and not line.startswith(("#", "-")))


@attrs.frozen
class FreshEnvironment:
    """A built environment.

    Attributes
    ----------
    folder
        The virtual environment.
    kernels
        Where its kernels lie, for ``JUPYTER_PATH``.
    digest
        Of its lock.
    """

    folder: Path
    digest: str

    @property
    def variables(self) -> dict[str, str]:
        """The variables under which Jupyter finds its kernels first, and commands its Python."""
        return {
            "JUPYTER_PATH": os.pathsep.join(
                filter(None, (str(self.folder / "share" / "jupyter"), os.environ.get("JUPYTER_PATH", "")))
            ),
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
            "VIRTUAL_ENV": str(self.folder),
        }


def lock_of(record: VersionRecord, runs: RunRecords) -> Lock:
    """What the run recorded of its environment: hashes and sources where the record has them, else names and versions.

    Raises
    ------
    UnknownReference
        ``no-environment``.
    """
    here = ".".join(map(str, sys.version_info[:3]))
    if digest := next(iter(record.environments), None):
        environment = runs.recording.environment(digest)
        text = requirements(environment, {})
        return Lock(_portable(text, str(record.git_commit)), environment.version or here)
    if not record.packages:
        raise UnknownReference(
            "no-environment",
            "What was installed when it ran was not recorded.",
            hint="Leave out --fresh-env; a run records its environment when its notebooks run in Python.",
        )
    listed = "\n".join(f"{name}=={version}" for name, version in sorted(record.packages.items()))
    return Lock(_portable(listed, str(record.git_commit)), here)


def _portable(text: str, commit: str) -> str:
    """The requirements in `text`, each on one line; what lies in the project itself is that of `commit`.

    Raises
    ------
    EnvironmentFault
        ``environment-unavailable``: a package was installed from a folder that only another machine has.
    """
    lines = [line.strip().removeprefix("-e ") for line in text.replace("\\\n", " ").splitlines()]
    kept = [line for line in lines if NAME.split(line.lower(), maxsplit=1)[0] not in OURS]
    foreign = [match[1] for line in kept if (match := ELSEWHERE.match(line)) and match[1].lower() not in OURS]
    if foreign:
        raise _unavailable(", ".join(foreign), "installed from a folder that the record cannot name")
    wanted = [line for line in kept if line and not line.startswith("#")]
    return "\n".join([*wanted, *([f"# {commit}"] if any(line.startswith("./") for line in wanted) else [])])


def build(
    lock: Lock, root: Path, scratch: Path, kernels: Mapping[str, str], progress: Progress = silent
) -> FreshEnvironment:
    """The environment of `lock`, built now or earlier.

    Parameters
    ----------
    root
        The folder of the project at the commit of the run.
    scratch
        The folder of rebuildable caches.
    kernels
        The names of the kernels that its notebooks ask for, and how people call them.

    Raises
    ------
    EnvironmentFault
        ``environment-unavailable`` names the packages that could not be had; ``python-missing``.
    """
    folder = scratch / FOLDER / lock.digest[:16]
    with alone(scratch / FOLDER / f"{lock.digest[:16]}.lock"):
        if not (folder / READY).exists():
            shutil.rmtree(folder, ignore_errors=True)
            try:
                _make(lock, folder, root, progress)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            (folder / READY).touch()
        for name, title in kernels.items():
            _write_kernel(folder, name, title)
    return FreshEnvironment(folder, lock.digest)


def _make(lock: Lock, folder: Path, root: Path, progress: Progress) -> None:
    count = len(lock.names)
    progress(Step("build the recorded environment", 0, count, "packages"))
    folder.parent.mkdir(parents=True, exist_ok=True)
    file = folder.parent / f"{folder.name}.txt"
    file.write_text(lock.requirements + "\n")
    uv = shutil.which("uv")
    made = _run(_creating(uv, lock.python, folder), root)
    if made.returncode:
        said = made.stderr.strip().splitlines()
        message = f"Python {lock.python} could not be had."
        raise EnvironmentFault("python-missing", message, context=said[-1] if said else "", hint="Install it.")
    python = str(folder / "bin" / "python")
    _require_installed(_run(_installing(uv, python, file), root), lock)
    progress(Step("build the recorded environment", count, count, "packages"))


def _creating(uv: str | None, python: str, folder: Path) -> list[str]:
    if uv:
        return [uv, "venv", "--quiet", "--python", python, str(folder)]
    return [_interpreter(python), "-m", "venv", "--without-pip", str(folder)]


def _installing(uv: str | None, python: str, file: Path) -> list[str]:
    if uv:
        return [uv, "pip", "install", "--quiet", "--no-deps", "--python", python, "-r", str(file)]
    pip = [sys.executable, "-m", "pip", "--python", python, "--quiet", "--disable-pip-version-check", "--no-input"]
    return [*pip, "install", "--no-deps", "--retries", "1", "--timeout", "15", "-r", str(file)]


def _interpreter(version: str) -> str:
    """An installed interpreter of the same minor version.

    Raises
    ------
    EnvironmentFault
        ``python-missing``.
    """
    minor = ".".join(version.split(".")[:2])
    if minor == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    if found := shutil.which(f"python{minor}"):
        return found
    raise EnvironmentFault(
        "python-missing", f"Python {minor} is not installed here.", hint="Install it, or install uv, which fetches it."
    )


def _run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def _require_installed(done: subprocess.CompletedProcess[str], lock: Lock) -> None:
    """Name the requirements that pip or uv complains of."""
    if done.returncode:
        said = " ".join(done.stderr.split())
        names = ", ".join(name for name in lock.names if name in said) or "some packages"
        lines = done.stderr.strip().splitlines()
        raise _unavailable(names, lines[-1] if lines else "")


def _unavailable(names: str, context: str) -> EnvironmentFault:
    return EnvironmentFault(
        "environment-unavailable",
        f"The recorded environment cannot be built: {names} could not be had.",
        context=context,
        hint="Connect to the index, name a folder of archives (PIP_FIND_LINKS, UV_FIND_LINKS), or drop --fresh-env.",
    )


def _write_kernel(folder: Path, name: str, title: str) -> None:
    """Let Jupyter start the Python of `folder` under the name that the notebook asks for."""
    place = folder / "share" / "jupyter" / "kernels" / name
    place.mkdir(parents=True, exist_ok=True)
    command = [str(folder / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": title, "language": "python"}
    (place / "kernel.json").write_text(json.dumps(spec))
