"""Which file system a folder lies on, and where caches go then."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mlops.disks import NETWORK, is_network, kind_at
from jupyter_mlops.records import local_folder

MOUNTS = """\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 21 0:40 / /home rw,relatime shared:9 - nfs4 server:/home rw,vers=4.2
31 30 0:41 / /home/sara/my\\040data rw - fuse.sshfs sara@host: rw
32 21 0:42 / /mnt/x rw - nfs server:/x rw
33 21 0:43 / /mnt/x rw - tmpfs tmpfs rw
nonsense
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/srv", "ext4"),
        ("/home/sara", "nfs4"),
        ("/homes", "ext4"),
        ("/home/sara/my data/a", "fuse.sshfs"),
        ("/mnt/x/y", "tmpfs"),
    ],
)
def test_the_nearest_and_last_mount_decides(folder, kind):
    assert kind_at(Path(folder), MOUNTS) == kind


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "lustre", "ceph", "9p", "fuse.rclone"])
def test_disks_of_other_machines_are_known(kind):
    assert NETWORK.fullmatch(kind)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "fuse.ext4", "zfs", ""])
def test_disks_of_this_machine_are_none_of_them(kind):
    assert not NETWORK.fullmatch(kind)


def test_this_very_disk_is_local(tmp_path):
    assert not is_network(tmp_path / "not" / "there" / "yet")


def test_the_local_folder_is_private_and_nobody_elses(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = local_folder()
    assert (folder.stat().st_mode & 0o777, local_folder()) == (0o700, folder)
    folder.rmdir()
    folder.symlink_to(tmp_path)
    assert local_folder() != folder
