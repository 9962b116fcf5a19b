"""What a run will look at: targets as the user names them, and the parameters given to them."""

from __future__ import annotations

import copy
import functools
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from jupyter_mlops.errors import EnvironmentFault, UnknownReference, UsageError, did_you_mean
from jupyter_mlops.pipelines.running.execution import LOCAL
from jupyter_mlops.pipelines.stages import key_stages, keys, yaml_files
from jupyter_mlops.pipelines.stages.dvc_yaml import PARAMS
from jupyter_mlops.pipelines.stages.lock import Values
from jupyter_mlops.pipelines.stages.notebooks import Notebook
from jupyter_mlops.pipelines.stages.papermill_command import (
    NotebookCommand,
    Value,
    literal,
    references,
    require_quotable,
)
from jupyter_mlops.pipelines.stages.specs import StageGraph, StageSpec
from jupyter_mlops.pipelines.standing.pipeline import Pipeline, flattened
from jupyter_mlops.records import Places


@attrs.frozen
class Plan:
    """What a run will look at, in order.

    Attributes
    ----------
    stages
        Stages of ``dvc.yaml``.
    notebook
        A notebook that is no stage, run by itself.
    keys
        Stages that only write the keys of notebooks: nothing has to run for them.
    """

    stages: tuple[StageSpec, ...]
    notebook: StageSpec | None = None
    keys: tuple[StageSpec, ...] = ()

    @property
    def everything(self) -> tuple[StageSpec, ...]:
        """All that runs, in order."""
        return (*self.stages, self.notebook) if self.notebook else self.stages


def plan(
    pipeline: Pipeline,
    targets: Sequence[str],
    parameters: Mapping[str, Value],
    *,
    downstream: bool = False,
    single: bool = False,
) -> Plan:
    """The stages, or the one notebook, that `targets` name; none means all stages.

    Parameters
    ----------
    downstream
        Also what depends on the targets.
    single
        The one target and nothing else, not even what it needs.

    Raises
    ------
    UnknownReference
        ``unknown-stage``, ``unknown-parameter``.
    UsageError
        ``no-stages``, ``one-notebook``, ``no-parameters-cell``, ``one-stage``.
    """
    graph = pipeline.graph()
    if not targets and not graph.by_name:
        raise UsageError("no-stages", "There are no stages.", hint="stage add NAME NOTEBOOK, or run NOTEBOOK.")
    names = [_stage_of(graph, target) for target in targets]
    if single:
        return _by_itself(pipeline.places, graph, names)
    notebooks = [name for name in names if name.endswith(".ipynb") and name not in graph.by_name]
    if not notebooks:
        return _split(pipeline.places, graph.select(names, downstream=downstream))
    if len(targets) > 1:
        hint = f"run {notebooks[0]}, or make it a stage: stage add NAME {notebooks[0]}."
        raise UsageError("one-notebook", "A notebook that is no stage runs by itself.", hint=hint)
    return alone(pipeline, notebooks[0], parameters)


def _split(places: Places, stages: Sequence[StageSpec]) -> Plan:
    """The stages that write keys apart from those that run; with a script that is not ours, all run."""
    ours = keys.are_ours(places.root)
    shown = tuple(key_stages.hidden(stages)) if ours else tuple(stages)
    names = {stage.name for stage in shown}
    return Plan(shown, keys=tuple(stage for stage in stages if stage.name not in names))


def _by_itself(places: Places, graph: StageGraph, names: Sequence[str]) -> Plan:
    """The one stage of `names`, and the key of its notebook, in a pipeline that could run."""
    if len(names) != 1:
        raise UsageError("one-stage", "--single runs exactly one stage.", hint="run STAGE --single")
    graph.ordered()
    stage = graph.find(names[0])
    writes = (one for one in graph.by_name.values() if stage.key in {out.path for out in one.outs})
    return Plan((stage,), keys=tuple(writes) if stage.key and keys.are_ours(places.root) else ())


def _stage_of(graph: StageGraph, target: str) -> str:
    """The stage that `target` names or whose notebook it is, else `target`."""
    if target in graph.by_name:
        return target
    path = posixpath.normpath(target)
    return next((stage.name for stage in graph.by_name.values() if stage.notebook == path), path)


def alone(pipeline: Pipeline, path: str, parameters: Mapping[str, Value], files: tuple[str, ...] = ()) -> Plan:
    """A notebook by itself, as a stage without outputs; `files` hold parameters, too.

    Raises
    ------
    UnknownReference
        ``unknown-parameter``.
    UsageError
        ``notebook-missing``, ``not-a-notebook``, ``no-parameters-cell``.
    """
    notebook = Notebook.read(pipeline.places.root, path)
    require_parameters(notebook, parameters)
    folder = posixpath.dirname(path)
    name = posixpath.basename(path).removesuffix(".ipynb")
    output, cwd = f"{LOCAL}/{name}.ipynb", folder or None
    command = literal(NotebookCommand(path, output, parameters, notebook.kernel, cwd, files))
    return Plan((), StageSpec(name=name, command=command, template=command, deps=(path,)))


def require_parameters(notebook: Notebook, given: Mapping[str, Value]) -> None:
    """Check that the notebook takes the parameters `given`, and that they may be written down.

    Raises
    ------
    UsageError
        ``no-parameters-cell``.
    UnknownReference
        ``unknown-parameter``, with the nearest.
    """
    names = tuple(given)
    known = notebook.parameters()
    if names and known is None:
        raise UsageError(
            "no-parameters-cell",
            f"{notebook.path} has no cell tagged `parameters`.",
            hint="In JupyterLab, select the cell that sets them and tag it `parameters` in the property inspector.",
        )
    for name in names:
        if known and name not in known:
            raise unknown_parameter(name, notebook.path, known)


