"""The cache: DVC's places and modes, links, damage, a full disk."""

from __future__ import annotations

import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.versioning.dvc_settings import DvcSettings
from jupyter_mlops.versioning.restoring import Restoring
from jupyter_mlops.versioning.stat_index import StatIndex
from jupyter_mlops.versioning.store import Store, md5_of, private_folder
from jupyter_mlops.versioning.workspace import Workspace

BIG = os.urandom(3 << 20)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(DvcSettings(cache=tmp_path / "cache"))


@pytest.fixture
def space(tmp_path: Path, store: Store) -> Workspace:
    return Workspace(tmp_path, store, StatIndex(tmp_path / "scratch"))


@pytest.mark.parametrize("data", [b"", b"small", BIG], ids=["empty", "small", "large"])
def test_an_object_lies_where_dvc_looks_and_cannot_be_written(tmp_path, space, data):
    (tmp_path / "x").write_bytes(data)
    md5 = space.save("x").digest
    path = tmp_path / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    assert path.read_bytes() == data
    assert stat.S_IMODE(path.stat().st_mode) == 0o444


@pytest.mark.parametrize("data", [b"small", BIG], ids=["small", "large"])
def test_a_full_disk_leaves_no_object(tmp_path, space, data, monkeypatch):
    (tmp_path / "x").write_bytes(data)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        space.save("x")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_copy_that_cannot_fit_is_refused_before_it_starts(tmp_path, space, monkeypatch):
    (tmp_path / "x").write_bytes(b"data")
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1))
    monkeypatch.setattr(space._store, "_clones", False)
    with pytest.raises(EnvironmentFault) as caught:
        space.save("x")
    assert caught.value.reference == "disk-full"
    assert "Nothing was saved" in caught.value.message


def test_a_file_that_changes_while_it_is_read_is_not_saved(tmp_path, space, monkeypatch):
    path = tmp_path / "x"
    path.write_bytes(BIG)
    read = os.read

    def meddle(handle: int, size: int) -> bytes:
        os.utime(path, ns=(1, 1))
        return read(handle, size)

    monkeypatch.setattr(os, "read", meddle)
    with pytest.raises(UsageError) as caught:
        space.save("x")
    assert caught.value.reference == "changed-while-committing"


def test_a_flipped_byte_is_caught_and_set_aside(tmp_path, store, space):
    (tmp_path / "x").write_bytes(b"precious")
    md5 = space.save("x").digest
    store.path(md5).chmod(0o644)
    store.path(md5).write_bytes(b"precioux")
    (tmp_path / "x").unlink()
    with pytest.raises(EnvironmentFault) as caught:
        Restoring(tmp_path, DvcSettings(cache=tmp_path / "cache"), store, space).put("x", md5)
    assert caught.value.reference == "object-corrupt"
    assert not store.path(md5).exists()
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("kind", ["copy", "hardlink", "symlink", "reflink"])
def test_files_come_back_in_every_way_of_linking(tmp_path, store, space, kind):
    (tmp_path / "x").write_bytes(b"data")
    md5 = space.save("x").digest
    (tmp_path / "x").unlink()
    settings = DvcSettings(cache=tmp_path / "cache", links=(kind,))
    Restoring(tmp_path, settings, store, space).put("x", md5)
    assert (tmp_path / "x").read_bytes() == b"data"
    assert (tmp_path / "x").is_symlink() == (kind == "symlink")
    assert ((tmp_path / "x").stat().st_nlink == 2) == (kind == "hardlink")


def test_objects_of_dvc_2_are_read(tmp_path, store):
    legacy = tmp_path / "cache" / "ab" / "cdef"
    legacy.parent.mkdir(parents=True)
    legacy.write_bytes(b"old")
    assert store.require("abcdef") == legacy
    (tmp_path / "crlf").write_bytes(b"a\r\nb\r\n")
    (tmp_path / "lf").write_bytes(b"a\nb\n")
    assert md5_of(tmp_path / "crlf", "md5-dos2unix")[0] == md5_of(tmp_path / "lf")[0]


def test_a_missing_object_is_a_clear_error(store):
    with pytest.raises(EnvironmentFault) as caught:
        store.require("0" * 32)
    assert caught.value.reference == "object-missing"
    assert "pull" in caught.value.hint


def test_leftovers_of_the_dead_are_swept_and_those_of_the_living_are_not(tmp_path):
    dead = tmp_path / "in" / "00000000deadbeef"
    dead.mkdir(parents=True)
    with private_folder(tmp_path / "in") as first, private_folder(tmp_path / "in") as second:
        assert not dead.exists()
        assert first.exists()
        assert second.exists()


@pytest.mark.parametrize("data", [b"small", BIG], ids=["small", "large"])
def test_objects_can_be_read_by_others_whatever_the_umask_says(tmp_path, space, data):
    (tmp_path / "x").write_bytes(data)
    before = os.umask(0o077)
    try:
        md5 = space.save("x").digest
    finally:
        os.umask(before)
    path = tmp_path / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    assert stat.S_IMODE(path.stat().st_mode) == 0o444


def test_a_short_write_is_no_object(tmp_path, space, monkeypatch):
    (tmp_path / "x").write_bytes(b"all of it")
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:-1]) + 1)
    with pytest.raises(OSError, match="only 8 of 9 bytes"):
        space.save("x")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_whoever_sweeps_takes_nothing_from_somebody_who_just_came(tmp_path):
    """A folder is made before it can be locked; another sweeps the same place meanwhile."""

    def come_and_go(number: int) -> None:
        for _ in range(100):
            with private_folder(tmp_path / "incoming") as mine:
                (mine / "part").write_text(str(number))
                assert (mine / "part").read_text() == str(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(come_and_go, range(8)))
    assert not list((tmp_path / "incoming").iterdir())


def test_what_the_dead_left_is_swept_with_or_without_its_lock(tmp_path):
    for name in ("0123456789abcdef", "fedcba9876543210"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "part").touch()
    (tmp_path / "0123456789abcdef" / ".owner").touch()
    with private_folder(tmp_path) as mine:
        assert list(tmp_path.iterdir()) == [mine]
