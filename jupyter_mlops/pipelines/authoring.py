"""Stages written into ``dvc.yaml`` and ``params.yaml``, so that plain ``dvc repro`` runs them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import attrs

from jupyter_mlops.errors import UnknownReference, UsageError, did_you_mean
from jupyter_mlops.pipelines import key_stages, keys, lock, yaml_files
from jupyter_mlops.pipelines.dvc_yaml import PARAMS
from jupyter_mlops.pipelines.limits import UNLIMITED, Limits
from jupyter_mlops.pipelines.notebooks import Notebook
from jupyter_mlops.pipelines.papermill_command import NotebookCommand, Value, compose, literal
from jupyter_mlops.pipelines.parameter_sources import ParameterFile
from jupyter_mlops.pipelines.pipeline import Pipeline, require_name
from jupyter_mlops.pipelines.planning import require_kernel, require_parameters
from jupyter_mlops.pipelines.stages import Out, StageGraph, StageSpec, key_path, overlaps
from jupyter_mlops.records import write_atomically
from jupyter_mlops.versioning.founding import missing_dvc_files, write_files
from jupyter_mlops.versioning.git import Git

DVC_YAML = "dvc.yaml"


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


class Authoring:
    """Adds and removes stages.

    Parameters
    ----------
    pipeline
        The stages as they are.
    git
        Knows which files git tracks: DVC cannot take those as outs.
    """

    def __init__(self, pipeline: Pipeline, git: Git) -> None:
        self._pipeline = pipeline
        self._git = git
        self._root = pipeline.places.root

    def check(self, draft: Draft, *, force: bool) -> StageGraph:
        """The graph with `draft` in it; nothing is written.

        Raises
        ------
        UsageError
            ``bad-stage-name``, ``stage-exists``, ``notebook-missing``, ``no-parameters-cell``,
            ``pipeline-cycle``, ``two-writers``, ``tracked-by-git``, ``parameter-not-quotable``,
            ``parameter-twice``.
        UnknownReference
            ``unknown-input``, with the nearest.
        EnvironmentFault
            ``kernel-missing``.
        """
        require_name(draft.name)
        key_stages.require_free(self._root, draft.name)
        notebook = Notebook.read(self._root, draft.notebook)
        require_parameters(notebook, {**draft.command.parameters, **dict.fromkeys(draft.measured)})
        self._require_one_source(draft)
        require_kernel(notebook)
        known = self._pipeline.graph().by_name
        if draft.name in known and not force:
            hint = f"stage add {draft.name} … --force replaces it."
            raise UsageError("stage-exists", f"There is a stage {draft.name} already.", hint=hint)
        key = {stage.name: stage for stage in [key_stages.stage_of(draft.notebook)] if draft.spec.key}
        graph = StageGraph({**key, **known, draft.name: draft.spec}.values())
        graph.ordered()
        self._require_inputs(draft, graph)
        self._require_untracked(draft)
        return graph

    def add(self, draft: Draft) -> tuple[str, ...]:
        """Write a checked `draft`; the files that changed."""

        def stage(document: Any) -> None:
            if not isinstance(document.get("stages"), dict):
                document["stages"] = {}
            document["stages"][draft.name] = draft.entry()

        def parameters(document: Any) -> None:
            for name, value in draft.parameters.items():
                yaml_files.assign(document, f"{draft.name}.{name}", value)

        if draft.parameters:
            yaml_files.edit(self._root / PARAMS, parameters)
        made = self._keep_key(draft.notebook) if draft.spec.key else ()
        yaml_files.edit(self._root / DVC_YAML, stage)
        founded = missing_dvc_files(self._root)
        write_files(self._root, founded)
        ignored = [self._pipeline.data.ignore(out.path) for out in draft.spec.outs if out.cached]
        written = [DVC_YAML, *made, *([PARAMS] if draft.parameters else []), *founded, *filter(None, ignored)]
        return tuple(dict.fromkeys(written))

    def remove(self, name: str) -> tuple[str, ...]:
        """Take the stage `name` out of ``dvc.yaml`` and ``dvc.lock``; its outputs stay.

        Raises
        ------
        UnknownReference
            ``unknown-stage``.
        UsageError
            ``generated-stage`` for one that a template makes.
        """
        document = yaml_files.load_mapping(self._root / DVC_YAML)
        stage = self._pipeline.graph().find(name)
        if name not in document["stages"]:
            raise UsageError(
                "generated-stage", f"{name} is made by a template of dvc.yaml.", hint="Edit the template in dvc.yaml."
            )
        yaml_files.drop(self._root / DVC_YAML, "stages", name)
        lock.remove(self._root, name)
        left = [path for path in (DVC_YAML, "dvc.lock") if (self._root / path).exists()]
        return (*left, *self._forget_key(stage))

    def _keep_key(self, notebook: str) -> tuple[str, ...]:
        """Let plain DVC write the key of `notebook`; the files of ours that this needs."""
        key_stages.include(self._root, notebook)
        if keys.are_ours(self._root):
            return (key_stages.SCRIPT,)
        (self._root / key_stages.SCRIPT).parent.mkdir(exist_ok=True)
        write_atomically(self._root / key_stages.SCRIPT, keys.script())
        return (key_stages.SCRIPT,)

    def _forget_key(self, stage: StageSpec) -> Iterator[str]:
        """Remove the key of the notebook of `stage` when no other stage needs it; the files that went."""
        others = self._pipeline.graph().by_name.values()
        if not stage.key or not stage.notebook or any(stage.key in other.deps for other in others):
            return
        is_last = key_stages.exclude(self._root, stage.notebook)
        lock.remove(self._root, key_stages.stage_of(stage.notebook).name)
        for path in (stage.key, *([key_stages.SCRIPT] if is_last else ())):
            if (self._root / path).exists() or self._git.is_tracked(path):
                (self._root / path).unlink(missing_ok=True)
                yield path

    def _require_one_source(self, draft: Draft) -> None:
        """Each parameter comes from one place: DVC cannot tell two of one name apart."""
        top = yaml_files.load_mapping(self._root / PARAMS) if draft.shared else {}
        named = [*draft.parameters, *(name for file in draft.files for name in file.values), *draft.measured]
        for name in named:
            if named.count(name) > 1 or (name in draft.shared and name in top):
                raise UsageError(
                    "parameter-twice",
                    f"{name} would come from two places.",
                    hint=f"Leave it out of one of them; a name at the top of {PARAMS} counts too.",
                )

    def _require_inputs(self, draft: Draft, graph: StageGraph) -> None:
        """Each input is here, or a pointer or a stage tells how it comes here."""
        made = [out.path for stage in graph.by_name.values() for out in stage.outs]
        for path in draft.deps:
            if ":/" in path or (self._root / path).exists() or any(overlaps(path, out) for out in made):
                continue
            if any((self._root / f"{above}.dvc").exists() for above in (path, *PurePosixPath(path).parents)):
                continue
            there = [f"{posixpath.dirname(path)}/{item.name}".lstrip("/") for item in self._beside(path)]
            hint = did_you_mean(path, [*made, *there], "Check the path, or add the stage that makes it first.")
            raise UnknownReference("unknown-input", f"There is no {path}, and no stage makes it.", hint=hint)

    def _beside(self, path: str) -> Iterator[Path]:
        folder = (self._root / path).parent
        return folder.iterdir() if folder.is_dir() else iter(())

    def _require_untracked(self, draft: Draft) -> None:
        for path in self._cached(draft):
            if self._git.is_tracked(path):
                raise UsageError(
                    "tracked-by-git",
                    f"git tracks {path}, so DVC cannot keep it as an output.",
                    hint=f"git rm -r --cached {path} && git commit, then repeat.",
                )

    @staticmethod
    def _cached(draft: Draft) -> Iterator[str]:
        return (out.path for out in draft.spec.outs if out.cached)
