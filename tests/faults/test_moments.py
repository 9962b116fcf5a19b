"""Verbs cut off at any moment, by a kill or by a disk that is full from then on: nothing is lost, and the next goes on."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from survivors import disk, filled, history, leftovers, require_sound, run, unlock

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError, UsageError
from jupyter_mlops.project import Project
from jupyter_mlops.records import Actor
from jupyter_mlops.versioning import ledger
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
FULL = {"disk-full", "remote-failed", "git-failed", "audit-failed"}
KILLED = ("commit", "checkout", "push", "gc", "retain", "erase")


BLOCKS = [pytest.param(range(n, n + 25), marks=pytest.mark.slow, id=f"{n}-{n + 24}") for n in range(0, 100, 25)]
"""A hundred in four: each begins with a young project, or most of the time would go into looking at its history."""


@pytest.mark.parametrize("rounds", [pytest.param(range(2), id="2"), *BLOCKS])
@pytest.mark.parametrize("verb", KILLED)
def test_a_kill_at_any_moment_loses_nothing_and_the_next_call_goes_on(root, damaged, verb, rounds):
    """By turns the process dies alone, between two things that it does, and with all that it started, at any time."""
    work, chance = WORKS[verb], random.Random(f"kill {verb} {rounds}")
    whole = run(root, verb, work.prepare(root, "count"), 0, "count")
    assert (whole.code, whole.error) == (0, "")
    for number in rounds:
        arguments = work.prepare(root, f"round {number}")
        before = history(root, "data")["data"]
        if number % 2:
            run(root, verb, arguments, chance.uniform(0, whole.seconds), "group")
            unlock(root)
        else:
            assert run(root, verb, arguments, chance.randint(1, whole.count), "kill").code <= 0
        assert damaged() == damaged(root.parent / "remote") == []
        require_same_or_more(root, before)
        work.finish(root, arguments)
        assert work.done(root, arguments)
        assert leftovers(root) == []
        require_sound(root)


def require_same_or_more(root: Path, before: list[str]) -> None:
    """No version, and not the pointer, is lost; all that may be there is whole."""
    require_sound(root)
    now = history(root, "data")["data"]
    assert len(now) >= len(before)
    (dataset,) = mlops.status(project=root).datasets
    assert dataset.version


def stands(root: Path) -> bool:
    """Whether what the pointer names is all there."""
    datasets = Project(root).datasets
    return datasets.is_stored(datasets.pointer("data")[1].digest)


@pytest.mark.parametrize("rounds", [2, pytest.param(24, marks=pytest.mark.slow)])
@pytest.mark.parametrize("verb", ["commit", "checkout", "pull", "gc", "retain", "erase"])
def test_a_disk_that_is_full_at_any_moment_is_no_success(root, damaged, verb, rounds):
    """By turns for that moment only, so that whatever is tried again or named later works, and from then on."""
    work, chance = WORKS[verb], random.Random(f"full {verb} {rounds}")
    whole = run(root, verb, work.prepare(root, "count"), 10**9, "full")
    assert (whole.code, whole.error) == (0, "")
    moments = chance.sample(range(1, whole.count + 1), min(rounds, whole.count))
    for number, moment in enumerate(moments):
        arguments = work.prepare(root, f"round {number}")
        pointer, before = (root / "data.dvc").read_bytes(), history(root, "data")["data"]
        fate = run(root, verb, arguments, moment, "full" if number % 2 else "once")
        if fate.code:
            assert fate.error in FULL, fate
            assert (root / "data.dvc").read_bytes() == pointer or stands(root)
        else:
            assert work.done(root, arguments), moment
        assert damaged() == []
        if verb != "pull":
            require_same_or_more(root, before)
        work.finish(root, arguments)
        assert work.done(root, arguments)
        assert leftovers(root) == []
        require_sound(root)


@pytest.mark.parametrize("rounds", [2, pytest.param(40, marks=pytest.mark.slow)])
@pytest.mark.parametrize("verb", ["commit", "checkout", "retain", "erase"])
def test_a_disk_with_a_few_blocks_left_is_no_success(root, damaged, tmp_path, verb, rounds):
    """The whole project lies on it, with git's own files and our indexes."""
    work, chance = WORKS[verb], random.Random(f"blocks {verb} {rounds}")
    with disk(tmp_path / "disk", "size=64m"):
        there = tmp_path / "disk" / "project"
        shutil.copytree(root, there, symlinks=True)
        for number, blocks in enumerate(chance.sample(range(60), rounds)):
            arguments = work.prepare(there, f"round {number}")
            pointer, before = (there / "data.dvc").read_bytes(), history(there, "data")["data"]
            with filled(tmp_path / "disk", blocks):
                try:
                    getattr(mlops, verb)(**arguments, project=there)
                except MlopsError as error:
                    reference = error.reference
                else:
                    reference = ""
            assert damaged(there / ".dvc" / "cache") == []
            assert reference in FULL if reference else work.done(there, arguments), (blocks, reference)
            assert (there / "data.dvc").read_bytes() == pointer or stands(there)
            require_same_or_more(there, before)
            work.finish(there, arguments)
            assert work.done(there, arguments)
            assert leftovers(there) == []
            require_sound(there)


