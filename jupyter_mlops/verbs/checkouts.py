"""Versions brought back: checkout."""

from __future__ import annotations

import attrs

from jupyter_mlops.governance.roles import Action
from jupyter_mlops.verbs.declaration import Call, Group, verb
from jupyter_mlops.verbs.versions import Reference
from jupyter_mlops.verbs.versions import reference as typed


@attrs.frozen
class CheckedOut:
    """What `checkout` wrote and removed, in files."""

    dataset: str
    version: str
    written: int
    removed: int
    datasets: tuple[str, ...] = ()


@verb(Group.DATA, Action.DATA, daily=True)
def checkout(
    call: Call,
    reference: Reference,
    *,
    all: bool = False,  # noqa: A002
    dry_run: bool = False,
) -> CheckedOut:
    """Put a version of a dataset back into the workspace.

    Changes that no version holds are never overwritten. Without ``@`` it is the version in HEAD; of data
    that no commit holds yet, what its pointer names.

    Parameters
    ----------
    reference
        ``data@v2``; with ``--all`` a git revision.
    all
        Every dataset, as that revision has it.
    dry_run
        Say what would change; write nothing.
    """
    from jupyter_mlops.versioning.checkout import Checkout, require_known_revision

    datasets = call.project.datasets
    datasets.look_once()
    bringing = Checkout(datasets)
    if all:
        commit = require_known_revision(datasets, reference)
        effect = bringing.revision(commit, call.progress, dry_run=dry_run)
        return CheckedOut("", reference, effect.written, effect.removed, effect.datasets)
    text = typed(call, reference)
    if "@" not in text and not datasets.history(dataset := datasets.resolve_name(text), 1):
        effect = bringing.pointed(dataset, call.progress, dry_run=dry_run)
        return CheckedOut(dataset.name, "new", effect.written, effect.removed, effect.datasets)
    version = datasets.resolve(text if "@" in text else f"{datasets.resolve_name(text).name}@HEAD")
    effect = bringing.version(version, call.progress, dry_run=dry_run)
    return CheckedOut(
        version.dataset, version.version or version.digest, effect.written, effect.removed, effect.datasets
    )
