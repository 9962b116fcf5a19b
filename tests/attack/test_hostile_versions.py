"""Pointers, listings, tombstones and caches that a stranger wrote lead nowhere outside the project."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

import jupyter_mlops as mlops
from jupyter_mlops.errors import EnvironmentFault, MlopsError, UsageError
from jupyter_mlops.project import Project
from jupyter_mlops.records import Actor

EVIL = b"#!/bin/sh\necho owned\n"
STONE = '{{"id": "x", "kind": "erased", "time": "2026-01-01T00:00:00Z", "actor": {{"name": "x"}}, "what": "", "reason": "", "contents": {}}}'


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Files of the victim, beside the project."""
    folder = tmp_path / "outside"
    (folder / "letters").mkdir(parents=True)
    (folder / "letters" / "one.txt").write_text("dear\n")
    (folder / "secret.dir").write_text("hunter2")
    return folder


@pytest.fixture
def root(project: Any, once: Any) -> Path:
    return once(project.root, build)


def build(root: Path) -> None:
    (root / "data").mkdir()
    (root / "data" / "a.txt").write_text("a\n")
    mlops.commit("data", project=root)


@pytest.fixture(autouse=True)
def untouched(outside: Path) -> Any:
    before = tree(outside)
    yield
    assert tree(outside) == before


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def put(root: Path, data: bytes, suffix: str = "") -> str:
    """An object of the cache whose name is right, whatever it says."""
    md5 = hashlib.md5(data).hexdigest()
    path = root / ".dvc" / "cache" / "files" / "md5" / md5[:2] / (md5[2:] + suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return md5 + suffix


def point(root: Path, git: Any, digest: str, path: str = "theirs") -> None:
    """A pointer of a stranger, in the last commit."""
    (root / "theirs.dvc").write_text(
        f"outs:\n- md5: {digest!r}\n  size: 7\n  isexec: true\n  hash: md5\n  path: {path}\n"
    )
    git("add", "--force", "theirs.dvc")
    git("commit", "-qm", "theirs")


def use(root: Path, reference: str) -> str:
    """Everything that reads or brings back the version `reference`; what was said to it."""
    name = reference.partition("@")[0]
    calls = {
        "status": {}, "log": {"name": name}, "show": {"reference": reference}, "verify": {"all_versions": True},
        "diff": {"before": reference, "after": reference}, "checkout": {"reference": reference}, "gc": {},
    }  # fmt: skip
    said = []
    for verb, arguments in calls.items():
        with contextlib.suppress(MlopsError):
            said.append(str(getattr(mlops, verb)(**arguments, project=root)))
    return "".join(said)


@pytest.mark.parametrize(
    "path", ["../../outside/new", "../sub/../../outside/new", "{outside}/new", ".git/hooks/pre-commit", "a\0b", ""]
)
def test_a_listing_names_only_files_of_its_folder(root: Path, git: Any, outside: Path, path: str) -> None:
    entries = [{"md5": put(root, EVIL), "relpath": path.format(outside=outside)}]
    point(root, git, put(root, json.dumps(entries).encode(), ".dir"))
    with pytest.raises(EnvironmentFault, match="object-corrupt"):
        mlops.checkout("theirs", project=root)
    use(root, "theirs@v1")
    assert not list(root.rglob("pre-commit"))


@pytest.mark.parametrize("place", ["pointer", "listing", "run cache", "tombstone"])
def test_a_digest_is_no_path(root: Path, git: Any, outside: Path, place: str) -> None:
    md5 = f"aa{outside}/secret.dir"
    if place == "pointer":
        point(root, git, md5)
    elif place == "listing":
        point(root, git, put(root, json.dumps([{"md5": md5, "relpath": "x"}]).encode(), ".dir"))
    elif place == "run cache":
        (folder := root / ".dvc" / "cache" / "runs" / "aa" / "bb").mkdir(parents=True)
        (folder / "cc").write_text(f"outs:\n- md5: {md5}\n")
    else:
        lost = "0" * 32
        point(root, git, lost)
        bury(root, STONE.format(json.dumps({lost: md5})))
    assert "hunter2" not in use(root, "theirs@v1") + use(root, "data@v1")
    assert "hunter2" not in "".join(path.read_text() for path in root.glob("theirs/*"))
    assert not list((root / ".dvc" / "cache").glob(".damaged/*"))


@pytest.mark.parametrize(
    "path", [".git/hooks/pre-commit", ".GIT/hooks/pre-commit", ".dvc/config", ".", "sub/.git/config"]
)
def test_a_pointer_brings_nothing_into_the_folders_of_git_and_dvc(root: Path, git: Any, path: str) -> None:
    point(root, git, put(root, EVIL), path)
    config = (root / ".dvc" / "config").read_bytes()
    for name in (path, "theirs"):
        use(root, f"{name}@v1")
    with contextlib.suppress(MlopsError):
        mlops.checkout("HEAD", all=True, project=root)
    assert not list(root.rglob("pre-commit"))
    assert not (root / "sub").exists()
    assert (root / ".dvc" / "config").read_bytes() == config


@pytest.mark.parametrize("at", ["theirs/sub", "theirs", "above"])
def test_a_checkout_goes_through_no_link(root: Path, git: Any, outside: Path, at: str) -> None:
    entries = [{"md5": put(root, EVIL), "relpath": "sub/new"}]
    folder = "above/theirs" if at == "above" else "theirs"
    point(root, git, put(root, json.dumps(entries).encode(), ".dir"), folder)
    (root / at).parent.mkdir(exist_ok=True)
    (root / at).symlink_to(outside)
    with pytest.raises(UsageError, match="inside-link"):
        mlops.checkout(folder, project=root)


@pytest.mark.parametrize("at", [".dvc/cache/.incoming", ".dvc/tmp/mlops", ".dvc/cache/.damaged"])
def test_our_own_folders_are_no_links(root: Path, outside: Path, at: str) -> None:
    """What the dead left in them is swept: a link there would have swept the folders of the victim."""
    with contextlib.suppress(OSError):
        (root / at).rmdir()
    (root / at).symlink_to(outside)
    (root / "new.txt").write_text("new\n")
    (root / "data" / "a.txt").unlink()
    flip(root, "data@v1")
    for verb, name in (("commit", "new.txt"), ("checkout", "data@v1")):
        with contextlib.suppress(MlopsError):
            getattr(mlops, verb)(name, project=root)
    with contextlib.suppress(MlopsError):
        mlops.verify(scrub=True, project=root)


def flip(root: Path, reference: str) -> None:
    datasets = Project(root).datasets
    (file, *_) = datasets.files(datasets.resolve(reference))
    file.location.chmod(0o644)
    file.location.write_bytes(b"b\n")


@pytest.mark.parametrize("at", [".dvc/cache/.in-use", ".dvc/tmp/lock"])
@pytest.mark.parametrize("what", ["file", "dangling"])
def test_a_lock_that_is_a_link_is_not_followed(root: Path, outside: Path, at: str, what: str) -> None:
    (root / at).unlink(missing_ok=True)
    (root / at).symlink_to(outside / ("letters/one.txt" if what == "file" else "made"))
    (root / "new.txt").write_text("new\n")
    with pytest.raises(MlopsError) as caught:
        mlops.commit("new.txt", project=root)
    assert caught.value.reference != "internal"


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_a_lock_that_is_no_file_stops_nobody_for_ever_and_frees_nobody(root: Path, kind: str) -> None:
    """Without a lock an object that was just saved could be collected: then there is no commit, and no collection."""
    lock = root / ".dvc" / "cache" / ".in-use"
    lock.unlink(missing_ok=True)
    lock.mkdir() if kind == "folder" else os.mkfifo(lock)
    (root / "new.txt").write_text("new\n")
    for call in (lambda: mlops.commit("new.txt", project=root), lambda: mlops.gc(project=root)):
        if kind == "folder":
            with pytest.raises(MlopsError) as caught:
                call()
            assert caught.value.reference != "internal"
        else:
            call()
    assert mlops.verify(all_versions=True, project=root).gate == ""


def test_an_ignore_file_that_is_a_link_is_not_copied_into_git(root: Path, git: Any, outside: Path) -> None:
    (root / "sub").mkdir()
    (root / "sub" / ".gitignore").symlink_to(outside / "secret.dir")
    (root / "sub" / "new.txt").write_text("new\n")
    with contextlib.suppress(MlopsError):
        mlops.commit("sub/new.txt", project=root)
    assert "hunter2" not in git("log", "--all", "-p")


def bury(root: Path, record: str | bytes) -> None:
    data = record if isinstance(record, bytes) else record.encode()
    Project(root).ledger.append("tombstones", "stone", data, Actor("stranger", "s@example.org"))


HOSTILE = {
    "no json": b"\xff{",
    "another type": b"[1, 2]",
    "deep": b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "numbers": STONE.format('{"a": 5}').encode(),
    "huge": STONE.format(json.dumps({f"{n:032x}": f"{n + 1:032x}" for n in range(100_000)})).encode(),
    "no time": STONE.replace("2026-01-01T00:00:00Z", "yesterday").format("{}").encode(),
}


@pytest.mark.parametrize("record", HOSTILE.values(), ids=HOSTILE)
def test_a_spoilt_tombstone_buries_nothing(root: Path, record: bytes) -> None:
    bury(root, record)
    assert mlops.status(project=root).clean
    assert mlops.show("data@v1", project=root).version.version == "v1"
    assert mlops.gc(project=root).objects == 0
    (root / "data" / "a.txt").unlink()
    assert mlops.checkout("data@v1", project=root).written == 1


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_tombstones_that_lead_in_a_circle_end(root: Path, steps: int) -> None:
    """Each of the versions stands in the place of the next; the data of the first is gone."""
    digest = mlops.log("data", project=root).versions[0].digest
    ring = [digest, "1" * 32, "2" * 32][:steps]
    bury(root, STONE.format(json.dumps({one: ring[(place + 1) % steps] for place, one in enumerate(ring)})))
    assert mlops.gc(project=root).objects == 0
    Project(root).datasets.store.remove(digest)
    assert mlops.log("data", project=root).versions[0].version == "v1"
    with pytest.raises(EnvironmentFault, match="data-let-go"):
        mlops.checkout("data@v1", project=root)
    assert mlops.verify(all_versions=True, project=root).gate == ""


def test_a_tombstone_of_a_stranger_takes_nothing_that_is_here(root: Path) -> None:
    version = mlops.log("data", project=root).versions[0]
    objects = {digest for digest, _ in Project(root).datasets.store.sizes()}
    bury(root, STONE.format(json.dumps(dict.fromkeys(objects, ""))))
    assert mlops.gc(project=root, force=True).objects == 0
    (root / "data" / "a.txt").unlink()
    assert mlops.checkout("data@v1", project=root).written == 1
    assert mlops.log("data", project=root).versions[0].digest == version.digest


RULES = (
    "retention = 3",
    "retention = [1]",
    "[retention]\nkeep_last = true",
    "[retention]\nkeep_last = 1.5",
    '[retention]\nkeep_last = "1"',
    "[retention]\nkeep_last = -1",
    "[retention]\nkeep_last = [1]",
    "[retention]\nkeep_for = 90",
    '[retention]\nkeep_for = "90"',
    "[retention]\nkeep_for = 2026-01-01",
    '[retention]\nkeep_for = "99999999d"',
    "[retention.data]\nkeep_last = {}",
    "[retention]\ndata = 1",
    "[retention.data.deep]\nkeep_last = 1",
    "[[retention]]\nkeep_last = 1",
    '[retention.""]\nkeep_last = 1',
)


def test_rules_of_a_wrong_type_let_nothing_go(root: Path) -> None:
    (root / "data" / "a.txt").write_text("b\n")
    mlops.commit("data", project=root)
    for rules in RULES:
        (root / "mlops.toml").write_text(rules)
        with pytest.raises(UsageError) as caught:
            mlops.retain(project=root)
        assert caught.value.reference in {"bad-settings", "bad-age"}, rules
    assert mlops.checkout("data@v1", project=root).written == 1


def test_a_very_long_time_is_a_time(root: Path) -> None:
    (root / "mlops.toml").write_text('[retention]\nkeep_for = "99999y"\n')
    assert mlops.retain(project=root).objects == 0
