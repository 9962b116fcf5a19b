"""A stage as its author describes it, and as ``dvc.yaml`` will hold it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

import attrs

from jupyter_mlops.pipelines.stages import key_stages
from jupyter_mlops.pipelines.stages.dvc_yaml import PARAMS
from jupyter_mlops.pipelines.stages.limits import UNLIMITED, Limits
from jupyter_mlops.pipelines.stages.papermill_command import NotebookCommand, Value, compose, literal
from jupyter_mlops.pipelines.stages.parameter_sources import ParameterFile
from jupyter_mlops.pipelines.stages.specs import Out, StageSpec, key_path


@attrs.frozen
class Draft:
    """A stage as the user describes it; paths are below the root.

    Attributes
    ----------
    parameters
        Those whose values stand in ``params.yaml`` under the stage's name.
    deps, outs, metrics
        What it reads and writes besides the notebook and its executed copy.
    files
        Other files of parameters.
    measured
        Parameter to the metrics file of a stage before that holds it.
    """

    name: str
    notebook: str
    parameters: Mapping[str, Value]
    deps: tuple[str, ...] = ()
    outs: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    limits: Limits = UNLIMITED
    files: tuple[ParameterFile, ...] = ()
    measured: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def shared(self) -> dict[str, Value]:
        """The parameters that it takes by name from other files."""
        return {name: value for file in self.files for name, value in file.values.items()}

    @property
    def command(self) -> NotebookCommand:
        """What runs: the notebook in its own folder, as in JupyterLab."""
        folder = posixpath.dirname(self.notebook) or None
        whole = dict.fromkeys((*(file.path for file in self.files if not file.values), *self.measured.values()))
        parameters = {**self.shared, **self.parameters}
        return NotebookCommand(self.notebook, f"executed/{self.name}.ipynb", parameters, None, folder, (*whole,))

    @property
    def code(self) -> str:
        """On what it depends for its code: the key of its notebook, or the notebook where no key can be made."""
        return key_path(self.notebook) if key_stages.can_have(self.notebook) else self.notebook

    @property
    def spec(self) -> StageSpec:
        """The stage it will be."""
        outs = [Out(path) for path in (*self.outs, self.command.output)]
        metrics = [Out(path, cached=False, kind="metrics") for path in self.metrics]
        names = tuple(f"{self.name}.{name}" for name in self.parameters)
        return StageSpec(
            name=self.name,
            command=literal(self.command),
            template=compose(self.command, self.name, self.shared),
            deps=tuple(dict.fromkeys((self.code, *self.deps, *self.measured.values()))),
            outs=(*outs, *metrics),
            params={**({PARAMS: names} if names else {}), **{file.path: (*file.values,) for file in self.files}},
            limits=self.limits,
        )

    def entry(self) -> dict[str, Any]:
        """As ``dvc.yaml`` holds it."""
        spec = self.spec
        whole = {
            "cmd": spec.template,
            "vars": [f"{file.path}:{','.join(file.values)}" for file in self.files if file.values],
            "deps": list(spec.deps),
            "params": [
                *spec.params.get(PARAMS, ()),
                *({file.path: list(file.values) or None} for file in self.files),
            ],
            "outs": [out.path for out in spec.outs if out.kind == "outs"],
            "metrics": [{path: {"cache": False}} for path in self.metrics],
            "meta": self.limits.entry(),
        }
        return {key: value for key, value in whole.items() if value}
