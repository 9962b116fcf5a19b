"""Whether a notebook, as it was saved in JupyterLab, is a clean run of a stage: restarted, and run from top to end."""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from jupyter_mlops.pipelines.authoring.adoption import CLOCK_STEP_S, Done, not_adopted
from jupyter_mlops.pipelines.authoring.ipython_history import session_that_ran
from jupyter_mlops.pipelines.executing import kernels
from jupyter_mlops.pipelines.stages import yaml_files
from jupyter_mlops.pipelines.stages.notebooks import Notebook
from jupyter_mlops.pipelines.stages.papermill_command import NotebookCommand
from jupyter_mlops.pipelines.stages.specs import StageSpec

ENVIRONMENTS = (
    "uv.lock",
    "pixi.lock",
    "poetry.lock",
    "pdm.lock",
    "pylock.toml",
    "conda-lock.yml",
    "environment.yml",
    "requirements.txt",
)
"""Files that declare an environment, beside the notebook or at the root."""
LONGEST_S = 10.0


@attrs.frozen
class Timing:
    """When the first cell began and the last one ended, in seconds since 1970."""

    began_s: float
    ended_s: float


def verified(root: Path, stage: StageSpec) -> Done:
    """The run of `stage` that its notebook, as it was saved, holds.

    Raises
    ------
    UsageError
        ``not-adopted``, with the first check that failed.
    EnvironmentFault
        ``kernel-missing``.
    """
    command = stage.papermill
    if command is None:
        raise not_adopted(stage.name, "its command is not papermill")
    data = (root / command.notebook).read_bytes()
    notebook = Notebook.parse(command.notebook, data)
    cells = [cell for cell in notebook.document["cells"] if cell.get("cell_type") == "code" and _source(cell).strip()]
    for problem in (*_kernel(notebook, command), *_parameters(root, notebook, command), *_cells(cells)):
        raise not_adopted(stage.name, problem)
    started = session_that_ran([_source(cell) for cell in cells])
    if started is None:
        raise not_adopted(stage.name, "no kernel executed exactly these cells; one was edited, or more was run")
    timing = _timing(cells, started)
    for problem in _environment(root, command, timing.began_s):
        raise not_adopted(stage.name, problem)
    return Done(data, data, timing.began_s, timing.ended_s - timing.began_s, "adopted from JupyterLab")


def _source(cell: Mapping[str, Any]) -> str:
    return "".join(cell.get("source", ""))


def _kernel(notebook: Notebook, command: NotebookCommand) -> Iterator[str]:
    """The kernel is the one with which the stage runs, in the version that is installed now."""
    if notebook.language != "python":
        yield "only IPython kernels keep what they executed"
    elif command.kernel and command.kernel != notebook.kernel:
        yield f"it ran with the kernel {notebook.kernel}, the stage runs with {command.kernel}"
    elif notebook.kernel:
        kernels.require(notebook.kernel, notebook.path)
        known = notebook.document.get("metadata", {}).get("language_info", {}).get("version")
        now = _version(notebook.kernel)
        if known and now and known != now:
            yield f"it ran with Python {known}, the kernel {notebook.kernel} is Python {now} now"
    else:
        yield "it names no kernel"


def _version(kernel: str) -> str | None:
    """The version of Python with which `kernel` starts; None when that cannot be told."""
    command = [kernels.interpreter(kernel), "-I", "-c", "import platform; print(platform.python_version())"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=LONGEST_S).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _parameters(root: Path, notebook: Notebook, command: NotebookCommand) -> Iterator[str]:
    """Its ``parameters`` cell sets what the stage would be given."""
    own = notebook.defaults()
    names = notebook.parameters() or ()
    from_files = {name: value for path in command.files for name, value in yaml_files.load_mapping(root / path).items()}
    given = {**{name: value for name, value in from_files.items() if name in names}, **command.parameters}
    for name, value in given.items():
        if name not in own or (own[name], type(own[name])) != (value, type(value)):
            yield f"its parameter {name} is {own.get(name, 'computed')!r} in the notebook and {value!r} in the stage"


def _cells(cells: list[Mapping[str, Any]]) -> Iterator[str]:
    """Every cell ran once, in order, and none failed."""
    counts = [cell.get("execution_count") for cell in cells]
    if counts != [*range(1, len(counts) + 1)]:
        shown = ", ".join("none" if count is None else str(count) for count in counts)
        yield f"its cells were not run once each from top to end (execution counts {shown})"
    for number, cell in enumerate(cells, 1):
        if any(output.get("output_type") == "error" for output in cell.get("outputs", ())):
            yield f"cell {number} failed"


def _timing(cells: list[Mapping[str, Any]], started: dt.datetime) -> Timing:
    """From the times that JupyterLab notes in the cells when it is told to; else from the start of the kernel."""
    noted = [cell.get("metadata", {}).get("execution", {}) for cell in cells]
    began = [each for note in noted[:1] if (each := _moment(note, min))]
    ended = [each for note in noted[-1:] if (each := _moment(note, max))]
    begin = max([started, *began]).timestamp()
    return Timing(begin, max(begin, ended[0].timestamp()) if ended else begin)


def _moment(note: Mapping[str, str], choose: Callable[[list[dt.datetime]], dt.datetime]) -> dt.datetime | None:
    try:
        times = [dt.datetime.fromisoformat(text) for key, text in note.items() if key.startswith(("iopub.", "shell."))]
    except (TypeError, ValueError):
        return None
    return choose([time.astimezone(dt.UTC) for time in times]) if times else None


def _environment(root: Path, command: NotebookCommand, since_s: float) -> Iterator[str]:
    """What declares the environment is as it was when the first cell ran."""
    folders = dict.fromkeys((root, (root / command.notebook).parent))
    for file in (folder / name for folder in folders for name in ENVIRONMENTS):
        if file.is_file() and file.stat().st_mtime > since_s + CLOCK_STEP_S:
            yield f"{file.relative_to(root)} changed after the first cell ran"
