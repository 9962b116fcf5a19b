"""What kind of file system a folder lies on."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

NETWORK = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|afs|ceph|lustre|gpfs|beegfs|glusterfs|9p|ncpfs|fuse\..*(sshfs|rclone|s3fs|gcs|goofys|blob).*"
)
"""File systems of other machines: sqlite's shared memory does not work there, and locks may not."""
OCTAL = re.compile(r"\\([0-7]{3})")


@lru_cache(maxsize=64)
def is_network(folder: Path) -> bool:
    """Whether `folder`, or the nearest folder above it that is there, lies on a network file system."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
    except OSError:
        return False  # not Linux: nobody says
    there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    return bool(NETWORK.fullmatch(kind_at(there.resolve(), mounts)))


def kind_at(folder: Path, mounts: str) -> str:
    """The type of the file system at `folder`, as the lines of ``/proc/self/mountinfo`` tell; "" when none does.

    The last line of the longest mount point above it counts: a later mount hides an earlier one.
    """
    best, kind = -1, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        point = Path(OCTAL.sub(lambda found: chr(int(found[1], 8)), fields[4]))
        if folder.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split(" ")[0]
    return kind
