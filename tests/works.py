"""Verbs with something to do, and whether it was done: what tests cut off at some moment, and finish then."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from survivors import history, require_sound

import jupyter_mlops as mlops
from jupyter_mlops.errors import UsageError
from jupyter_mlops.project import Project
from jupyter_mlops.versioning.journal import Journal

SECRET = "a person"
FILES = 30


def fill(root: Path, text: str) -> None:
    (root / "data").mkdir(exist_ok=True)
    for number in range(FILES):
        (root / "data" / f"{number}.txt").write_text(f"{text} {number}\n" * 50)


def version(root: Path, text: str) -> None:
    fill(root, text)
    mlops.commit("data", project=root)


@attrs.frozen
class Work:
    """A verb with something to do.

    Attributes
    ----------
    prepare
        Leaves work to be done, different each round; returns the arguments.
    finish
        Does the same work again, after it was cut off.
    done
        Whether all of the work is done.
    """

    prepare: Callable[[Path, str], dict[str, Any]]
    finish: Callable[[Path, dict[str, Any]], object]
    done: Callable[[Path, dict[str, Any]], bool]


def again(verb: str) -> Callable[[Path, dict[str, Any]], object]:
    return lambda root, arguments: getattr(mlops, verb)(**arguments, project=root)


def to_commit(root: Path, text: str) -> dict[str, Any]:
    fill(root, text)
    return {"paths": ["data"]}


def committed(root: Path, _: dict[str, Any]) -> bool:
    digest = Project(root).datasets.resolve("data").digest
    return mlops.status(project=root).clean and history(root, "data")["data"][0] == digest


def to_check_out(root: Path, text: str) -> dict[str, Any]:
    version(root, text)
    return {"reference": "data@v1"}


def checked_out(root: Path, _: dict[str, Any]) -> bool:
    texts = {path.read_text() for path in (root / "data").iterdir()}
    return texts == {f"first {number}\n" * 50 for number in range(FILES)}


def to_push(root: Path, text: str) -> dict[str, Any]:
    version(root, text)
    remote = root.parent / "remote"
    shutil.rmtree(remote, ignore_errors=True)
    if not Project(root).datasets.settings.default_remote:
        mlops.init(remote=str(remote), project=root)
    return {"all_versions": True}


def pushed(root: Path, arguments: dict[str, Any]) -> bool:
    return mlops.push(check=True, **arguments, project=root).gate is None


def to_pull(root: Path, text: str) -> dict[str, Any]:
    mlops.push(**to_push(root, text), project=root)
    for path in (root / ".dvc" / "cache" / "files", root / "data"):
        shutil.rmtree(path)
    return {"all_versions": True}


def pulled(root: Path, _: dict[str, Any]) -> bool:
    return mlops.verify(all_versions=True, project=root).gate == "" and mlops.status(project=root).clean


def strays(root: Path) -> set[str]:
    datasets = Project(root).datasets
    needed = {one for digest in history(root, "data")["data"] for one in datasets.store.objects(digest)}
    return {digest for digest, _ in datasets.store.sizes()} - needed


def to_collect(root: Path, text: str) -> dict[str, Any]:
    (root / "stray").mkdir()
    for number in range(FILES):
        (root / "stray" / str(number)).write_text(f"stray {text} {number}")
    Project(root).datasets.save("stray")
    shutil.rmtree(root / "stray")
    return {}


def to_retain(root: Path, text: str) -> dict[str, Any]:
    (root / "mlops.toml").write_text("[retention]\nkeep_last = 1\n")
    version(root, text)
    return {}


def retain(root: Path, _: dict[str, Any]) -> None:
    mlops.retain(project=root)
    mlops.gc(project=root)


def retained(root: Path, _: dict[str, Any]) -> bool:
    states = {each.state for each in mlops.retain(project=root, dry_run=True).versions[1:]}
    return (
        states <= {"gone"} and Project(root).datasets.is_stored(history(root, "data")["data"][0]) and not unkept(root)
    )


def unkept(root: Path) -> set[str]:
    datasets = Project(root).datasets
    return {digest for digest, _ in datasets.store.sizes()} - set(
        datasets.store.objects(history(root, "data")["data"][0])
    )


def to_erase(root: Path, text: str) -> dict[str, Any]:
    fill(root, text)
    (root / "data" / "who.txt").write_text(f"{SECRET} {text}")
    mlops.commit("data", project=root)
    return {"path": "data/who.txt", "reason": "request 12", "yes": True}


def erase(root: Path, arguments: dict[str, Any]) -> None:
    is_cut_off = Journal.read(Project(root).places) is not None
    if is_cut_off:
        with pytest.raises(UsageError, match="erasure-cut-off"):
            mlops.erase(**arguments, project=root)
    mlops.erase(**({"resume": True} if is_cut_off else arguments), project=root)


def erased(root: Path, _: dict[str, Any]) -> bool:
    places = (root / ".dvc" / "cache", root / "data")
    held = [path for place in places for path in place.rglob("*") if path.is_file() and SECRET in path.read_text()]
    return not held and mlops.status(project=root).clean


WORKS: Mapping[str, Work] = {
    "commit": Work(to_commit, again("commit"), committed),
    "checkout": Work(to_check_out, again("checkout"), checked_out),
    "push": Work(to_push, again("push"), pushed),
    "pull": Work(to_pull, again("pull"), pulled),
    "gc": Work(to_collect, again("gc"), lambda root, _: not strays(root)),
    "retain": Work(to_retain, retain, retained),
    "erase": Work(to_erase, erase, erased),
}


def require_same_or_more(root: Path, before: list[str]) -> None:
    """No version, and not the pointer, is lost; all that may be there is whole."""
    require_sound(root)
    now = history(root, "data")["data"]
    assert len(now) >= len(before)
    (dataset,) = mlops.status(project=root).datasets
    assert dataset.version
