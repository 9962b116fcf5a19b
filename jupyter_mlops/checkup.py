"""What can be wrong with an installation or a project, each check on its own."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import attrs

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.pipelines.executing.kernels import installed
from jupyter_mlops.project import Project
from jupyter_mlops.versioning.founding import FETCH_REFSPEC, has_merge_driver, merges_stages

CLUSTER_S = 2.0
PACKAGES = ("jupyter-mlops", "dvc", "papermill", "jupyter-server", "jupyterlab", "polars", "plotly", "onnxruntime")


@attrs.frozen
class Check:
    """One check: `state` is ``ok``, ``warning`` or ``failed``."""

    name: str
    state: str
    message: str
    hint: str = ""


def installed_versions() -> dict[str, str]:
    """Python and the packages that matter, by version."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found


def checks(project: Project | None) -> Iterator[Check]:
    """Every check that applies here."""
    yield _git()
    yield _lab()
    yield _server_extension()
    yield _kernel()
    if project is None:
        yield Check("project", "warning", "This folder is not in a git repository.", "%mlops init --yes")
        return
    yield from (
        _identity(project),
        _data(project),
        _settings(project),
        _records(project),
        _merging(project),
        _cache(project),
    )
    yield from _cluster(project)


def _git() -> Check:
    found = shutil.which("git")
    if found:
        return Check("git", "ok", "git is installed.")
    return Check("git", "failed", "git is not installed.", "Install git 2.30 or newer.")


def _lab() -> Check:
    if find_spec("jupyterlab"):
        return Check("JupyterLab", "ok", "JupyterLab is installed.")
    return Check("JupyterLab", "warning", "No JupyterLab here: no sidebar.", 'pip install "jupyter-mlops[lab]"')


def _server_extension() -> Check:
    from jupyter_core.paths import jupyter_config_path

    files = (Path(folder, "jupyter_server_config.d", "jupyter_mlops.json") for folder in jupyter_config_path())
    for file in files:
        if file.exists():
            on = json.loads(file.read_text())["ServerApp"]["jpserver_extensions"].get("jupyter_mlops")
            if on:
                return Check("server extension", "ok", "The server extension is enabled.")
            break
    hint = "jupyter server extension enable jupyter_mlops"
    return Check("server extension", "warning", "The server extension is not enabled.", hint)


def _kernel() -> Check:
    if names := installed():
        return Check("kernels", "ok", f"Kernels: {', '.join(names)}.")
    return Check("kernels", "failed", "No Jupyter kernel is installed.", "python -m ipykernel install --sys-prefix")


def _identity(project: Project) -> Check:
    if project.actor.source == "unknown":
        hint = 'git config --global user.name "Your Name" && git config --global user.email "you@example.org"'
        return Check("identity", "failed", "git does not know your name and e-mail; commits need both.", hint)
    return Check("identity", "ok", f"Versions will carry the name {project.actor}.")


def _data(project: Project) -> Check:
    if (project.root / ".dvc").is_dir():
        return Check("DVC", "ok", "This is a DVC project.")
    message = "No DVC project yet; the first commit of data makes it one."
    return Check("DVC", "warning", message, "%mlops commit PATH")


def _settings(project: Project) -> Check:
    try:
        role = project.roles.role_of(project.actor)
    except MlopsError as error:
        return Check("mlops.toml", "failed", error.message, error.hint or error.context)
    return Check("mlops.toml", "ok", f"Your role is {role}.")


def _records(project: Project) -> Check:
    if not project.git.succeeds("remote", "get-url", "origin"):
        return Check("shared records", "ok", "No git remote; records stay here.")
    wanted = project.git.succeeds("config", "--get-all", "remote.origin.fetch", "refs/mlops")
    if wanted:
        return Check("shared records", "ok", "git fetch brings the records of colleagues.")
    hint = f"git config --add remote.origin.fetch '{FETCH_REFSPEC}'"
    return Check("shared records", "warning", "git fetch does not bring run records.", hint)


def _merging(project: Project) -> Check:
    if not merges_stages(project.git):
        state = "warning" if (project.root / "dvc.lock").exists() else "ok"
        return Check(
            "dvc.lock", state, "git merges dvc.lock line by line.", "%mlops init" if state == "warning" else ""
        )
    if has_merge_driver(project.git):
        return Check("dvc.lock", "ok", "git merges dvc.lock stage by stage.")
    return Check(
        "dvc.lock", "warning", "This clone merges dvc.lock line by line: git lacks the command.", "%mlops init"
    )


def _cache(project: Project) -> Check:
    folder = project.root if not (project.root / ".dvc").is_dir() else project.root / ".dvc"
    if not os.access(folder, os.W_OK):
        return Check("cache", "failed", f"{folder} cannot be written.", "Check its owner and mode.")
    free_bytes = shutil.disk_usage(folder).free
    state = "ok" if free_bytes > 1 << 30 else "warning"
    return Check(
        "cache", state, f"{free_bytes / 1e9:,.1f} GB free for data.", "" if state == "ok" else "Free some space."
    )


def _cluster(project: Project) -> Iterator[Check]:
    """Whether the Dask cluster answers, when there is one."""
    from jupyter_mlops.pipelines.cluster.dask_cluster import DaskSettings, connected

    try:
        settings = DaskSettings.read(project.section("dask"), project.root)
        if not settings.address:
            return
        with connected(settings, CLUSTER_S) as cluster:
            crew = cluster.crew()
    except MlopsError as error:
        yield Check("Dask", "failed", error.message, error.hint or error.context)
        return
    has = f"{crew.workers} workers, {crew.threads} stages at a time"
    hint = "" if crew.workers else f"dask worker {settings.address}"
    yield Check("Dask", "ok" if crew.workers else "warning", f"The cluster at {settings.address} answers: {has}.", hint)
