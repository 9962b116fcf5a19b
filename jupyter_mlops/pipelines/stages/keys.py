"""Keys of notebooks: the small files on which stages depend instead of the notebooks themselves.

Plain ``dvc`` writes them by a script in the project. Here no process is needed: the same script, imported,
says what the key is.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from jupyter_mlops.pipelines.stages import lock, notebook_key
from jupyter_mlops.pipelines.stages.files import StageData
from jupyter_mlops.pipelines.stages.key_stages import SCRIPT, notebook_of
from jupyter_mlops.pipelines.stages.lock import Locked, Pin
from jupyter_mlops.pipelines.stages.specs import StageSpec, key_path
from jupyter_mlops.records import write_atomically

REMEMBERED = 512

key = notebook_key.key


def script() -> bytes:
    """The script as it is written into projects."""
    return Path(notebook_key.__file__).read_bytes()


def are_ours(root: Path) -> bool:
    """Whether the script of the project is ours: the key it would write is then known without running it."""
    try:
        return (root / SCRIPT).read_bytes() == script()
    except OSError:
        return False


def pin_of(data: bytes) -> Pin:
    """What the key of the notebook in `data` holds.

    Raises
    ------
    ValueError
        It is no notebook of format 4.
    """
    return pin_bytes(key(data))


def pin_bytes(data: bytes) -> Pin:
    """What a file with the bytes `data` holds."""
    return Pin(hashlib.md5(data, usedforsecurity=False).hexdigest(), len(data))


class Keys:
    """The keys of the project's notebooks as they are now, whatever the key files say.

    Parameters
    ----------
    root
        The folder of the project.
    data
        The files of stages.
    """

    def __init__(self, root: Path, data: StageData) -> None:
        self._root = root
        self._data = data
        self._computed = functools.lru_cache(maxsize=REMEMBERED)(self._compute)

    def pins(self, stage: StageSpec) -> Mapping[str, Pin | None]:
        """The key on which `stage` depends, by path; empty when it depends on none, or its script is not ours."""
        if not stage.key or not stage.notebook or not are_ours(self._root):
            return {}
        return {stage.key: self._pin(stage.notebook)}

    def own(self, stage: StageSpec, data: bytes) -> Mapping[str, Pin]:
        """What `stage` depends on for being the notebook in `data`: the file, or its key."""
        if stage.key and are_ours(self._root):
            return {stage.key: pin_of(data)}
        return {stage.notebook: pin_bytes(data)} if stage.notebook else {}

    def refresh(self, stages: Iterable[StageSpec], locked: Mapping[str, Locked]) -> tuple[str, ...]:
        """Bring the key files that `stages` write, and their entries in ``dvc.lock``, up to date; no process runs.

        A notebook that is missing or broken is left alone: whatever needs it says so.

        Returns
        -------
        tuple of str
            The files that were written, below the root.
        """
        written: list[str] = []
        entries: dict[str, tuple[StageSpec, Locked]] = {}
        for stage in stages if are_ours(self._root) else ():
            notebook = notebook_of(stage)
            if notebook and (entry := self._entry(stage, notebook)):
                written += self._write(notebook, entry)
                if locked.get(stage.name) != entry:
                    entries[stage.name] = (stage, entry)
        if entries:
            lock.write_all(self._root, entries)
        return (*written, *(["dvc.lock"] if entries else []))

    def _entry(self, stage: StageSpec, notebook: str) -> Locked | None:
        made, source, script_pin = self._pin(notebook), self._data.pin(notebook), self._data.pin(SCRIPT)
        if made is None or source is None or script_pin is None:
            return None
        return Locked(stage.command, {notebook: source, SCRIPT: script_pin}, {key_path(notebook): made}, {})

    def _write(self, notebook: str, entry: Locked) -> Iterator[str]:
        path = key_path(notebook)
        if self._data.pin(path) != entry.outs[path]:
            (self._root / path).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._root / path, key((self._root / notebook).read_bytes()))
            yield path

    def _pin(self, notebook: str) -> Pin | None:
        known = self._data.pin(notebook)
        return self._computed(notebook, known.md5) if known else None

    def _compute(self, notebook: str, _md5: str) -> Pin | None:
        try:
            return pin_of((self._root / notebook).read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
