"""What a run will look at: targets as the user names them, and the parameters given to them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from jupyter_mlops.errors import EnvironmentFault, UnknownReference, UsageError, did_you_mean
from jupyter_mlops.pipelines import yaml_files
from jupyter_mlops.pipelines.dvc_yaml import PARAMS
from jupyter_mlops.pipelines.execution import LOCAL
from jupyter_mlops.pipelines.notebooks import Notebook
from jupyter_mlops.pipelines.papermill_command import NotebookCommand, Value, literal, references, require_quotable
from jupyter_mlops.pipelines.pipeline import Pipeline, flattened
from jupyter_mlops.pipelines.stages import StageGraph, StageSpec
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
    """

    stages: tuple[StageSpec, ...]
    notebook: StageSpec | None = None

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
        return Plan((_only(graph, names),))
    notebooks = [name for name in names if name.endswith(".ipynb") and name not in graph.by_name]
    if not notebooks:
        return Plan(graph.select(names, downstream=downstream))
    if len(targets) > 1:
        hint = f"run {notebooks[0]}, or make it a stage: stage add NAME {notebooks[0]}."
        raise UsageError("one-notebook", "A notebook that is no stage runs by itself.", hint=hint)
    return Plan((), _alone(pipeline.places, notebooks[0], parameters))


def _only(graph: StageGraph, names: Sequence[str]) -> StageSpec:
    """The one stage of `names`, in a pipeline that could run."""
    if len(names) != 1:
        raise UsageError("one-stage", "--single runs exactly one stage.", hint="run STAGE --single")
    graph.ordered()
    return graph.find(names[0])


def _stage_of(graph: StageGraph, target: str) -> str:
    """The stage that `target` names or whose notebook it is, else `target`."""
    if target in graph.by_name:
        return target
    path = posixpath.normpath(target)
    return next((stage.name for stage in graph.by_name.values() if stage.notebook == path), path)


def _alone(places: Places, path: str, parameters: Mapping[str, Value]) -> StageSpec:
    """A notebook that is no stage as a stage without outputs."""
    notebook = Notebook.read(places.root, path)
    require_parameters(notebook, parameters)
    folder = posixpath.dirname(path)
    name = posixpath.basename(path).removesuffix(".ipynb")
    command = literal(NotebookCommand(path, f"{LOCAL}/{name}.ipynb", parameters, notebook.kernel, folder or None))
    return StageSpec(name=name, command=command, template=command, deps=(path,))


def require_parameters(notebook: Notebook, given: Iterable[str]) -> None:
    """Check that the notebook takes the parameters `given`.

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
            raise _unknown_parameter(name, notebook.path, known)


def require_kernel(notebook: Notebook, command: NotebookCommand | None = None) -> str:
    """The kernel that `notebook` runs with.

    Raises
    ------
    EnvironmentFault
        ``kernel-missing``.
    """
    from jupyter_mlops.pipelines import kernels

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


def set_parameters(pipeline: Pipeline, stages: Sequence[StageSpec], given: Mapping[str, Value]) -> None:
    """Write `given` to ``params.yaml`` for those of `stages` that take them.

    Raises
    ------
    UnknownReference
        ``unknown-parameter``, with the nearest.
    UsageError
        ``parameter-type``, ``parameter-not-quotable``.
    """
    document = yaml_files.load_mapping(pipeline.places.root / PARAMS)
    chosen: dict[str, Value] = {}
    known: dict[str, set[str]] = {}
    for stage in stages:
        for name, key in _keys(pipeline, stage).items():
            known.setdefault(name, set()).add(key)
    for name, value in given.items():
        if name not in known:
            raise _unknown_parameter(name, " and ".join(stage.name for stage in stages), known, _taught(stages, name))
        require_quotable(name, value)
        for key in known[name]:
            _require_same_type(name, yaml_files.lookup(document, key)[1], value)
            chosen[key] = value

    def change(edited: Any) -> None:
        for key, value in chosen.items():
            yaml_files.assign(edited, key, value)

    if chosen:
        yaml_files.edit(pipeline.places.root / PARAMS, change)


def _keys(pipeline: Pipeline, stage: StageSpec) -> dict[str, str]:
    """What a user may call each parameter of `stage`, and its key in ``params.yaml``."""
    values = pipeline.values(stage).get(PARAMS, {})
    leaves = [key for key, _ in flattened(values, lists=True)]
    return {
        **{key: key for key in leaves},
        **{key.rpartition(".")[2]: key for key in leaves},
        **references(stage.template),
    }


def _require_same_type(name: str, old: object, new: Value) -> None:
    """The command line was written for values of one kind; another kind would arrive as something else."""
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


def _unknown_parameter(name: str, where: str, known: Iterable[str], without: str = "") -> UnknownReference:
    names = sorted(known)
    listed = f"It takes {', '.join(names)}." if names else without
    hint = did_you_mean(name, names, listed)
    return UnknownReference("unknown-parameter", f"{where} has no parameter {name}.", hint=hint)