def require_kernel(notebook: Notebook, command: NotebookCommand | None = None) -> str:
    """The kernel that `notebook` runs with.

    Raises
    ------
    EnvironmentFault
        ``kernel-missing``.
    """
    from jupyter_mlops.pipelines.executing import kernels

    name = (command.kernel if command else None) or notebook.kernel
    if not name:
        raise EnvironmentFault(
            "kernel-missing",
            f"{notebook.path} names no kernel.",
            context=f"Installed: {', '.join(kernels.installed())}.",
            hint="Open it in JupyterLab, choose a kernel, and save.",
        )
    kernels.require(name, notebook.path)
    return name


Key = tuple[str, str]
"""A parameter file, and a key in it."""


def chosen_parameters(
    pipeline: Pipeline, stages: Sequence[StageSpec], given: Mapping[str, Value]
) -> dict[str, dict[str, Value]]:
    """The files and keys at which `given` stands for those of `stages` that take it.

    Raises
    ------
    UnknownReference
        ``unknown-parameter``, with the nearest.
    UsageError
        ``parameter-type``, ``parameter-not-quotable``, ``parameter-elsewhere``.
    """
    root = pipeline.places.root
    chosen: dict[str, dict[str, Value]] = {}
    for name, places in keys_of(pipeline, stages, given).items():
        require_quotable(name, given[name])
        for file, key in places:
            require_same_type(name, yaml_files.lookup(yaml_files.load_mapping(root / file), key)[1], given[name])
            chosen.setdefault(file, {})[key] = given[name]
    return chosen


def set_parameters(pipeline: Pipeline, stages: Sequence[StageSpec], given: Mapping[str, Value]) -> None:
    """Write `given` to the parameter files of those of `stages` that take them; see `chosen_parameters`."""
    for file, values in chosen_parameters(pipeline, stages, given).items():
        yaml_files.edit(pipeline.places.root / file, functools.partial(_assign, values=values))


def with_parameters(known: Values, chosen: Mapping[str, Mapping[str, Value]]) -> Values:
    """The parameters of a stage as they will be when `chosen` is written."""
    found = {file: copy.deepcopy(dict(values)) for file, values in known.items()}
    for file, values in found.items():
        for key, value in chosen.get(file, {}).items():
            for own in values:
                if key == own:
                    values[own] = value
                elif key.startswith(f"{own}."):
                    _assign(values[own], {key.removeprefix(f"{own}."): value})
    return found


def _assign(document: Any, values: Mapping[str, Value]) -> None:
    for key, value in values.items():
        yaml_files.assign(document, key, value)


def keys_of(pipeline: Pipeline, stages: Sequence[StageSpec], given: Iterable[str]) -> dict[str, set[Key]]:
    """Where each of `given` stands for those of `stages` that take it.

    Raises
    ------
    UnknownReference
        ``unknown-parameter``, with the nearest.
    UsageError
        ``parameter-elsewhere`` for one in a file that is not YAML.
    """
    known: dict[str, set[Key]] = {}
    for stage in stages:
        for name, place in _places(pipeline, stage).items():
            known.setdefault(name, set()).add(place)
    for name in given:
        if name not in known:
            raise unknown_parameter(name, " and ".join(stage.name for stage in stages), known, _taught(stages, name))
        for file, _ in known[name]:
            if not file.endswith((".yaml", ".yml")):
                raise UsageError("parameter-elsewhere", f"{name} stands in {file}.", hint=f"Edit {file}, then run.")
    return {name: known[name] for name in given}


def parameter_keys(pipeline: Pipeline, stage: StageSpec) -> dict[str, str]:
    """What a user may call each parameter of `stage` that stands in ``params.yaml``, and its key there."""
    return {name: key for name, (file, key) in _places(pipeline, stage).items() if file == PARAMS}


def _places(pipeline: Pipeline, stage: StageSpec) -> dict[str, Key]:
    """What a user may call each parameter of `stage`, and where it stands."""
    values = pipeline.values(stage)
    leaves = [(file, key) for file in values for key, _ in flattened(values[file], lists=True)]
    named = references(stage.template)
    return {
        **{key: (file, key) for file, key in leaves},
        **{key.rpartition(".")[2]: (file, key) for file, key in leaves},
        **{name: next((leaf for leaf in leaves if leaf[1] == key), (PARAMS, key)) for name, key in named.items()},
    }


def require_same_type(name: str, old: object, new: Value) -> None:
    """Check that a parameter keeps its kind: as another one it would arrive as something else in the command line.

    Raises
    ------
    UsageError
        ``parameter-type``.
    """
    if old is None or new is None or _kind(old) == _kind(new):
        return
    raise UsageError(
        "parameter-type",
        f"{name} is {_kind(old)}, and was given {_kind(new)}.",
        context=f"now {old!r}, given {new!r}",
        hint="Give a value of the same kind, or write the stage again: stage add --force.",
    )


def _kind(value: object) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, bool):
        return "true or false"
    return "text" if isinstance(value, str) else "a number"


def _taught(stages: Sequence[StageSpec], name: str) -> str:
    """How a stage without parameters is given one."""
    lines = (f"stage add {stage.name} {stage.notebook} -p {name}=… --force" for stage in stages if stage.notebook)
    line = next(lines, "")
    return f"It takes none yet: {line} gives it one." if line else "It takes none."


def unknown_parameter(name: str, where: str, known: Iterable[str], without: str = "") -> UnknownReference:
    """The error for a parameter that `where` does not take, with the nearest that it does."""
    names = sorted(known)
    listed = f"It takes {', '.join(names)}." if names else without
    hint = did_you_mean(name, names, listed)
    return UnknownReference("unknown-parameter", f"{where} has no parameter {name}.", hint=hint)
