"""What counts as a file of a dataset, and what unchanged work costs."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from jupyter_mlops.errors import UsageError
from jupyter_mlops.versioning import workspace as module
from jupyter_mlops.versioning.content import Content
from jupyter_mlops.versioning.dvc_settings import DvcSettings
from jupyter_mlops.versioning.stat_index import StatIndex, is_settled
from jupyter_mlops.versioning.store import Store
from jupyter_mlops.versioning.workspace import Workspace


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_text("a")
    return Workspace(tmp_path, Store(DvcSettings(cache=tmp_path / "cache")), StatIndex(tmp_path / "scratch"))


def settle() -> None:
    time.sleep(0.05)


def test_unchanged_files_are_not_read_again(space, monkeypatch):
    settle()
    before = space.save("data")
    monkeypatch.setattr(module, "md5_of", lambda *_: pytest.fail("read again"))
    assert space.scan("data") == before


def test_a_change_that_keeps_size_and_mtime_is_seen(tmp_path, space):
    path = tmp_path / "data" / "a"
    settle()
    before, stamp = space.scan("data"), path.stat().st_mtime_ns
    path.write_text("b")
    os.utime(path, ns=(stamp, stamp))
    assert space.scan("data") != before


def test_a_file_touched_at_the_moment_of_reading_is_not_trusted(tmp_path):
    path = tmp_path / "x"
    path.write_text("x")
    status = path.stat()
    assert not is_settled(status, status.st_ctime_ns + 1)
    assert is_settled(status, status.st_ctime_ns + 3_000_000_000)


def test_links_to_files_count_and_links_to_folders_do_not(tmp_path, space):
    (tmp_path / "data" / "link").symlink_to("a")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b").write_text("b")
    (tmp_path / "data" / "folder").symlink_to("../elsewhere")
    assert [entry.path for entry in space.scan("data").entries] == ["a", "link"]


def test_dvcignore_keeps_files_out(tmp_path, space):
    (tmp_path / ".dvcignore").write_text("*.tmp\n!keep.tmp\n/data/cache/\n")
    for name in ("x.tmp", "keep.tmp", "cache/y", "deep/cache/z"):
        (tmp_path / "data" / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / "data" / name).write_text(name)
    assert [entry.path for entry in space.scan("data").entries] == ["a", "deep/cache/z", "keep.tmp"]


def _broken_link(root: Path) -> None:
    (root / "data" / "link").symlink_to("nowhere")


def _pipe(root: Path) -> None:
    os.mkfifo(root / "data" / "pipe")


def _ignore_inside(root: Path) -> None:
    (root / "data" / ".dvcignore").write_text("*.tmp")


def _bad_name(root: Path) -> None:
    Path(os.fsdecode(os.fsencode(root / "data") + b"/\xff")).write_text("x")


@pytest.mark.parametrize(
    ("spoil", "reference"),
    [
        (_broken_link, "broken-link"),
        (_pipe, "not-a-file"),
        (_ignore_inside, "ignore-inside-data"),
        (_bad_name, "bad-file-name"),
    ],
)
def test_what_cannot_be_saved_is_refused_and_named(tmp_path, space, spoil, reference):
    spoil(tmp_path)
    with pytest.raises(UsageError) as caught:
        space.save("data")
    assert caught.value.reference == reference
    assert caught.value.hint


def test_data_behind_a_link_is_refused(tmp_path, space):
    (tmp_path / "link").symlink_to("data")
    for name in ("link", "link/a"):
        with pytest.raises(UsageError) as caught:
            space.save(name)
        assert caught.value.reference == "inside-link"


def test_a_broken_index_is_replaced(tmp_path, space):
    whole = space.scan("data").digest
    (index,) = (tmp_path / "scratch").glob("digests-*.sqlite")
    index.write_bytes(b"no database at all, but long enough to be taken for one")
    assert space.scan("data").digest == whole


def test_one_change_among_many_is_the_only_file_read(tmp_path, space, monkeypatch):
    for number in range(40):
        path = tmp_path / "data" / f"{number % 4}" / f"{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(str(number))
    settle()
    space.scan("data")
    (tmp_path / "data" / "3" / "7.txt").write_text("another")
    (tmp_path / "data" / "3" / "11.txt").unlink()
    settle()
    read, taken = module.md5_of, []
    monkeypatch.setattr(module, "md5_of", lambda path, *more: taken.append(path) or read(path, *more))
    content = space.scan("data")
    assert [Path(path).name for path in taken] == ["7.txt"]
    assert len(content.entries) == 40
    space.scan("data")
    assert len(taken) == 1


@pytest.mark.parametrize("many", [3, 600], ids=["asked one by one", "asked at once"])
def test_known_files_whose_objects_are_gone_are_saved_again(tmp_path, space, many):
    for number in range(many):
        (tmp_path / "data" / f"{number}.txt").write_text(str(number))
    settle()
    content = space.save("data")
    gone = tmp_path / "cache" / "files" / "md5" / content.entries[1].md5[:2] / content.entries[1].md5[2:]
    gone.unlink()
    assert space.save("data") == content
    assert gone.read_text() == "1"


def test_a_file_that_became_a_folder_is_looked_at_anew(tmp_path, space):
    settle()
    (tmp_path / "x").write_text("file")
    settle()
    assert not space.save("x").is_folder
    (tmp_path / "x").unlink()
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "x").write_text("file")
    settle()
    assert [entry.path for entry in space.save("x").entries] == ["x"]
    assert space.scan("x").is_folder


def test_a_file_that_came_a_moment_ago_counts_though_the_rest_is_known_as_a_whole(tmp_path, space):
    settle()
    before = space.scan("data")
    (tmp_path / "data" / "b").write_text("new")
    now = space.scan("data")  # too fresh to be remembered
    assert [entry.path for entry in now.entries] == ["a", "b"]
    assert now != before
    assert space.scan("data") == now


def test_what_is_known_as_a_whole_is_not_listed(space, monkeypatch):
    settle()
    before = space.save("data")
    monkeypatch.setattr(Content, "as_dir_object", lambda _: pytest.fail("listed"))
    now = space.save("data")
    assert (now.digest, now.size, now.nfiles) == (before.digest, 1, 1)


def test_what_another_process_learnt_about_one_folder_voids_what_was_known_as_a_whole(tmp_path, space):
    (tmp_path / "data" / "sub").mkdir()
    (tmp_path / "data" / "sub" / "b").write_text("b")
    settle()
    index = StatIndex(tmp_path / "scratch")
    space.scan("data")
    known = index.known("data", "md5")
    assert known.whole
    (tmp_path / "data" / "sub" / "b").write_text("c")
    settle()
    changed = space.scan("data")
    index.remember("data", "md5", {"data": known.folders["data"]}, (), known.whole)  # a slower look, begun earlier
    assert index.known("data", "md5").whole is None
    assert space.scan("data") == changed


def test_copies_by_two_threads_are_whole_and_named_rightly(tmp_path, space):
    data = os.urandom((9 << 20) + 7)
    (tmp_path / "x").write_bytes(data)
    digest = space.save("x").digest
    assert digest == hashlib.md5(data, usedforsecurity=False).hexdigest()
    assert (tmp_path / "cache" / "files" / "md5" / digest[:2] / digest[2:]).read_bytes() == data
