"""Digests equal DVC's own, over generated trees; commit and checkout are inverse."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.project import Project
from jupyter_mlops.versioning.content import Entry, folder, parse_dir_object
from jupyter_mlops.versioning.dvc_settings import DvcSettings
from jupyter_mlops.versioning.stat_index import StatIndex
from jupyter_mlops.versioning.store import Store
from jupyter_mlops.versioning.workspace import Workspace

NAMES = st.text(
    st.characters(blacklist_characters="/\0\\", blacklist_categories=("Cs", "Cc")), min_size=1, max_size=8
).filter(lambda name: name not in {".", "..", ".dvcignore", ".git", ".dvc", ".hg"})
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(tuple)
TREES = st.dictionaries(PATHS, st.binary(max_size=40), max_size=8)
quick = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def write(top: Path, tree: dict[tuple[str, ...], bytes]) -> None:
    shutil.rmtree(top, ignore_errors=True)
    top.mkdir(parents=True)
    for parts, data in tree.items():
        path = top.joinpath(*parts)
        if path.exists() or any(parent.is_file() for parent in path.parents):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def read(top: Path) -> dict[str, bytes]:
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in top.rglob("*") if path.is_file()}


def digest_by_dvc(top: Path) -> str:
    from dvc_data.hashfile.build import build
    from dvc_data.hashfile.db import HashFileDB
    from dvc_objects.fs.local import LocalFileSystem

    fs = LocalFileSystem()
    return build(HashFileDB(fs, str(top.parent / "odb")), str(top), fs, "md5", dry_run=True)[2].hash_info.value


def workspace(root: Path) -> tuple[Workspace, Store]:
    store = Store(DvcSettings(cache=root / "cache"))
    return Workspace(root, store, StatIndex(root / "scratch")), store


@quick
@given(tree=TREES)
def test_a_folder_has_the_digest_that_dvc_gives_it(tmp_path, tree):
    write(tmp_path / "data", tree)
    ours = workspace(tmp_path)[0].scan("data")
    assert ours.digest == digest_by_dvc(tmp_path / "data")


@quick
@given(before=TREES, after=TREES)
def test_what_was_saved_comes_back(tmp_path, before, after):
    from jupyter_mlops.versioning.restoring import Restoring

    space, store = workspace(tmp_path)
    write(tmp_path / "data", before)
    kept, digest = read(tmp_path / "data"), space.save("data").digest
    write(tmp_path / "data", after)
    Restoring(tmp_path, DvcSettings(cache=tmp_path / "cache"), store, space).put("data", digest)
    assert read(tmp_path / "data") == kept
    assert space.scan("data").digest == digest


@quick
@given(before=TREES, after=TREES)
def test_changes_told_from_the_index_are_those_of_a_comparison(tmp_path, before, after):
    space, _ = workspace(tmp_path)
    write(tmp_path / "data", before)
    time.sleep(0.03)
    space.scan("data")
    old = space.scan("data")
    write(tmp_path / "data", after)
    now = space.scan("data")
    if now.since:
        assert now.since == (old.digest, now.changes_since(old))
    assert now == folder(now.entries)
    assert list(now.entries) == sorted(now.entries, key=lambda entry: entry.path)


@given(before=st.dictionaries(NAMES, st.sampled_from("ab")), after=st.dictionaries(NAMES, st.sampled_from("ab")))
def test_changes_account_for_every_file(before, after):
    old, new = (folder(Entry(path, md5) for path, md5 in tree.items()) for tree in (before, after))
    change = new.changes_since(old)
    assert {*change.added} == after.keys() - before.keys()
    assert {*change.removed} == before.keys() - after.keys()
    assert {*change.modified} == {path for path in before.keys() & after.keys() if before[path] != after[path]}
    assert bool(change) == (before != after)


@given(st.dictionaries(NAMES, st.sampled_from(["0" * 32, "f" * 32])))
def test_a_dir_object_reads_back(tree):
    content = folder(Entry(path, md5) for path, md5 in tree.items())
    assert parse_dir_object(content.as_dir_object(), content.digest) == content


@pytest.mark.parametrize("data", [b"", b"{}x", b'[{"md5": "a"}]', json.dumps([1]).encode()])
def test_a_damaged_dir_object_is_an_error(data):
    with pytest.raises(EnvironmentFault, match="damaged"):
        parse_dir_object(data, "0.dir")


def test_a_project_finds_its_files_under_every_digest(project: Project):
    write(project.root / "data", {("a",): b"1", ("b", "ü"): b""})
    saved = project.datasets.save("data")
    assert (saved.nfiles, saved.size) == (2, 1)
    assert project.datasets.store.content(saved.md5).digest == saved.md5
