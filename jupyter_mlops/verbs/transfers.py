"""What is told of a transfer: what moved, what is lacking, what is left to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from jupyter_mlops.verbs.declaration import Call
from jupyter_mlops.verbs.wanted import Wanted, whole
from jupyter_mlops.versioning.content import FOLDER_SUFFIX

if TYPE_CHECKING:
    from jupyter_mlops.versioning.remotes import Unshared
    from jupyter_mlops.versioning.transfer import Answer


@attrs.frozen
class Lacking:
    """A version that one side lacks, wholly or in part.

    Attributes
    ----------
    version
        ``data@v3``, or the digest of what no dataset names.
    files
        How many of its files are not there; the listing of a folder counts as one.
    """

    version: str
    files: int


@attrs.frozen
class Transferred:
    """What moved between the cache and a remote.

    Attributes
    ----------
    remote
        Its name, "" when the project has none.
    files, bytes
        What moved, or with ``--dry-run`` would move; nothing when the other side had it all.
    refs
        Lists of records (runs, profiles, plans) shared through git.
    direction
        ``push``, ``fetch`` or ``pull``.
    missing
        Files that neither the cache nor the remote holds.
    note
        What is left to do.
    lacking
        The versions that the other side lacks, or still lacks, something of.
    dry_run
        Whether it was only looked.
    checked
        Whether ``push --check`` asked: then what is lacking is a failed gate.
    runs
        Entries of the run-cache that moved, or would.
    """

    remote: str
    files: int
    bytes: int
    refs: int = 0
    direction: str = "push"
    missing: int = 0
    note: str = ""
    lacking: tuple[Lacking, ...] = ()
    dry_run: bool = False
    checked: bool = False
    runs: int = 0

    @property
    def gate(self) -> str | None:
        """What a check found."""
        if not self.checked or not self.lacking:
            return None
        return f"{self.remote} lacks something of {', '.join(one.version for one in self.lacking)}"


def files_among(digests: Sequence[str]) -> int:
    """How many of `digests` are files, not listings of folders."""
    return sum(not digest.endswith(FOLDER_SUFFIX) for digest in digests)


def lacking_of(call: Call, what: Wanted, lost: set[str]) -> tuple[Lacking, ...]:
    """The versions among `what` that need something of `lost`."""
    store = call.project.datasets.store
    named = what.names.items() if lost else ()
    counts = [(name, len(lost.intersection(whole(store, digest)))) for digest, name in named]
    return tuple(Lacking(name, count) for name, count in sorted(counts) if count)


def reminder(left: Unshared) -> str:
    """What only ``git push`` shares."""
    here = [(left.commits, "commit"), (left.tags, "tag")]
    told = " and ".join(f"{number:,} {word}{'s' if number > 1 else ''}" for number, word in here if number)
    if not told:
        return ""
    line = f"git push -u --follow-tags origin {left.branch}" if left.branch else "git push --follow-tags"
    return f"{told} only here: {line}"


def noted(answer: Answer) -> str:
    """What the remote holds that is not what it should be, and why the run-cache stayed where it was."""
    told = f"Damaged in the remote, so not kept: {', '.join(answer.damaged)}." if answer.damaged else ""
    return " ".join(filter(None, (told, answer.note)))
