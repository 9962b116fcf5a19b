"""What a Python kernel opens, noted inside it: this file is sent to the kernel as text and needs nothing but Python.

Only what may matter is kept: the interpreter, its packages and temporary files are passed over at once.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from types import ModuleType
from typing import Any

NAME = "_jupyter_mlops_capture"
WRITES = os.O_WRONLY | os.O_RDWR
# What was in the file before is part of what is in it afterwards.
KEEPS = os.O_RDWR | os.O_APPEND
SYSTEM = ("/dev", "/proc", "/sys", "/run", "/etc", "/usr", "/lib", "/lib64", "/bin")
PERSONAL = (".cache", ".config", ".ipython", ".jupyter", ".local", ".matplotlib", ".dvc")

# Which argument of an event names a file, and what was done to it.
EVENTS: dict[str, tuple[tuple[int, str], ...]] = {
    "os.rename": ((0, "moved"), (1, "written")),
    "os.link": ((0, "read"), (1, "written")),
    "os.symlink": ((0, "read"), (1, "written")),
    "os.truncate": ((0, "written"),),
    "os.mkdir": ((0, "made"),),
    "os.listdir": ((0, "listed"),),
    "os.scandir": ((0, "listed"),),
    "shutil.unpack_archive": ((0, "read"),),
}


class Notes:
    """What was done to each path, in order.

    Parameters
    ----------
    root
        The folder of the project: what lies inside always counts, unless it belongs to the interpreter.
    """

    def __init__(self, root: str) -> None:
        self._root = os.path.join(os.path.realpath(root), "")
        prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, *(path for path in sys.path if "-packages" in path)}
        home = os.path.expanduser("~")
        passed = [*SYSTEM, tempfile.gettempdir(), *(os.path.join(home, name) for name in PERSONAL)]
        self._packages = tuple(os.path.join(os.path.realpath(path), "") for path in prefixes)
        self._passed = tuple(os.path.join(os.path.realpath(path), "") for path in passed)
        self._done: dict[str, dict[str, None]] = {}
        self._counts: dict[str, bool] = {}

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit hook; whatever goes wrong in it is not the notebook's business."""
        try:
            if event == "open":
                path, _, flags = arguments
                keeps = bool(flags & KEEPS) and not flags & os.O_TRUNC
                self._note(path, "written" if flags & WRITES else "read", keeps=keeps)
            elif event in EVENTS:
                for place, deed in EVENTS[event]:
                    self._note(arguments[place], deed)
        except Exception:  # noqa: BLE001, S110  # an exception of a hook would become the notebook's
            pass

    def _note(self, path: Any, deed: str, *, keeps: bool = False) -> None:
        if isinstance(path, int) or path is None:
            return
        place = os.path.abspath(os.fsdecode(path))
        counts = self._counts.get(place)
        if counts is None:
            counts = self._counts[place] = self._is_noted(place)
        if counts:
            deeds = self._done.setdefault(place, {})
            if keeps and os.path.exists(place):
                deeds["read"] = None
            deeds[deed] = None

    def _is_noted(self, place: str) -> bool:
        if place.startswith(self._packages):
            return False
        return place.startswith(self._root) or not place.startswith(self._passed)

    def report(self) -> str:
        """Each path with what was done to it, first deed first, and the files of the imported modules, as JSON."""
        known = [vars(module).get("__file__") for module in [*sys.modules.values()] if isinstance(module, ModuleType)]
        files = [os.path.abspath(path) for path in known if isinstance(path, str)]
        modules = sorted({path for path in files if path.startswith(self._root) and self._is_noted(path)})
        return json.dumps({"done": {path: list(deeds) for path, deeds in self._done.items()}, "modules": modules})


def install(root: str, hook: Callable[[Any], None] = sys.addaudithook) -> None:
    """Note from now on what this process opens; `report` of the module ``_jupyter_mlops_capture`` tells."""
    notes = Notes(root)
    module = ModuleType(NAME)
    module.report = notes.report  # type: ignore[attr-defined]  # a module of one function
    sys.modules[NAME] = module
    hook(notes.hear)
