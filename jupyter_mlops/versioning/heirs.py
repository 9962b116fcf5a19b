"""What takes the place of erased data, kept a second time where plain ``dvc gc`` does not look.

No commit names it, since git's history is not rewritten; so ``dvc gc --all-commits`` takes it for unneeded. A hard link
costs no room. Our own collection removes it with the rest of the object.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from jupyter_mlops.versioning.store import HEIRS, OBJECT_MODE, Store, own_folder


def keep(store: Store, digests: Iterable[str], *, shared: bool = False) -> None:
    """Keep the objects `digests` a second time.

    Parameters
    ----------
    shared
        Whether a group shares the cache.

    Raises
    ------
    EnvironmentFault
        ``object-missing``: somebody removed one just now.
    """
    top = own_folder(store.folder / HEIRS)
    with store.incoming() as incoming:
        for digest in digests:
            source = store.require(digest)
            target = top / source.relative_to(store.folder)
            if source.is_relative_to(top) or target.exists():
                continue
            if not target.parent.is_dir():
                target.parent.mkdir(parents=True)
                if shared:
                    target.parent.chmod(0o2775)
            _twin(source, incoming / digest).replace(target)


def _twin(source: Path, target: Path) -> Path:
    """`source` once more at `target`: linked, or copied where that is not allowed."""
    try:
        os.link(source, target)
    except OSError:  # another's file in a shared cache, or a disk without links
        shutil.copyfile(source, target)
        target.chmod(OBJECT_MODE)
    return target
