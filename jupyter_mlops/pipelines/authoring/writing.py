"""Stages written into ``dvc.yaml`` and ``params.yaml``, so that plain ``dvc repro`` runs them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jupyter_mlops.errors import UsageError
from jupyter_mlops.pipelines.authoring import stage_checks
from jupyter_mlops.pipelines.authoring.changing import Change
from jupyter_mlops.pipelines.authoring.draft import Draft
from jupyter_mlops.pipelines.running.planning import require_kernel, require_parameters
from jupyter_mlops.pipelines.stages import key_stages, keys, lock, yaml_files
from jupyter_mlops.pipelines.stages.dvc_yaml import PARAMS
from jupyter_mlops.pipelines.stages.notebooks import Notebook
from jupyter_mlops.pipelines.stages.specs import Out, StageGraph, StageSpec
from jupyter_mlops.pipelines.standing.pipeline import Pipeline, require_name
from jupyter_mlops.records import write_atomically
from jupyter_mlops.versioning.founding import missing_dvc_files, write_files
from jupyter_mlops.versioning.git import Git

DVC_YAML = "dvc.yaml"


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
        stage_checks.require_one_source(self._root, draft)
        require_kernel(notebook)
        stage_checks.require_data((*draft.deps, *(out.path for out in draft.spec.outs)))
        known = self._pipeline.graph().by_name
        if draft.name in known and not force:
            hint = f"stage add {draft.name} … --force replaces it."
            raise UsageError("stage-exists", f"There is a stage {draft.name} already.", hint=hint)
        key = {stage.name: stage for stage in [key_stages.stage_of(draft.notebook)] if draft.spec.key}
        graph = StageGraph({**key, **known, draft.name: draft.spec}.values())
        graph.ordered()
        stage_checks.require_inputs(self._root, draft.deps, graph)
        stage_checks.require_untracked(self._git, draft.spec.outs)
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

        before = self._pipeline.graph().by_name.get(draft.name)
        if draft.parameters:
            yaml_files.edit(self._root / PARAMS, parameters)
        made = self._keep_key(draft.notebook) if draft.spec.key else ()
        yaml_files.edit(self._root / DVC_YAML, stage)
        founded = missing_dvc_files(self._root)
        write_files(self._root, founded)
        ignored = [self._pipeline.data.ignore(out.path) for out in draft.spec.outs if out.cached]
        gone = self._forget_key(before) if before else ()
        written = [DVC_YAML, *made, *gone, *([PARAMS] if draft.parameters else []), *founded, *filter(None, ignored)]
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
        stage = self._own(name)
        yaml_files.drop(self._root / DVC_YAML, "stages", name)
        lock.remove(self._root, name)
        left = [path for path in (DVC_YAML, "dvc.lock") if (self._root / path).exists()]
        return (*left, *self._forget_key(stage))

    def change(self, name: str, change: Change) -> StageGraph:
        """The graph with the stage `name` changed; nothing is written.

        Raises
        ------
        UnknownReference
            ``unknown-stage``, ``unknown-input``, ``unknown-path``.
        UsageError
            ``generated-stage``, ``pipeline-cycle``, ``two-writers``, ``tracked-by-git``.
        """
        stage = change.applied(self._own(name))
        stage_checks.require_data((*change.deps, *change.outs, *change.metrics))
        graph = StageGraph({**self._pipeline.graph().by_name, name: stage}.values())
        graph.ordered()
        stage_checks.require_inputs(self._root, change.deps, graph)
        stage_checks.require_untracked(self._git, (Out(path) for path in change.outs))
        return graph

    def write_change(self, name: str, change: Change) -> tuple[str, ...]:
        """Write a checked `change`; the files that changed."""
        yaml_files.edit(self._root / DVC_YAML, lambda document: change.write(document["stages"][name]))
        ignored = [self._pipeline.data.ignore(path) for path in change.outs]
        return (DVC_YAML, *filter(None, ignored))

    def _own(self, name: str) -> StageSpec:
        """The stage `name`, as long as it stands in ``dvc.yaml`` as such."""
        stage = self._pipeline.graph().find(name)
        if name not in yaml_files.load_mapping(self._root / DVC_YAML)["stages"]:
            raise UsageError(
                "generated-stage", f"{name} is made by a template of dvc.yaml.", hint="Edit the template in dvc.yaml."
            )
        return stage

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