def test_an_erasure_cut_off_before_git_committed_is_committed_when_it_goes_on(root):
    """A hook that refuses stands for a kill between the pointer and the commit."""
    arguments = to_erase(root, "text")
    hook = root / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(MlopsError, match="git-failed"):
        mlops.erase(**arguments, project=root)
    hook.unlink()
    erase(root, arguments)
    assert erased(root, arguments)
    assert history(root, "data")["data"][0] == Project(root).datasets.pointer("data")[1].digest


def test_the_last_file_of_a_dataset_is_erased_from_git_too_when_it_goes_on(root):
    (root / "who.csv").write_text("name\nSara\n")
    mlops.commit("who.csv", project=root)
    hook = root / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(MlopsError, match="git-failed"):
        mlops.erase(path="who.csv", reason="request 12", yes=True, project=root)
    hook.unlink()
    mlops.erase(resume=True, project=root)
    assert mlops.status(project=root).clean
    listed = subprocess.run(["git", "status", "--short"], cwd=root, check=True, capture_output=True, text=True).stdout
    assert "who.csv" not in listed


@pytest.mark.parametrize("known", [True, False], ids=["changed", "new"])
def test_a_commit_goes_on_where_git_died_between_head_and_its_index(root, known):
    name = "data" if known else "new.csv"
    (root / name / "7.txt" if known else root / name).write_text("second")
    index = root / ".git" / "index"
    before = index.read_bytes()
    mlops.commit(name, project=root)
    index.write_bytes(before)
    mlops.commit(name, project=root)
    assert mlops.status(project=root).clean
    listed = subprocess.run(["git", "status", "--short"], cwd=root, check=True, capture_output=True, text=True).stdout
    assert listed == ""


def test_records_are_kept_where_git_died_with_the_lock_of_their_ref(root, monkeypatch):
    monkeypatch.setattr(ledger, "STALE_S", 0.3)
    fresh = Project(root)
    records = ledger.Ledger(fresh.places, fresh.git)
    records.append("runs", "one", b"1", Actor("Sara", "sara@example.org"))
    lock = root / ".git" / f"{records.ref('runs')}.lock"
    lock.write_bytes(b"")
    records.append("runs", "two", b"2", Actor("Sara", "sara@example.org"))
    assert dict(records.read("runs")) == {"two": b"2", "one": b"1"}
    assert not lock.exists()


def test_the_lock_of_a_git_at_work_is_left_alone(root, monkeypatch):
    monkeypatch.setattr(ledger, "STALE_S", 0.3)
    monkeypatch.setattr(ledger, "ATTEMPTS", 4)
    fresh = Project(root)
    records = ledger.Ledger(fresh.places, fresh.git)
    records.append("runs", "one", b"1", Actor("Sara", "sara@example.org"))
    lock = root / ".git" / f"{records.ref('runs')}.lock"
    lock.write_bytes(b"")
    done = threading.Event()

    def work() -> None:
        while not done.wait(0.05):
            os.utime(lock)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        with pytest.raises(MlopsError, match="ledger-busy"):
            records.append("runs", "two", b"2", Actor("Sara", "sara@example.org"))
    finally:
        done.set()
        worker.join()
    assert lock.exists()


def test_what_a_killed_writer_left_beside_a_pointer_is_swept(root):
    fill(root, "second")
    left = [root / ".data.dvc.0123abcd.tmp", root / "data" / ".data.dvc.0123abcd.tmp"]
    for path in left:
        path.write_text("outs:")
    mlops.commit("data", project=root)
    assert [path.exists() for path in left] == [False, True]
