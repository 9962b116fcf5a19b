"""Disks that fill up, cannot be written or lie, and files that do not hold still: no success without a whole version."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from survivors import disk

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError

MEGABYTE = 1 << 20
COMMIT = "import sys, jupyter_mlops as m; m.commit('data', project=sys.argv[1])"


def fill(root: Path, text: str) -> None:
    """Forty small files; with their listing 41 objects of the cache."""
    (root / "data").mkdir(exist_ok=True)
    for number in range(40):
        (root / "data" / f"{number}.txt").write_text(f"{text} {number}")


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def cache_at(root: Path, folder: Path) -> Path:
    (root / ".dvc" / "config.local").write_text(f"[cache]\n    dir = {folder}\n")
    return folder


def refused(function, *arguments, project: Path) -> MlopsError:
    """The error of a verb that must not succeed, and must leave pointer and history as they were."""
    before = traces(project)
    with pytest.raises(MlopsError) as caught:
        function(*arguments, project=project)
    assert traces(project) == before
    assert caught.value.message
    return caught.value


def traces(root: Path) -> tuple[bytes, bytes]:
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=root)
    return (root / "data.dvc").read_bytes(), head


def stored(root: Path, text: str) -> Path:
    md5 = hashlib.md5(text.encode()).hexdigest()
    return root / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]


def test_a_disk_too_small_is_seen_before_anything_is_written(root, tmp_path):
    with disk(tmp_path / "small", "size=4m"):
        cache = cache_at(root, tmp_path / "small")
        (root / "data" / "big").write_bytes(os.urandom(6 * MEGABYTE))
        assert refused(mlops.commit, "data", project=root).reference == "disk-full"
        assert not (cache / "files").exists()


def test_a_disk_that_fills_up_half_way_publishes_nothing(root, tmp_path, damaged):
    with disk(tmp_path / "small", "size=100k"):
        cache = cache_at(root, tmp_path / "small")
        fill(root, "second")  # 400 bytes in all, but each of the 40 files takes a block
        assert refused(mlops.commit, "data", project=root).reference == "disk-full"
        assert damaged(cache) == []
        assert not list((cache / ".incoming").iterdir())
        remount(cache, "size=64m")
        assert mlops.commit("data", project=root).versions[0].version == "v2"
        assert damaged(cache) == []


def test_a_write_cut_short_publishes_nothing(root, damaged):
    (root / "data" / "big").write_bytes(os.urandom(4 * MEGABYTE))
    before = traces(root)
    process = subprocess.run(
        [sys.executable, "-c", COMMIT, str(root)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3 * MEGABYTE, 3 * MEGABYTE)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode
    assert "[disk-full]" in process.stderr
    assert traces(root) == before
    assert damaged() == []
    assert mlops.commit("data", project=root).versions[0].version == "v2"


def test_a_checkout_onto_a_full_disk_touches_nothing(root):
    fill(root, "second")
    mlops.commit("data", project=root)
    with disk(root / ".dvc" / "tmp", "size=1m,nr_inodes=20"):
        assert refused(mlops.checkout, "data@v1", project=root).reference == "disk-full"
        assert {path.read_text()[:6] for path in (root / "data").iterdir()} == {"second"}
        remount(root / ".dvc" / "tmp", "nr_inodes=9999")
        assert mlops.checkout("data@v1", project=root).written == 40
    assert {path.read_text()[:5] for path in (root / "data").iterdir()} == {"first"}


def test_a_dataset_on_a_disk_of_its_own_goes_on_after_a_kill_and_when_it_is_full(root):
    """Nothing can be moved there by a rename: each file is written beside its place."""
    fill(root, "second")
    mlops.commit("data", project=root)
    shutil.rmtree(root / "data")
    with disk(root / "data", "size=64m,nr_inodes=20"):
        with pytest.raises(MlopsError, match="disk-full"):
            mlops.checkout("data@v2", project=root)
        remount(root / "data", "nr_inodes=9999")
        assert mlops.checkout("data@v2", project=root).written > 0
        (root / "data" / ".mlops-0123456789ab.part").write_text("cut o")  # as a kill leaves it
        mlops.checkout("data@v1", project=root)
        assert sorted(path.name for path in (root / "data").iterdir()) == sorted(f"{n}.txt" for n in range(40))
        assert {path.read_text()[:5] for path in (root / "data").iterdir()} == {"first"}


def test_a_cache_that_cannot_be_written_still_can_be_read(root, tmp_path):
    with disk(tmp_path / "shared", "size=64m"):
        cache = cache_at(root, tmp_path / "shared")
        fill(root, "second")
        mlops.commit("data", project=root)
        fill(root, "third")
        remount(cache, "ro")
        assert refused(mlops.commit, "data", project=root).reference == "read-only"
        assert mlops.diff("data", project=root).files.modified
        fill(root, "second")
        (root / "data" / "7.txt").unlink()
        assert mlops.checkout("data@v2", project=root).written == 1


@pytest.mark.parametrize("size", [1, 40 * MEGABYTE], ids=["grows", "in place"])
def test_a_file_that_changes_while_it_is_read_is_no_version(root, size, damaged):
    """`size` is where the writer writes: behind a small head it grows, far inside it keeps its length."""
    path = root / "data" / "live.bin"
    path.write_bytes(bytes(48 * MEGABYTE))
    stop = threading.Event()

    def write() -> None:
        with path.open("r+b", buffering=0) as file:
            while not stop.wait(0.001):
                file.seek(size if size > 1 else 0, os.SEEK_SET if size > 1 else os.SEEK_END)
                file.write(os.urandom(16))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert refused(mlops.commit, "data", project=root).reference == "changed-while-committing"
    finally:
        stop.set()
        writer.join()
    assert damaged() == []
    assert mlops.commit("data", project=root).versions[0].version == "v2"


def flip(path: Path, at: bytes = b"") -> None:
    data = bytearray(path.read_bytes())
    data[data.index(at)] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def test_a_flipped_byte_is_never_checked_out(root):
    fill(root, "second")
    mlops.commit("data", project=root)
    flip(stored(root, "first 7"))
    error = refused(mlops.checkout, "data@v1", project=root)
    assert (error.reference, "pull" in error.hint) == ("object-corrupt", True)
    assert {path.read_text()[:6] for path in (root / "data").iterdir()} == {"second"}
    assert refused(mlops.checkout, "data@v1", project=root).reference == "object-missing"
    assert len(list((root / ".dvc" / "cache" / ".damaged").iterdir())) == 1


def test_a_flipped_byte_in_a_listing_is_found(root):
    digest = mlops.log("data", project=root).versions[0].digest
    fill(root, "second")
    mlops.commit("data", project=root)
    flip(root / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:], at=b"39.txt")
    assert refused(mlops.checkout, "data@v1", project=root).reference == "object-corrupt"


def test_data_at_hand_heals_a_damaged_cache(root):
    fill(root, "second")
    mlops.commit("data", project=root)
    flip(stored(root, "first 7"))
    refused(mlops.checkout, "data@v1", project=root)
    fill(root, "first")
    mlops.commit("data", project=root)
    assert stored(root, "first 7").read_text() == "first 7"


def test_several_commits_of_one_change_make_one_version(root):
    fill(root, "second")
    writers = [subprocess.Popen([sys.executable, "-c", COMMIT, str(root)]) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert [version.version for version in mlops.log("data", project=root).versions] == ["v2", "v1"]
    assert mlops.status(project=root).clean
